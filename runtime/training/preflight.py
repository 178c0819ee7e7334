"""Diagnostics of all trainings of a program, before the first of them and without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from promptlang.datasets import image_files
from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.files import file_access_failed
from promptlang.diagnostics.training_data import token_not_in_captions
from promptlang.plan.steps import Step, Train
from promptlang.plan.training_config import token_of
from promptlang.source import Span

from ..devices import resolve_device
from .data.image_loading import load_image
from .data.training_data import TrainingData, load_training_data
from .optim.optimizers import ensure_installed
from .state.stored_result import stored_fingerprint


def diagnose_trainings(steps: Iterable[Step]) -> Iterator[Diagnostic]:
    """Yield the diagnostics of each training that need no model and no decoded picture."""
    for step in steps:
        if isinstance(step, Train):
            try:
                yield from _diagnose(step)
            except PromptError as error:
                yield from error.diagnostics
            except OSError as error:
                reason, file = error.strerror or str(error), error.filename or step.file
                yield file_access_failed(Path(file), reason, step.span)


def _diagnose(step: Train) -> Iterator[Diagnostic]:
    resolve_device(step.device, step.span_of("device"))
    if stored_fingerprint(step.file) is None:  # else the training may be up to date
        ensure_installed(step.config.optimisation.optimizer, step.span_of("optimizer"))
    # class pictures that are still to be rendered are not checked
    rendered = bool(step.class_pictures)
    data = load_training_data(step.config, step.span_of, with_class_data=not rendered)
    yield from _diagnose_files(data, step.span_of("from"))
    token = token_of(step.config.method)
    if token is not None and not any(f"<{token.token}>" in caption for caption in data.captions):
        yield token_not_in_captions(token.token, step.span)


def _diagnose_files(data: TrainingData, span: Span) -> Iterator[Diagnostic]:
    """Yield a diagnostic for every damaged picture; all are loaded if one seems incomplete."""
    if all(map(_is_intact, data.all)):
        return
    for example in data.all:
        loaded = load_image(example, span, alpha_mask=False)
        if isinstance(loaded, Diagnostic):
            yield loaded


def _is_intact(example: Example) -> bool:
    return all(image_files.is_complete(file) for file in (example.file, example.mask) if file)
