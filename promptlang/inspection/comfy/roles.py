"""The code of each role of nodes, and of nodes whose class is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy import latents, models, prompts, sampling, texts
from promptlang.inspection.comfy.evaluation import Request, Steps, Visit, describe
from promptlang.inspection.comfy.node_types import Role
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

ROLES: Final[Mapping[Role, Callable[[Visit], Steps[Value]]]] = MappingProxyType(
    {
        Role.VALUE: texts.value,
        Role.JOIN: texts.join,
        Role.REPLACE: texts.replace,
        Role.CHANGE: texts.change,
        Role.STRING_FUNCTION: texts.string_function,
        Role.SWITCH: texts.switch,
        Role.FIRST: texts.first,
        Role.ENCODE: prompts.encode,
        Role.COMBINE: prompts.combine,
        Role.CONCAT: prompts.concat,
        Role.AVERAGE: prompts.average,
        Role.AREA: prompts.area,
        Role.ZERO: prompts.zero,
        Role.THROUGH: prompts.through,
        Role.CHECKPOINT: models.checkpoint,
        Role.LORA: models.lora,
        Role.LORA_LIST: models.lora_list,
        Role.LORA_STACK: models.lora_stack,
        Role.TAGGED: models.tagged,
        Role.CLIP_SKIP: models.clip_skip,
        Role.LOADER: models.loader,
        Role.EMPTY_LATENT: latents.empty_latent,
        Role.IMAGE_LATENT: latents.image_latent,
        Role.DECODE: latents.decode,
        Role.SCALE: latents.scale,
        Role.PICTURE: latents.picture,
        Role.PIPE: latents.pipe,
        Role.OUTPUT: latents.output,
        Role.SAMPLE: sampling.sample,
        Role.GUIDER: sampling.guider,
        Role.SIGMAS: sampling.sigmas,
        Role.SPLIT_SIGMAS: sampling.split_sigmas,
        Role.SAMPLER: sampling.sampler,
        Role.NOISE: sampling.noise,
    }
)
"""The function that evaluates an output, by the role of its node."""

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


def evaluate_unknown(visit: Visit) -> Steps[Value]:
    """Evaluate an output of a node of unknown class, which is named as lost.

    Its text, or the input of the kind that is asked for, is handed on; a number is not guessed.
    """
    if visit.kind in OTHER_KIND and sampling.is_like_sampler(visit):
        return (yield from sampling.sample_unknown(visit))
    if visit.kind in (Kind.CONDITIONING, Kind.TEXT):
        text = _own_text(visit)
        if text is not None:
            visit.evaluation.lose(
                f"what {describe(visit.node)} does with its text: its class is unknown"
            )
            if visit.kind is Kind.TEXT:
                return text
            clip = yield from visit.typed("clip", Kind.CLIP, Clip)
            return Conditioning((Part((text,), clip),))
    value = yield from _handed_on(visit, visit.kind)
    if value is None and visit.kind in OTHER_KIND:
        value = yield from _handed_on(visit, OTHER_KIND[visit.kind])
    if value is None and visit.kind is Kind.CONDITIONING:
        linked = yield from _handed_on(visit, Kind.TEXT)
        value = Conditioning((Part((linked,)),)) if isinstance(linked, str) else None
    if value is not None:
        visit.evaluation.lose(f"what {describe(visit.node)} does: its class is unknown")
    return value


def _own_text(visit: Visit) -> str | None:
    inputs = visit.node.inputs
    for name in TEXT_NAMES:
        text = inputs.get(name)
        if isinstance(text, str):
            return text
    return None


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
