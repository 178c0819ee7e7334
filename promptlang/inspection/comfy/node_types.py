"""The form of the table of node types; the table itself is data in the modules beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.values import Kind


class Role(Enum):
    """The kinds of nodes; `promptlang.inspection.comfy.roles` has the code of each."""

    VALUE = auto()
    """Each output is the input of its name."""
    JOIN = auto()
    """Texts are joined with a separator."""
    REPLACE = auto()
    CHANGE = auto()
    """A text is trimmed, or its letters change."""
    STRING_FUNCTION = auto()
    SWITCH = auto()
    """One of several inputs is chosen by a number or a truth value."""
    FIRST = auto()
    """The first input that is connected."""
    ENCODE = auto()
    COMBINE = auto()
    CONCAT = auto()
    AVERAGE = auto()
    AREA = auto()
    ZERO = auto()
    THROUGH = auto()
    """Outputs are inputs that the node changes; its values are named as lost."""
    CHECKPOINT = auto()
    LORA = auto()
    LORA_LIST = auto()
    LORA_STACK = auto()
    """A list of LoRAs that another node applies."""
    CLIP_SKIP = auto()
    EMPTY_LATENT = auto()
    IMAGE_LATENT = auto()
    DECODE = auto()
    SCALE = auto()
    TAGGED = auto()
    """A text with tags of LoRAs is encoded, and the LoRAs are added."""
    PICTURE = auto()
    """A picture from a file."""
    SAMPLE = auto()
    GUIDER = auto()
    SIGMAS = auto()
    SPLIT_SIGMAS = auto()
    SAMPLER = auto()
    NOISE = auto()
    PIPE = auto()
    """A bundle of values: the one that comes in, with the inputs of this node in it."""
    LOADER = auto()
    """A checkpoint with LoRAs, prompts and empty latents in one node."""
    OUTPUT = auto()


@dataclass(frozen=True, slots=True)
class NodeType:
    """The facts about a class of nodes."""

    role: Role
    outputs: tuple[str, ...] = ()
    """Names of the outputs in order; `SLOT_KINDS` has their kinds."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The node's own names of inputs, by the names that the role asks for, where they differ."""
    inputs: tuple[str, ...] = ()
    """The inputs that a role with a list of them reads, in their order; ``text_{}`` is numbered."""
    defaults: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Values of inputs that the node does not have, or that change nothing."""
    option: str = ""
    """A variant of the role."""
    lost: tuple[str, ...] = ()
    """Inputs that are named as lost, unless they have their value of `defaults`."""

    def name(self, role: str) -> str:
        """Return the node's own name of an input."""
        return self.names.get(role, role)


SLOT_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "model": Kind.MODEL,
        "refiner_model": Kind.MODEL,
        "clip": Kind.CLIP,
        "refiner_clip": Kind.CLIP,
        "vae": Kind.VAE,
        "conditioning": Kind.CONDITIONING,
        "positive": Kind.CONDITIONING,
        "negative": Kind.CONDITIONING,
        "refiner_positive": Kind.CONDITIONING,
        "refiner_negative": Kind.CONDITIONING,
        "latent": Kind.LATENT,
        "denoised": Kind.LATENT,
        "image": Kind.IMAGE,
        "sampler": Kind.SAMPLER,
        "sigmas": Kind.SIGMAS,
        "high_sigmas": Kind.SIGMAS,
        "low_sigmas": Kind.SIGMAS,
        "noise": Kind.NOISE,
        "guider": Kind.GUIDER,
        "loras": Kind.LORAS,
        "pipe": Kind.PIPE,
        "script": Kind.SCRIPT,
    }
)
"""Kinds of outputs by their names in the table; any other name is `Kind.DATA`."""


ANY: Final = "any"
"""The name of an output that has the kind of an input."""


def has_kind(slot: str, kind: Kind) -> bool:
    """Return whether an output of a name in the table is of a kind."""
    return slot == ANY or SLOT_KINDS.get(slot, Kind.DATA) is (
        Kind.DATA if kind is Kind.TEXT else kind
    )
