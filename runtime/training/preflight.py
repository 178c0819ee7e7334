"""What is wrong with trainings and can be known before the first of them, without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from promptlang.datasets import image_files
from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training_data import token_not_in_captions
from promptlang.plan.steps import Step, Train
from promptlang.plan.training_config import token_of

from ..devices import resolve_device
from .data.image_loading import load_image
from .job import TrainingData
from .optim.optimizers import ensure_installed
from .state.fingerprint import stored_fingerprint


def diagnose_trainings(steps: Iterable[Step]) -> Iterator[Diagnostic]:
    """Of each training in turn; what only the model tells, or a decoded picture, comes up when it is its turn."""
    for step in steps:
        if isinstance(step, Train):
            try:
                yield from _diagnose(step)
            except PromptError as error:
                yield from error.diagnostics


def _diagnose(step: Train) -> Iterator[Diagnostic]:
    resolve_device(step.device, step.span_of("device"))
    if (
        stored_fingerprint(step.file) is None
    ):  # what is made already may be up to date, and need no package
        ensure_installed(step.config.optimisation.optimizer, step.span_of("optimizer"))
    if step.class_pictures:  # which are made first, and in order
        step = replace(step, config=replace(step.config, prior=None))
    material = TrainingData.of(step)
    if not all(map(_is_intact, material.all)):
        # all are tried, so that all that are damaged are named
        tried = (load_image(each, step.span_of("from"), alpha_mask=False) for each in material.all)
        yield from (each for each in tried if isinstance(each, Diagnostic))
    token = token_of(step.config.method)
    if token is not None and not any(
        f"<{token.token}>" in caption for each in material.all for caption in each.captions
    ):
        yield token_not_in_captions(token.token, step.span)


def _is_intact(example: Example) -> bool:
    return all(image_files.is_complete(file) for file in (example.file, example.mask) if file)
