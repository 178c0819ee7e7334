"""Execution of a plan's steps, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from contextlib import closing
from itertools import groupby
from pathlib import Path

from safetensors import SafetensorError
from typing_extensions import assert_never

from promptlang.datasets.check import check_dataset
from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.diagnostics.training import required_training_failed
from promptlang.plan.events import (
    DiagnosticRaised,
    Event,
    ModelLoading,
    ModelRefused,
    PictureFinished,
    SheetFinished,
)
from promptlang.plan.steps import CheckData, ContactSheet, Model, Plan, Render, Step, Train
from promptlang.source import Span

from .adapters import merge_loras, read_lora
from .devices import DevicePlacement, resolve_placement, resolve_training_placement
from .distributed import Processes
from .models import loader
from .output import contact_sheet
from .sampling.loaded_model import LoadedModel
from .sampling.rendering import render
from .step_failures import diagnose_failure, is_memory_error

MAX_MODELS = 2
"""Models kept in memory: a program may alternate between two."""


def _statement_key(step: Step) -> tuple[object, ...]:
    """Return a key that is equal for the pictures of one statement, and unique for other steps."""
    return (step.span, step.model, step.computing) if isinstance(step, Render) else (id(step),)


def _preflight(steps: Sequence[Step]) -> Iterator[Diagnostic]:
    if any(isinstance(step, Train) for step in steps):
        from .training.preflight import diagnose_trainings

        yield from diagnose_trainings(steps)


def _required_files(step: Step) -> Iterator[Path | None]:
    """Yield the files that a step reads, and that an earlier training may make."""
    match step:
        case Render():
            yield from (
                step.model.path,
                *(each.file for each in (*step.prompts.adapters, *step.prompts.embeddings)),
            )
        case Train():
            yield from (step.model.path, *(each.file for each in step.adapters))


def _runnable_steps(
    steps: Sequence[Step], failed: Mapping[Path | None, str]
) -> Generator[Event, None, list[Step]]:
    """Return the steps that need no failed training; yield a diagnostic for each failed one."""
    missing = {
        failed[file]: step.span
        for step in steps
        for file in _required_files(step)
        if file in failed
    }
    yield from (
        DiagnosticRaised(required_training_failed(name, span)) for name, span in missing.items()
    )
    return [step for step in steps if failed.keys().isdisjoint(_required_files(step))]


def _is_error(event: Event) -> bool:
    return isinstance(event, DiagnosticRaised) and event.diagnostic.severity is Severity.ERROR


class Runtime:
    """Executor of plans; models and adapters stay in memory for the next plan."""

    def __init__(self) -> None:
        self._models: dict[Model, LoadedModel] = {}

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        """Run the steps in order and yield their events.

        An error in a step stops only the steps that need its output. An error in any training that
        can be found beforehand stops the whole plan. In a distributed run all processes train, and
        only the main one does the other steps.
        """
        errors = [*_preflight(plan.steps)]
        yield from map(DiagnosticRaised, errors)
        if errors:
            return
        made: set[Path] = set()
        failed: dict[Path | None, str] = {}
        is_main = Processes.current().is_main_process
        steps = [step for step in plan.steps if is_main or isinstance(step, Train)]
        for _, group in groupby(steps, key=_statement_key):
            statement = tuple(group)
            first = statement[0]
            failed.pop(first.file, None)  # which is trained once more
            with closing(self._attempt(statement, made, failed)) as events:
                for event in events:
                    if isinstance(event, PictureFinished):
                        made.add(event.file)
                    if isinstance(first, Train) and _is_error(event):
                        failed[first.file] = first.name
                    yield event

    def _attempt(
        self, steps: Sequence[Step], made: Set[Path], failed: Mapping[Path | None, str]
    ) -> Generator[Event, None, None]:
        ready = yield from _runnable_steps(steps, failed)
        try:
            if ready:
                yield from self._run(ready, made)
        except PromptError as error:
            yield from map(DiagnosticRaised, error.diagnostics)
        except (OSError, RuntimeError, MemoryError, ImportError, SafetensorError) as error:
            diagnostic = diagnose_failure(error, steps[0])
            if diagnostic is None:
                raise
            if is_memory_error(error):
                self._models.clear()  # the next steps may need less
            yield DiagnosticRaised(diagnostic)

    def _run(self, steps: Sequence[Step], made: Set[Path]) -> Generator[Event, None, None]:
        match step := steps[0]:
            case Train():
                from .training import train

                placement = resolve_training_placement(
                    step.device, Processes.current().rank, step.span_of("device")
                )
                loaded = yield from self._load(step.model, placement, step.span)
                if step.active_loras:
                    loras = yield from loaded.read_adapters(step.adapters, read_lora, step.span)
                    loaded = LoadedModel.of(merge_loras(loaded.base, loras, step.active_loras))
                yield from train(step, loaded)
                for model in [model for model in self._models if model.path == step.file]:
                    del self._models[model]  # its file has changed
            case CheckData():
                yield from check_dataset(step)
            case Render():
                loaded = yield from self._load(
                    step.model, resolve_placement(step.computing, step.span), step.span
                )
                yield from render([each for each in steps if isinstance(each, Render)], loaded)
            case ContactSheet() if made:
                contact_sheet.save_contact_sheet(step, made)
                yield SheetFinished(step)
            case ContactSheet():
                pass
            case _:
                assert_never(step)

    def _load(
        self, model: Model, placement: DevicePlacement, span: Span
    ) -> Generator[Event, None, LoadedModel]:
        loaded = self._models.pop(model, None)
        if loaded is None or loaded.base.placement != placement:
            loaded = yield from self._read(model, placement, span)
        self._models[model] = loaded
        return loaded

    def _read(
        self, model: Model, placement: DevicePlacement, span: Span
    ) -> Generator[Event, None, LoadedModel]:
        """Read a model from disk, after the least recently used ones have made room for it."""
        while len(self._models) >= MAX_MODELS:
            del self._models[next(iter(self._models))]
        yield ModelLoading(model.name)
        try:
            return LoadedModel.of(loader.load_model(model, span, placement))
        except PromptError:
            yield ModelRefused(model)
            raise
