"""Events of a running plan. Only the terminal draws them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from promptlang.diagnostics import Diagnostic
from promptlang.plan.dataset_report import DatasetReport
from promptlang.plan.steps import ContactSheet, Model, Render, Train


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """A base model is being read from disk."""

    name: str


@dataclass(frozen=True, slots=True)
class ModelRefused:
    """A base model, or the VAE to use with it, cannot be loaded; a diagnostic follows."""

    model: Model


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """The data set is read and encoded; an earlier run did `resumed_at` steps."""

    step: Train
    pictures: int
    resumed_at: int


@dataclass(frozen=True, slots=True)
class TrainingSkipped:
    """The training's file is up to date: no input has changed since it was made."""

    step: Train


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """`done` of `total` steps are done; the loss is smoothed over the last ones."""

    done: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True)
class TrainingSampled:
    """Sample pictures after `done` steps; 0 is before training."""

    step: Train
    done: int
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """The training's file is whole and in place."""

    step: Train
    loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RenderingStarted:
    """A batch of pictures begins."""

    steps: tuple[Render, ...]


@dataclass(frozen=True, slots=True)
class DenoisingStep:
    """`done` of `total` denoising steps are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A smaller picture of intermediate latents: the first picture of a batch."""

    step: Render
    size: tuple[int, int]
    """Width and height in pixels."""
    pixels: bytes
    """RGB bytes, row by row."""


@dataclass(frozen=True, slots=True)
class PictureFinished:
    """The picture's file is whole and in place."""

    step: Render
    file: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class SheetFinished:
    """The contact sheet's file is whole and in place."""

    step: ContactSheet


@dataclass(frozen=True, slots=True)
class DiagnosticRaised:
    """An error or a warning; a step with an error made nothing."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """`done` of `total` units of a task that is no step of a plan."""

    task: str
    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class TextReported:
    """A result to print."""

    text: str


@dataclass(frozen=True, slots=True)
class DataChecked:
    """The report on a data set; its diagnostics were raised before."""

    report: DatasetReport


Event = (
    ModelLoading
    | ModelRefused
    | TrainingStarted
    | TrainingSkipped
    | TrainingStep
    | TrainingSampled
    | TrainingFinished
    | RenderingStarted
    | DenoisingStep
    | Preview
    | PictureFinished
    | SheetFinished
    | DiagnosticRaised
    | TaskProgress
    | TextReported
    | DataChecked
)


class StateNotStoredError(Exception):
    """A plan was closed, and the state of its training could not be written to a file."""

    def __init__(self, file: str | None, reason: str) -> None:
        super().__init__(f"`{Path(file or 'checkpoint').name}` cannot be written: {reason}")
