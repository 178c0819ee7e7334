"""Pictures, from their plan to their files: side by side where they ask the network alike."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from typing import Any, TypeVar

import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from PIL.Image import Image
from torch import Tensor

from promptlang import diagnostics
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.adapters import Subject, other_clip_skip, other_vae
from promptlang.metadata.record import CHUNK
from promptlang.plan.events import (
    Complained,
    DenoisingStep,
    Event,
    PictureFinished,
    Preview,
    RenderingStarted,
    Reported,
)
from promptlang.plan.steps import Adapter, Render
from promptlang.source import Span

from ..adapters import Embedding, Lora, read, read_embedding, stamp
from ..conditioning.text_encoder import Encoder, Reading, reading_of, vocabulary_of
from ..models.families import Reader
from ..models.loader import BaseModel
from ..output import images
from .denoise import Glimpse, Route, Walk, generator_of, likeness, side_by_side
from .initial_latents import Canvas, canvas, enlarged, latent_size, resized
from .samplers import SAMPLERS, extras
from .step_conditioning import Conditioner

Latents = tuple[Tensor, ...]
Kind = TypeVar("Kind", Lora, Embedding)


@dataclass(frozen=True, eq=False, slots=True)
class Loaded:
    """A base model, and what is worth keeping of the work with it."""

    base: BaseModel
    encoders: tuple[Encoder, ...]
    adapters: dict[object, Any] = field(default_factory=dict)
    """LoRAs and embeddings by name and by the stamp of their file."""

    @classmethod
    def of(cls, base: BaseModel) -> Loaded:
        """With a reader for each of its text encoders."""
        return cls(base, tuple(_encoder(base, reader) for reader in base.family.readers))

    def read(
        self, wanted: Sequence[Adapter], reader: Callable[[Adapter, BaseModel, Span], Kind], span: Span
    ) -> Generator[Event, None, list[Kind]]:
        """Adapters as their files are now, each read once; tells then what of it was applied. Raises `PromptError`."""
        found = []
        for adapter in wanted:
            key = reader, adapter.name, stamp(Subject(adapter.file, span))
            if key not in self.adapters:
                self.adapters[key] = reader(adapter, self.base, span)
                yield Reported(f"{adapter.name}: {self.adapters[key].amount}")
                if getattr(self.adapters[key], "vae", None) not in (None, self.base.vae_sha256):
                    yield Complained(other_vae(adapter.name, self.base.name, span))
            found.append(self.adapters[key])
        return found

    def read_otherwise(self, loras: Sequence[Lora], reading: Reading, span: Span) -> Iterator[Event]:
        """A warning, once, for each that was trained with another layer of the text encoder than it is used with."""
        first = max(encoder.first_layer for encoder in self.encoders)
        for lora in loras:
            key = "clip skip", lora.name, lora.sha256, reading.clip_skip
            if max(lora.clip_skip, first) != max(reading.clip_skip, first) and key not in self.adapters:
                self.adapters[key] = None
                yield Complained(other_clip_skip(lora.name, lora.clip_skip, reading.clip_skip, span))


def _encoder(base: BaseModel, reader: Reader) -> Encoder:
    vocabulary, text_encoder = vocabulary_of(getattr(base, reader.tokenizer)), getattr(base, reader.part)
    return Encoder(text_encoder, vocabulary, part=reader.part, first_layer=reader.first_layer, normed=reader.normed)


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """A picture that is ready to be made."""

    step: Render
    base: BaseModel
    adapters: Sequence[Lora | Embedding]
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
            small = self.canvas.finish(images.decode(self.base, latents))
            larger = resized(small, enlarged(small.size, self.step.hires, self.base))
            latents = yield from larger.begin(self.second, self.base, generator)
        return latents

    def save(self, latents: Tensor, batch: int) -> None:
        """The picture of its latents, as a file; it was made as one of `batch`."""
        picture = images.decode(self.base, latents)
        picture = picture if self.second else self.canvas.finish(picture)
        images.save(picture, dict(self._texts(picture.size, batch)), self.step.file)

    def _texts(self, size: tuple[int, int], batch: int) -> Iterator[tuple[str, str]]:
        if self.step.metadata != "none":
            yield "parameters", images.parameters(self.step, self.base, size, self.adapters)
        if self.step.metadata == "full":
            yield CHUNK, images.record(self.step, self.base, self.canvas.size, self.adapters, batch).to_json()


def render(steps: Sequence[Render], loaded: Loaded) -> Generator[Event, None, None]:
    """Make pictures, as many of them at once as can be; what is wrong with one does not stop the others."""
    jobs: list[Job] = []
    for step in steps:
        yield from _prepared(step, loaded, jobs)
    for alike in _alike(jobs):
        copies: list[Job] = []
        for _ in range(1, alike[0].step.batch or 1):
            yield from _prepared(alike[0].step, loaded, copies)
        yield from _make(alike, copies)


def _prepared(step: Render, loaded: Loaded, jobs: list[Job]) -> Iterator[Event]:
    try:
        jobs.append((yield from prepare(step, loaded)))
    except PromptError as error:
        yield from map(Complained, error.diagnostics)


def _make(jobs: Sequence[Job], copies: Sequence[Job]) -> Generator[Event, None, None]:
    """Jobs that are alike, beside copies whose pictures nobody wants."""
    began = perf_counter()
    yield RenderingStarted(tuple(job.step for job in jobs))
    walks, base = [job.walk() for job in (*jobs, *copies)], jobs[0].base
    try:
        with base.at_work(base.unet):
            latents = yield from _told(side_by_side(base.unet, walks), jobs[0])
    except images.NotFiniteError:  # of a first pass
        yield from (Complained(_not_finite(job)) for job in jobs)
        return
    for job, each in zip(jobs, latents, strict=False):
        problem = _saved(job, each, len(walks))
        seconds = (perf_counter() - began) / len(jobs)
        yield Complained(problem) if problem else PictureFinished(job.step, job.step.file, seconds)


def _saved(job: Job, latents: Tensor, batch: int) -> Diagnostic | None:
    """What is wrong with the picture, if there is none."""
    try:
        job.save(latents, batch)
    except images.NotFiniteError:
        return _not_finite(job)
    return None


def _not_finite(job: Job) -> Diagnostic:
    return diagnostics.picture_not_finite(job.base.place.dtype == torch.float16, job.step.span)


def _told(making: Generator[Glimpse, None, Latents], job: Job) -> Generator[Event, None, Latents]:
    """The steps by their number, and now and then what they have come to."""
    latents: list[Latents] = []

    def glimpses() -> Iterator[Glimpse]:
        latents.append((yield from making))

    shown, seconds = perf_counter(), 0.0
    for done, glimpse in enumerate(glimpses(), 1):
        yield DenoisingStep(done, job.calls)
        now = perf_counter()
        if now - shown >= max(PREVIEW_SECONDS, PREVIEW_SHARE * seconds) and done < job.calls:
            with suppress(images.NotFiniteError):  # the picture itself will say so
                yield preview(job.step, images.sketch(job.base, glimpse.latents))
            shown, seconds = perf_counter(), perf_counter() - now
    return latents[0]


PREVIEW_SECONDS = 1.0
PREVIEW_SHARE = 20
"""A preview comes no sooner than so many times as long after the last one as that one took."""


def preview(step: Render, sketch: Image) -> Preview:
    """A small picture as an event."""
    return Preview(step, sketch.size, sketch.tobytes())


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


def prepare(step: Render, loaded: Loaded) -> Generator[Event, None, Job]:
    """Everything but the walk; raises `PromptError`."""
    base, drawn_on = loaded.base, canvas(step, loaded.base)
    loras = yield from loaded.read(step.adapters, read, step.span)
    embeddings = yield from loaded.read(step.embeddings, read_embedding, step.span)
    encoders = tuple(encoder.knowing(embeddings) for encoder in loaded.encoders)
    reading = reading_of(encoders, step.clip_skip, step.span, step.emphasis)
    yield from loaded.read_otherwise(loras, reading, step.span)
    conditioner = Conditioner(base, encoders, {each.name: each for each in loras}, reading)

    def route(size: tuple[int, int], strength: float) -> Route:
        with base.at_work(*base.text_encoders.values()):
            moments = conditioner.moments(step, latent_size(size, base))
        return Route(_scheduler(step, base), moments, strength, step.eta)

    first = route(drawn_on.size, step.strength if step.init else 1.0)
    second = route(enlarged(drawn_on.size, step.hires, base), step.strength) if step.hires > 1 else None
    return Job(step, base, (*loras, *embeddings), drawn_on, first, second)


def _scheduler(step: Render, base: BaseModel) -> SchedulerMixin:
    """Raises `PromptError` where the sampler cannot do what is asked."""
    sampler = SAMPLERS[step.sampler]
    if not sampler.can(step.scheduler):
        raise PromptError([diagnostics.spacing_not_possible(step.sampler, step.scheduler, step.span)])
    scheduler = sampler.of(base.schedule, step.steps, step.scheduler)
    if hasattr(scheduler, "noise_sampler_seed"):
        scheduler.noise_sampler_seed = step.seed
    if step.eta and not extras(scheduler, eta=step.eta):
        raise PromptError([diagnostics.eta_not_possible(step.sampler, step.span)])
    return scheduler
