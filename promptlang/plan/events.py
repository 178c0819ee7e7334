"""What a running plan tells of itself. Only the terminal draws it."""

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
    """A base model, or the VAE that it is to have, cannot be used; the reason follows."""

    model: Model


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """Pictures and captions are read and encoded; `resumed_at` steps were done by an earlier run."""

    step: Train
    pictures: int
    resumed_at: int


@dataclass(frozen=True, slots=True)
class TrainingSkipped:
    """What would be made is there, and nothing that it depends on has changed."""

    step: Train


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """`done` of `total` steps; the loss of the last one, smoothed for the eye."""

    done: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True)
class TrainingSampled:
    """What has been learned in `done` steps, in pictures; 0 is the model as it was."""

    step: Train
    done: int
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """What was to be made is whole and in place."""

    step: Train
    loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RenderingStarted:
    """Pictures are begun, to be made side by side."""

    steps: tuple[Render, ...]


@dataclass(frozen=True, slots=True)
class DenoisingStep:
    """`done` of `total` denoising steps."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a picture is about to look like, smaller; of those made side by side, the first."""

    step: Render
    size: tuple[int, int]
    """Width and height in pixels."""
    pixels: bytes
    """RGB, row by row."""


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
    """Something the user should know; a step with an error made nothing."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """`done` of `total` of a task that is no step of a plan."""

    task: str
    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class TextReported:
    """A result to be read."""

    text: str


@dataclass(frozen=True, slots=True)
class DataChecked:
    """What a data set is like; what is wrong with it has been told before."""

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
