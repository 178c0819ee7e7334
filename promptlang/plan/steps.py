"""Steps of a plan, in resolved numbers: the output of the language, the input of the runtime.

Plain data. Every default is filled in, every name looked up, nesting multiplied out. The parts of a
`Render` that options fill are defined in `promptlang.grammar` beside the options.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from promptlang.grammar import picture_options
from promptlang.plan.prompt import ActiveLora, Resolved
from promptlang.plan.training_config import TrainingConfig
from promptlang.source import Span

SamplingConfig = picture_options.SamplingConfig
ImageConfig = picture_options.ImageConfig
OutputConfig = picture_options.OutputConfig
ComputeConfig = picture_options.ComputeConfig


@dataclass(frozen=True, slots=True)
class Model:
    """A base model: its name and its path; no path for the built-in model and those of a hub."""

    name: str
    path: Path | None = None
    """A folder in diffusers' layout, or a single file."""
    vae: Path | None = None
    """A folder or single file with the VAE to use instead of the model's own."""
    hub: bool = False
    """Flag that the name is a repository on a model hub, ``org/name``."""
    prediction: str = ""
    """What the model predicts by the program's word, `epsilon` or `v`; empty by its own."""


EMOJI = Model("emoji")
"""The base model that comes with promptlang."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """Name of a LoRA in the prompt, or of a token without brackets, and its file or PEFT folder."""

    name: str
    file: Path


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompt and negative prompt, and how the text encoders read them."""

    text: str
    """The prompt as its user wrote it, less remarks, for the picture's metadata."""
    negative_text: str
    prompt: Resolved
    negative: Resolved
    adapters: tuple[Adapter, ...] = ()
    """File of each LoRA that `prompt` names."""
    embeddings: tuple[Adapter, ...] = ()
    """File of each token that `prompt` or `negative` names; it may be that of a LoRA."""
    emphasis: str = "a1111"
    """Meaning of a weight: ``a1111``, ``a1111-no-norm``, ``comfy``, ``compel`` or ``none``."""
    clip_skip: int = 1
    """Layer of the text encoder that is read, counted from the last, which is 1."""


@dataclass(frozen=True, slots=True)
class Render:
    """A prompt, on its own line."""

    span: Span
    model: Model
    prompts: Prompts
    sampling: SamplingConfig
    image: ImageConfig
    output: OutputConfig
    computing: ComputeConfig = field(default_factory=ComputeConfig)
    line: str = ""
    """The line without remarks, and with names instead of paths, for the picture's metadata."""

    @property
    def file(self) -> Path:
        """Return the PNG to make."""
        return self.output.file

    def with_file(self, file: Path) -> Render:
        """Return the step with another file for its picture."""
        return replace(self, output=replace(self.output, file=file))


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
    """Flag to train again although nothing has changed."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``mps``, or ``auto`` for the fastest one present."""
    active_loras: tuple[ActiveLora, ...] = ()
    """LoRAs that are active on the model while it trains."""
    adapters: tuple[Adapter, ...] = ()
    """File of each active LoRA."""
    embeddings: tuple[Adapter, ...] = ()
    """Tokens that captions may name, beside the one that is trained."""
    samples: tuple[Render, ...] = ()
    """Sample pictures; each is made at several steps, and the step's number precedes its name."""
    class_pictures: tuple[Render, ...] = ()
    """Class pictures for prior preservation, to be made with the model before training."""
    sample_every: int = 1
    """Steps from one round of samples to the next."""
    option_spans: tuple[tuple[str, Span], ...] = ()
    """Source span of each option, and of the data set under ``from``."""

    def span_of(self, option: str) -> Span:
        """Return an option's span; the statement's if a setting or a default gives the value."""
        return dict(self.option_spans).get(option, self.span)

    @property
    def steps(self) -> int:
        """Return the number of optimiser steps."""
        return self.config.optimisation.steps

    @property
    def report(self) -> Path:
        """Return the folder of the training's report."""
        return self.file.with_name(f"{self.name}.report")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """Pictures side by side."""

    label: str
    cells: tuple[tuple[str, Path], ...]
    """Each picture's own label, and its file."""


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """A grid of the pictures of one prompt."""

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
    """The model that is to be trained on the data set."""
    method: str = "lora"
    """``lora``, ``dreambooth`` or ``ti``."""
    size: tuple[int, int] | None = None
    """Width and height in pixels of the cropped pictures; None for the model's own size."""
    token: str = ""
    """The token that is to stand for the subject."""
    template: str | None = None
    """Caption to use instead of each picture's own."""

    @property
    def file(self) -> Path:
        """Return the data set."""
        return self.source


Step = Train | Render | ContactSheet | CheckData


@dataclass(frozen=True, slots=True)
class Plan:
    """A program's steps, in the order in which they run."""

    steps: tuple[Step, ...]
