"""A plan's steps, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from itertools import groupby
from pathlib import Path

from typing_extensions import assert_never

from promptlang import diagnostics
from promptlang.datasets.check import check
from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.diagnostics.training import not_trained
from promptlang.plan.events import Complained, Event, ModelLoading, ModelRefused, PictureFinished, SheetFinished
from promptlang.plan.steps import CheckData, ContactSheet, Model, Plan, Render, Step, Train
from promptlang.source import Span

from .adapters import merged, read
from .devices import Place, place, place_to_learn
from .distributed import Processes
from .models import loader
from .output import contact_sheet
from .sampling.rendering import Loaded, render

KEPT = 2
"""Models in memory: a prompt can go to and fro between two."""


def _statement(step: Step) -> tuple[object, ...]:
    """Equal for the pictures of one statement; every other step is by itself."""
    return (step.span, step.model, step.computing) if isinstance(step, Render) else (id(step),)


def _foreseen(steps: Sequence[Step]) -> Iterator[Diagnostic]:
    if any(isinstance(step, Train) for step in steps):
        from .training.preflight import foreseen

        yield from foreseen(steps)


def _needed(step: Step) -> Iterator[Path | None]:
    """What has to be there before a step, and may be trained by one before it."""
    match step:
        case Render():
            yield from (step.model.path, *(each.file for each in (*step.adapters, *step.embeddings)))
        case Train():
            yield from (step.model.path, *(each.file for each in step.adapters))


def _ready(steps: Sequence[Step], failed: Mapping[Path | None, str]) -> Generator[Event, None, list[Step]]:
    """Those that need nothing that failed; what the others would need is told once."""
    lacking = {failed[file]: step.span for step in steps for file in _needed(step) if file in failed}
    yield from (Complained(not_trained(name, span)) for name, span in lacking.items())
    return [step for step in steps if failed.keys().isdisjoint(_needed(step))]


def _is_error(event: Event) -> bool:
    return isinstance(event, Complained) and event.diagnostic.severity is Severity.ERROR


class Runtime:
    """Runs plans. It keeps the models and adapters that it has read for the next one."""

    def __init__(self) -> None:
        self._models: dict[Model, Loaded] = {}

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        """Do the steps in order, telling of each; what is wrong with one stops only those that need what it makes.

        What is wrong with trainings, and can be known before the first step of them, stops it all.
        Where several processes do, all of them train, and the first one makes the pictures.
        """
        foreseen = [*_foreseen(plan.steps)]
        yield from map(Complained, foreseen)
        if foreseen:
            return
        made: set[Path] = set()
        failed: dict[Path | None, str] = {}
        first = Processes.here().first
        steps = [step for step in plan.steps if first or isinstance(step, Train)]
        for _, group in groupby(steps, key=_statement):
            together = tuple(group)
            failed.pop(together[0].file, None)  # which is trained once more
            for event in self._attempt(together, made, failed):
                if isinstance(event, PictureFinished):
                    made.add(event.file)
                if isinstance(together[0], Train) and _is_error(event):
                    failed[together[0].file] = together[0].name
                yield event

    def _attempt(
        self, steps: Sequence[Step], made: Set[Path], failed: Mapping[Path | None, str]
    ) -> Generator[Event, None, None]:
        ready = yield from _ready(steps, failed)
        try:
            if ready:
                yield from self._run(ready, made)
        except PromptError as error:
            yield from map(Complained, error.diagnostics)
        except OSError as error:
            file = Path(error.filename or steps[0].file)
            yield Complained(diagnostics.file_refused(file, error.strerror or str(error), steps[0].span))

    def _run(self, steps: Sequence[Step], made: Set[Path]) -> Generator[Event, None, None]:
        match step := steps[0]:
            case Train():
                from .training import train

                where = place_to_learn(step.device, Processes.here().rank, step.at("device"))
                loaded = yield from self._load(step.model, where, step.span)
                if step.under:
                    loras = yield from loaded.read(step.adapters, read, step.span)
                    loaded = Loaded.of(merged(loaded.base, loras, step.under))
                yield from train(step, loaded)
                for model in [model for model in self._models if model.path == step.file]:
                    del self._models[model]  # it may be another one now
            case CheckData():
                yield from check(step)
            case Render():
                loaded = yield from self._load(step.model, place(step.computing, step.span), step.span)
                yield from render([each for each in steps if isinstance(each, Render)], loaded)
            case ContactSheet() if made:
                contact_sheet.save(step, made)
                yield SheetFinished(step)
            case ContactSheet():
                pass
            case _:
                assert_never(step)

    def _load(self, model: Model, where: Place, span: Span) -> Generator[Event, None, Loaded]:
        known = self._models.pop(model, None)
        if known is None or known.base.place != where:
            known = yield from self._read(model, where, span)
        self._models[model] = known
        return known

    def _read(self, model: Model, where: Place, span: Span) -> Generator[Event, None, Loaded]:
        """From disk, while the models used least recently make room; one that is refused changes nothing else."""
        while len(self._models) >= KEPT:
            del self._models[next(iter(self._models))]
        yield ModelLoading(model.name)
        try:
            return Loaded.of(loader.load(model, span, where))
        except PromptError:
            yield ModelRefused(model)
            raise
