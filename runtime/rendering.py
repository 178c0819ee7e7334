"""Pictures, from their plan to their files: side by side where they ask the network alike."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from time import perf_counter

from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from promptlang import diagnostics
from promptlang.diagnostics import PromptError
from promptlang.events import Complained, DenoisingStep, Event, PictureFinished, RenderingStarted
from promptlang.plan import Adapter, Render
from promptlang.source import Span

from . import pictures
from .adapters import Lora, read
from .canvas import Canvas, canvas, enlarged, latent_size, resized
from .conditioning import Encoder, Reading
from .models import BaseModel
from .moments import Conditioner
from .samplers import SAMPLERS, extras
from .sampling import Route, Walk, generator_of, likeness, side_by_side

Latents = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Loaded:
    """A base model, and what is worth keeping of the work with it."""

    base: BaseModel
    encoder: Encoder
    loras: dict[tuple[Path, int, int], Lora] = field(default_factory=dict)
    """By file, time of change in nanoseconds and size in bytes."""

    def lora(self, adapter: Adapter, span: Span) -> Lora:
        """As its file is now; raises `PromptError` where it does not fit."""
        try:
            state = adapter.file.stat()
        except OSError as error:
            raise PromptError([diagnostics.lora_missing(adapter.file, span)]) from error
        key = adapter.file, state.st_mtime_ns, state.st_size
        if key not in self.loras:
            self.loras[key] = read(adapter, self.base, span)
        return self.loras[key]


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """A picture that is ready to be made."""

    step: Render
    base: BaseModel
    loras: Mapping[str, Lora]
    canvas: Canvas
    first: Route
    second: Route | None
    """Of ``--hires``."""

    @property
    def calls(self) -> int:
        """Of the network, for one part and without the negative prompt's."""
        return sum(len(route.times) for route in self._routes)

    @property
    def likeness(self) -> object:
        """Equal for pictures that can be made side by side."""
        return self.canvas.size, [(likeness(route.calls), route.scheduler.order) for route in self._routes]

    @property
    def _routes(self) -> list[Route]:
        return [route for route in (self.first, self.second) if route]

    def walk(self) -> Walk:
        """To its latents."""
        generator = generator_of(self.step.seed)
        latents = yield from self.canvas.begin(self.first, self.base, generator)
        if self.second:
            small = self.canvas.finish(pictures.decode(self.base.vae, latents))
            larger = resized(small, enlarged(small.size, self.step.hires, self.base))
            latents = yield from larger.begin(self.second, self.base, generator)
        return latents

    def save(self, latents: Tensor) -> None:
        """The picture of its latents, as a file."""
        picture = pictures.decode(self.base.vae, latents)
        picture = picture if self.second else self.canvas.finish(picture)
        pictures.save(
            picture, pictures.parameters(self.step, self.base, picture.size, self.loras.values()), self.step.file
        )


def render(steps: Sequence[Render], loaded: Loaded) -> Generator[Event, None, None]:
    """Make pictures, as many of them at once as can be; what is wrong with one does not stop the others."""
    jobs: list[Job] = []
    for step in steps:
        yield from _prepared(step, loaded, jobs)
    for alike in _alike(jobs):
        yield from _make(alike)


def _prepared(step: Render, loaded: Loaded, jobs: list[Job]) -> Iterator[Event]:
    try:
        jobs.append(prepare(step, loaded))
    except PromptError as error:
        yield from map(Complained, error.diagnostics)


def _make(jobs: Sequence[Job]) -> Generator[Event, None, None]:
    began = perf_counter()
    yield RenderingStarted(tuple(job.step for job in jobs))
    latents = yield from _counted(side_by_side(jobs[0].base.unet, [job.walk() for job in jobs]), jobs[0].calls)
    for job, each in zip(jobs, latents, strict=True):
        job.save(each)
        yield PictureFinished(job.step, job.step.file, (perf_counter() - began) / len(jobs))


def _counted(making: Generator[None, None, Latents], calls: int) -> Generator[DenoisingStep, None, Latents]:
    """The steps by their number."""
    latents: list[Latents] = []

    def steps() -> Iterator[None]:
        latents.append((yield from making))

    for done, _ in enumerate(steps(), 1):
        yield DenoisingStep(done, calls)
    return latents[0]


AT_ONCE = 2048
"""Latents (width times height) of the pictures that are made side by side, at most; a larger picture is made alone."""


def _alike(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Neighbours that can be made side by side, in groups of a size that is worth it."""
    for _, group in groupby(jobs, key=lambda job: job.likeness):
        alike = list(group)
        width, height = latent_size(alike[0].canvas.size, alike[0].base)
        most = max(1, AT_ONCE // (width * height))
        for at in range(0, len(alike), most):
            yield alike[at : at + most]


def prepare(step: Render, loaded: Loaded) -> Job:
    """Everything but the walk; raises `PromptError`."""
    base, drawn_on = loaded.base, canvas(step, loaded.base)
    loras = {adapter.name: loaded.lora(adapter, step.span) for adapter in step.adapters}
    conditioner = Conditioner(loaded.encoder, loras, _reading(step, loaded.encoder))

    def route(size: tuple[int, int], strength: float) -> Route:
        moments = conditioner.moments(step, latent_size(size, base))
        return Route(_scheduler(step, base), moments, strength, step.eta)

    first = route(drawn_on.size, step.strength if step.init else 1.0)
    second = route(enlarged(drawn_on.size, step.hires, base), step.strength) if step.hires > 1 else None
    return Job(step, base, loras, drawn_on, first, second)


def _scheduler(step: Render, base: BaseModel) -> SchedulerMixin:
    """Raises `PromptError` where the sampler cannot do what is asked."""
    sampler = SAMPLERS[step.sampler]
    if not sampler.can(step.scheduler):
        raise PromptError([diagnostics.spacing_not_possible(step.sampler, step.scheduler, step.span)])
    scheduler = sampler.of(base.schedule, step.steps, step.scheduler)
    if step.eta and not extras(scheduler, eta=step.eta):
        raise PromptError([diagnostics.eta_not_possible(step.sampler, step.span)])
    return scheduler


def _reading(step: Render, encoder: Encoder) -> Reading:
    """Raises `PromptError` where the text encoder has no such layer."""
    if step.clip_skip > encoder.layers:
        raise PromptError([diagnostics.clip_skip_not_possible(step.clip_skip, encoder.layers, step.span)])
    return Reading(step.emphasis, step.clip_skip)
