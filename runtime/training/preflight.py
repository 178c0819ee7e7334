"""What is wrong with trainings and can be known before the first of them, without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from promptlang.datasets import image_files
from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import no_token
from promptlang.plan.steps import Step, Train
from promptlang.plan.training_config import token_of

from ..devices import device_of
from .data.image_loading import attempt
from .optim.optimizers import ensure_installed
from .state.fingerprint import kept_key
from .train import Material


def foreseen(steps: Iterable[Step]) -> Iterator[Diagnostic]:
    """Of each training in turn; what only the model tells, or a decoded picture, comes up when it is its turn."""
    for step in steps:
        if isinstance(step, Train):
            try:
                yield from _foreseen(step)
            except PromptError as error:
                yield from error.diagnostics


def _foreseen(step: Train) -> Iterator[Diagnostic]:
    device_of(step.device, step.at("device"))
    if kept_key(step.file) is None:  # what is made already may be up to date, and need no package
        ensure_installed(step.course.optimisation.optimizer, step.at("optimizer"))
    if step.class_pictures:  # which are made first, and in order
        step = replace(step, course=replace(step.course, prior=None))
    material = Material.of(step)
    if not all(map(_looks_whole, material.all)):
        # all are tried, so that all that are damaged are named
        tried = (attempt(each, step.at("from"), alpha_mask=False) for each in material.all)
        yield from (each for each in tried if isinstance(each, Diagnostic))
    token = token_of(step.course.method)
    if token is not None and not any(f"<{token.token}>" in said for each in material.all for said in each.captions):
        yield no_token(token.token, step.span)


def _looks_whole(example: Example) -> bool:
    return all(image_files.looks_whole(file) for file in (example.file, example.mask) if file)
