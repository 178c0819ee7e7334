"""What is to be done, in resolved numbers: the language's last word and the runtime's first.

Plain data. Every default is filled in, every name looked up, nesting multiplied out.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from promptlang.diagnostics import Diagnostic
from promptlang.plan.training_config import TrainingConfig
from promptlang.source import Position, Span


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of prompt text with one weight."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Break:
    """``BREAK``: the segment after it starts a new chunk.

    `text` and `weight` are the pair that A1111's parser returns for it, and that `to_json` writes.
    """

    text: ClassVar[str] = "BREAK"
    weight: ClassVar[float] = -1.0


Segments = tuple[Segment | Break, ...]
"""A prompt's text at one step."""


@dataclass(frozen=True, slots=True)
class ActiveLora:
    """A LoRA at a strength for each of the model's two trainable parts."""

    name: str
    text_encoder: float
    unet: float


@dataclass(frozen=True, slots=True)
class Interval:
    """What holds up to and including the step `until`, steps counted from 1."""

    until: int
    segments: Segments
    loras: tuple[ActiveLora, ...] = ()
    weight: float | None = None
    """The part's weight, where it changes over the steps."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the picture, in fractions of its width and height, and how far its edge is softened."""

    left: float
    right: float
    top: float
    bottom: float
    feather: float = 0.0


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One of the prompts that composable diffusion adds up; its intervals cover all steps."""

    intervals: tuple[Interval, ...]
    weight: float = 1.0
    """At the first step."""
    area: Area | None = None
    """Where it acts; None for the whole picture."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A prompt's meaning over a number of steps."""

    parts: tuple[PromptPart, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    """What is wrong with how it is written."""

    def segments_a1111(self) -> list[list[list[list[str | float]]]]:
        """For each part, for each interval: ``[[text, weight], …]``, as A1111's own parser returns them."""
        return [
            [
                [[each.text, each.weight] for each in interval.segments]
                for interval in part.intervals
            ]
            for part in self.parts
        ]

    def to_json(self) -> dict[str, Any]:
        """What grammar/resolved.schema.json describes, as plain lists, dictionaries, texts and numbers."""
        return {
            "parts": [_part(part) for part in self.parts],
            "diagnostics": [diagnostic_json(each) for each in self.diagnostics],
        }


def _part(part: PromptPart) -> dict[str, Any]:
    return {
        "weight": part.weight,
        "area": part.area and asdict(part.area),
        "intervals": [_interval(each) for each in part.intervals],
    }


def _interval(interval: Interval) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "until": interval.until,
        "segments": [[each.text, each.weight] for each in interval.segments],
        "loras": [[each.name, each.text_encoder, each.unet] for each in interval.loras],
    }
    return plain if interval.weight is None else {**plain, "weight": interval.weight}


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain texts and numbers, but for the name of its source."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "start": _place(diagnostic.span.first),
        "end": _place(diagnostic.span.last),
    }


def _place(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column, "offset": position.offset}


@dataclass(frozen=True, slots=True)
class Model:
    """A base model: the name it goes by, and where it is; nowhere for the built-in one and for those of a hub."""

    name: str
    path: Path | None = None
    """A folder in diffusers' layout, or a single file."""
    vae: Path | None = None
    """What takes the place of its own VAE: a folder or a single file."""
    hub: bool = False
    """Whether the name is that of a repository on a model hub, ``org/name``."""


@dataclass(frozen=True, slots=True)
class ComputeConfig:
    """With what numbers a picture is computed, where, and how sparingly."""

    precision: str | None = None
    """``fp32``, ``fp16`` or ``bf16``; None for what is usual on the device."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``mps``, or ``auto`` for the best there is."""
    memory: str = "normal"
    """``normal`` or ``low``."""


PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""What the name of a picture to train on ends in, in lower case."""

KOHYA_FOLDER = re.compile(r"(\d+)_(.+)")
"""The name of a folder, in the manner of kohya's: how often its pictures are shown, and what they show."""

WEIGHT_ENDINGS = frozenset({".safetensors", ".ckpt", ".pt", ".pth"})
"""What the name of a single file with a model's weights ends in, in lower case."""

EMBEDDING_ENDINGS = frozenset({".safetensors", ".pt", ".bin"})
"""What the name of a token's file ends in, in lower case."""

MODEL_INDEX = "model_index.json"
"""What is in a folder with a whole model, in diffusers' layout."""

ADAPTER_CONFIG = "adapter_config.json"
"""What is in a folder with an adapter, in PEFT's."""

NETWORKS = ("unet", "text_encoder", "text_encoder_2")
"""The parts of a model that adapters change; of several, each has a folder of its own in one of PEFT's."""

EMOJI = Model("emoji")
"""The base model that comes with promptlang."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA's name in the prompt, or a token's without its brackets, and its file or PEFT folder."""

    name: str
    file: Path


@dataclass(frozen=True, slots=True)
class Train:
    """``train lora ink from "photos/ink" --rank 16``"""

    span: Span
    model: Model
    name: str
    file: Path
    """The safetensors file to make, or the folder of a whole model."""
    config: TrainingConfig
    force: bool = False
    """Whether it is trained again even if nothing has changed."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``mps``, or ``auto`` for the best there is."""
    active_loras: tuple[ActiveLora, ...] = ()
    """LoRAs that the model has on meanwhile."""
    adapters: tuple[Adapter, ...] = ()
    """Where each of them is found."""
    embeddings: tuple[Adapter, ...] = ()
    """Tokens that captions may name, beside the one that learns."""
    samples: tuple[Render, ...] = ()
    """Pictures to make meanwhile. Each is made after several steps, and its file is then called after the step, too."""
    class_pictures: tuple[Render, ...] = ()
    """Pictures of others of the kind, to be made with the model before it has learned anything."""
    sample_every: int = 1
    """Steps from one look at them to the next."""
    option_spans: tuple[tuple[str, Span], ...] = ()
    """Where each of its options is written, and ``from`` its pictures."""

    def span_of(self, option: str) -> Span:
        """Where to point for an option: the whole statement where a setting or a default says it."""
        return dict(self.option_spans).get(option, self.span)

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.config.optimisation.steps

    @property
    def report(self) -> Path:
        """The folder of what there is to know about it."""
        return self.file.with_name(f"{self.name}.report")


@dataclass(frozen=True, slots=True)
class Render:
    """A prompt, on its own line."""

    span: Span
    model: Model
    text: str
    """The prompt as its user wrote it, for the picture's metadata."""
    negative_text: str
    prompt: Resolved
    negative: Resolved
    adapters: tuple[Adapter, ...]
    """Where each LoRA that `prompt` names is found."""
    seed: int
    steps: int
    cfg: float
    """Guidance scale; where it changes, the first step's."""
    size: tuple[int, int] | None
    """Width and height in pixels; None for the model's own size."""
    sampler: str
    file: Path
    """The PNG to make."""
    sheet_position: tuple[int, int] | None = None
    """Which one of how many it is on a contact sheet, from 1; None if it is on none."""
    cfg_by_step: tuple[float, ...] = ()
    """The guidance scale at each step, where it changes."""
    scheduler: str = "normal"
    """How the noise levels are spaced: ``normal`` for the model's own way, ``karras``, …"""
    emphasis: str = "a1111"
    """What a weight does: ``a1111``, ``a1111-no-norm``, ``comfy``, ``compel`` or ``none``."""
    clip_skip: int = 1
    """Which of the text encoder's layers is read, counted from the last, which is 1."""
    eta: float = 0.0
    """How much of its noise DDIM draws anew at each step."""
    init: Path | None = None
    """The picture to start from."""
    mask: Path | None = None
    """White where that picture may change."""
    strength: float = 0.75
    """How much of the way from noise is walked again, from `init` or by the second pass of `hires`."""
    hires: float = 1.0
    """How many times as wide and high a second pass makes the picture; 1 for no such pass."""
    metadata: str = "full"
    """What the picture says of itself: ``full``, ``minimal`` (A1111's text only) or ``none``."""
    batch: int | None = None
    """Copies of it to make side by side, of which the first is kept: how many decides over the last bits.
    None for one beside the others of its sweep."""
    computing: ComputeConfig = ComputeConfig()
    embeddings: tuple[Adapter, ...] = ()
    """Where each token that `prompt` or `negative` names is found: in a LoRA's file, maybe."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """Pictures side by side."""

    label: str
    cells: tuple[tuple[str, Path], ...]
    """Each picture's own label, and its file."""


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """All pictures of one prompt."""

    span: Span
    rows: tuple[SheetRow, ...]
    file: Path
    """The PNG to make."""


@dataclass(frozen=True, slots=True)
class CheckData:
    """``check data "photos"``"""

    span: Span
    source: Path
    """A folder, a list of files, or a pattern."""
    model: Model = EMOJI
    """What is to be trained on them."""
    method: str = "lora"
    """``lora``, ``dreambooth`` or ``ti``."""
    size: tuple[int, int] | None = None
    """Width and height in pixels that they will be cut to; None for the model's own."""
    token: str = ""
    """What they are to be called by."""
    template: str | None = None
    """What is said instead of a picture's caption."""

    @property
    def file(self) -> Path:
        """What it is about."""
        return self.source


Step = Train | Render | ContactSheet | CheckData


@dataclass(frozen=True, slots=True)
class Plan:
    """A program's steps, in the order in which they run."""

    steps: tuple[Step, ...]
