"""What the outputs of ComfyUI's nodes stand for: models, prompts, latents, sampling passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from promptlang.files import Json
from promptlang.inspection.comfy.graph import Input, Node


class Kind(Enum):
    """The kind of value that an output has."""

    DATA = auto()
    """A number, a choice or a truth value."""
    TEXT = auto()
    MODEL = auto()
    CLIP = auto()
    VAE = auto()
    CONDITIONING = auto()
    LATENT = auto()
    IMAGE = auto()
    SAMPLER = auto()
    SIGMAS = auto()
    NOISE = auto()
    GUIDER = auto()
    LORAS = auto()
    PIPE = auto()
    SCRIPT = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Lora:
    """A LoRA that a node adds, after those before it."""

    node: str
    file: str
    model_strength: float | int | None
    """None where the node has no such strength."""
    clip_strength: float | int | None
    before: Loras = None

    def chain(self) -> Iterator[Lora]:
        """Yield the LoRAs, the last one first."""
        each: Loras = self
        while each is not None:
            yield each
            each = each.before


Loras: TypeAlias = "Lora | None"


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A list of LoRAs that is not yet applied to a model."""

    loras: Loras = None


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A diffusion model with its LoRAs."""

    file: str = ""
    loras: Loras = None


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Text encoders with their LoRAs."""

    loras: Loras = None
    skip: int | None = None
    """The layer that is read, counted from the last one, which is 1; None for the model's own."""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Vae:
    """The VAE of a file, or of the checkpoint."""

    file: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the picture, as left, top, width and height, in pixels or in fractions."""

    box: tuple[float, float, float, float]
    fractions: bool


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of the texts that are predicted on their own, and averaged."""

    texts: tuple[str, ...]
    """Texts that were encoded on their own, and concatenated."""
    clip: Clip | None = None
    strength: float | int = 1
    area: Area | None = None
    dialect: str = "comfy"
    """The name of the dialect in which the node reads its text."""
    sizes: tuple[Json, ...] = ()
    """The widths and heights that SDXL is conditioned on."""
    others: tuple[tuple[str, str], ...] = ()
    """Names and texts for the other text encoders, where they differ."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """A prompt."""

    parts: tuple[Part, ...]
    zeroed: Node | None = None
    """The node that replaced the encoded text by zeros."""


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The noise that sampling starts with; the seed is None where no noise is added."""

    seed: Json = None


@dataclass(frozen=True, slots=True, eq=False)
class Sampler:
    """A sampler by ComfyUI's name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Sigmas:
    """Noise levels; a scheduler's name that is empty is one without a name in ComfyUI."""

    steps: Json
    scheduler: str = ""
    denoise: Json = None
    first: int = 0
    """The step, counted from 0, that the levels begin with."""
    last: int | None = None
    """The step that the levels end before; None for the end."""


@dataclass(frozen=True, slots=True, eq=False)
class Guider:
    """A model with its prompts and the guidance scale."""

    model: Model | None
    positive: Conditioning | None
    negative: Conditioning | None
    cfg: Json


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """A run of a sampler, after those before it."""

    node: Node
    guider: Guider
    seed: Json
    """None where no noise is added."""
    sampler: str
    sigmas: Sigmas
    size: tuple[int, int] | None
    """Width and height in pixels of the latents; None if unknown."""
    batch: Json
    before: Pass | None = None

    def chain(self) -> Iterator[Pass]:
        """Yield the passes, the last one first."""
        each: Pass | None = self
        while each is not None:
            yield each
            each = each.before


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """Latents, or the picture of them: empty ones, a picture's, or the result of passes."""

    size: tuple[int, int] | None = None
    batch: Json = 1
    passes: Pass | None = None
    vae: str = ""
    """The VAE's file, where it decodes with another than the checkpoint's."""


@dataclass(frozen=True, slots=True, eq=False)
class Pipe:
    """Several values in one output: inputs by the names of the table of node types."""

    fields: Mapping[str, Input]


Value: TypeAlias = (
    "Json | Model | Clip | Vae | Conditioning | Latent | Noise | Sampler | Sigmas | Guider | Stack"
    " | Pipe"
)
