"""Nodes whose class is not in the table: what their inputs' names tell, named as lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.evaluation import Request, Steps, Visit, describe
from promptlang.inspection.comfy.graph import Link
from promptlang.inspection.comfy.node_types import NodeType, Role
from promptlang.inspection.comfy.roles import ROLES
from promptlang.inspection.comfy.values import (
    Clip,
    Conditioning,
    Guider,
    Kind,
    Latent,
    Model,
    Noise,
    Part,
    Pipe,
    Sampler,
    Sigmas,
    Stack,
    Vae,
    Value,
)

CLASSES: Final[Mapping[Kind, type]] = MappingProxyType(
    {
        Kind.MODEL: Model,
        Kind.CLIP: Clip,
        Kind.VAE: Vae,
        Kind.CONDITIONING: Conditioning,
        Kind.LATENT: Latent,
        Kind.IMAGE: Latent,
        Kind.SAMPLER: Sampler,
        Kind.SIGMAS: Sigmas,
        Kind.NOISE: Noise,
        Kind.GUIDER: Guider,
        Kind.LORAS: Stack,
        Kind.PIPE: Pipe,
        Kind.TEXT: str,
    }
)
"""The class of values of each kind that a node of unknown class may hand on."""

TEXT_NAMES: Final = ("text", "text_g", "prompt", "populated_text", "string", "value")
"""Names of the text in nodes of unknown class, the likeliest first."""

OTHER_KIND: Final[Mapping[Kind, Kind]] = MappingProxyType(
    {Kind.LATENT: Kind.IMAGE, Kind.IMAGE: Kind.LATENT}
)
"""Pictures and latents become each other in nodes that encode and decode."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A role that a node may have by the names of its inputs."""

    role: Role
    word: str
    """The role in a message."""
    slot: str
    needs: tuple[tuple[str, ...], ...]
    """Sets of names; of each the node has one."""
    links: tuple[str, ...] = ()
    """Inputs that must be linked."""
    excludes: tuple[str, ...] = ()
    """Inputs that must not be linked."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that an input of the role may have."""

    def fits(self, inputs: Mapping[str, object]) -> bool:
        """Return whether a node with these inputs may have the role."""
        return (
            all(isinstance(inputs.get(name), Link) for name in self.links)
            and not any(isinstance(inputs.get(name), Link) for name in self.excludes)
            and all(any(name in inputs for name in every) for every in self.needs)
        )

    def spec(self, inputs: Mapping[str, object]) -> NodeType:
        """Return the type of a node with these inputs."""
        names = {
            role: next((name for name in every if name in inputs), every[0])
            for role, every in self.names.items()
        }
        return NodeType(self.role, (self.slot,), names)


PICTURES: Final = ("image", "images", "pixels")
LATENTS: Final = ("latent_image", "latent", "latents", "samples")
SEEDS: Final = ("seed", "noise_seed")
CFGS: Final = ("cfg", "cfg_scale", "guidance_scale", "cfg_conds", "cfg1")
SAMPLE_NAMES: Final = MappingProxyType(
    {
        "seed": SEEDS,
        "cfg": CFGS,
        "sampler_name": ("sampler_name", "sampler"),
        "latent": LATENTS,
    }
)

SAMPLES: Final = Likeness(
    Role.SAMPLE,
    "a sampler",
    "latent",
    ((*SEEDS, "steps", *CFGS, "sampler_name"), ("model", *LATENTS)),
    links=("positive", "negative"),
    excludes=PICTURES,
    names=SAMPLE_NAMES,
)
GUIDES: Final = Likeness(
    Role.GUIDER,
    "a guider",
    "guider",
    (("positive", "conditioning", "cond1", "cond"),),
    names={"positive": ("positive", "conditioning", "cond1", "cond"), "cfg": CFGS},
)
LORA: Final = (("lora_name",), ("strength_model",))

LIKENESSES: Final[Mapping[Kind, Likeness]] = MappingProxyType(
    {
        Kind.LATENT: SAMPLES,
        Kind.IMAGE: SAMPLES,
        Kind.GUIDER: GUIDES,
        Kind.SIGMAS: Likeness(
            Role.SIGMAS, "a scheduler", "sigmas", (("steps",),), excludes=("sigmas",)
        ),
        Kind.SAMPLER: Likeness(
            Role.SAMPLER, "a choice of sampler", "sampler", (("sampler_name",),)
        ),
        Kind.NOISE: Likeness(
            Role.NOISE, "a source of noise", "noise", (SEEDS,), names={"seed": SEEDS}
        ),
        Kind.MODEL: Likeness(Role.LORA, "a loader of a LoRA", "model", LORA, links=("model",)),
        Kind.CLIP: Likeness(Role.LORA, "a loader of a LoRA", "clip", LORA, links=("clip",)),
    }
)
"""The role that a node of unknown class is tried for, by the kind that is asked of it."""

EMPTY_LATENT: Final = Likeness(
    Role.EMPTY_LATENT, "empty latents", "latent", (("width",), ("height",))
)

FRAGMENT: Final = Likeness(
    Role.SAMPLE, "a sampler", "latent", (), links=("positive", "negative"), names=SAMPLE_NAMES
)
"""A node without a class, as in a fragment of a graph."""


def evaluate_unknown(visit: Visit) -> Steps[Value]:
    """Evaluate an output of a node of unknown class, which is named as lost.

    It is read by the names of its inputs, or else hands on the input of the kind that is asked
    for, or its text; a number is not guessed.
    """
    likeness = _likeness(visit)
    if likeness is not None:
        return (yield from _evaluate_as(visit, likeness))
    value = yield from _handed_on(visit, visit.kind)
    if value is None and visit.kind in OTHER_KIND:
        value = yield from _handed_on(visit, OTHER_KIND[visit.kind])
        if value is None and EMPTY_LATENT.fits(visit.node.inputs):
            return (yield from _evaluate_as(visit, EMPTY_LATENT))
    if value is None and visit.kind in (Kind.CONDITIONING, Kind.TEXT):
        value = yield from _text(visit)
    if value is not None:
        visit.evaluation.lose(f"what {describe(visit.node)} does: its class is unknown")
    return value


def _likeness(visit: Visit) -> Likeness | None:
    if visit.kind in OTHER_KIND and not visit.node.kind and FRAGMENT.fits(visit.node.inputs):
        return FRAGMENT
    likeness = LIKENESSES.get(visit.kind)
    return likeness if likeness and likeness.fits(visit.node.inputs) else None


def _evaluate_as(visit: Visit, likeness: Likeness) -> Steps[Value]:
    """Evaluate a node in a role that the names of its inputs tell."""
    if visit.node.kind:
        visit.evaluation.lose(
            f"what else {describe(visit.node)} does: its class is unknown, and it is read as "
            f"{likeness.word} by the names of its inputs"
        )
    spec = likeness.spec(visit.node.inputs)
    return (yield from ROLES[likeness.role](replace(visit, spec=spec, slot=likeness.slot)))


def _text(visit: Visit) -> Steps[Value]:
    """Return the node's own text, or else one that is linked, encoded if that is asked for."""
    text: Value = None
    for name in TEXT_NAMES:
        own = visit.node.inputs.get(name)
        if text is None and isinstance(own, str):
            text = own
    if visit.kind is Kind.TEXT:
        return text
    if text is None:
        text = yield from _handed_on(visit, Kind.TEXT)
    if not isinstance(text, str):
        return None
    clip = yield from visit.typed("clip", Kind.CLIP, Clip)
    return Conditioning((Part((text,), clip),))


def _handed_on(visit: Visit, kind: Kind) -> Steps[Value]:
    """Return the first linked input of a kind.

    A node with a positive and a negative prompt has two such outputs, in that order.
    """
    if kind not in CLASSES:
        return None
    links = dict(visit.node.links())
    if kind is Kind.CONDITIONING and {"positive", "negative"} <= set(links):
        name = {"0": "positive", "1": "negative"}.get(visit.slot)
        links = {name: links[name]} if name else {}
    for link in links.values():
        value = yield Request(link, kind)
        if isinstance(value, CLASSES[kind]):
            return value
    return None
