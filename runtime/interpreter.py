"""A plan's steps, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Set
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from diffusers.schedulers.scheduling_utils import SchedulerMixin
from typing_extensions import assert_never

from promptlang import diagnostics
from promptlang.diagnostics import PromptError
from promptlang.events import Complained, Event, ModelLoading, PictureFinished, RenderingStarted, SheetFinished
from promptlang.plan import Adapter, ContactSheet, Model, Plan, Render, Step, Train
from promptlang.source import Span

from . import models, pictures, sheets
from .adapters import Lora, read
from .conditioning import Encoder, Reading, vocabulary_of
from .models import BaseModel
from .moments import Conditioner
from .samplers import SAMPLERS
from .sampling import denoise, generator_of, noise


@dataclass(frozen=True, eq=False, slots=True)
class _Loaded:
    """A base model, and what is worth keeping of the work with it."""

    base: BaseModel
    encoder: Encoder
    loras: dict[tuple[Path, int, int], Lora] = field(default_factory=dict)
    """By file, time of change in nanoseconds and size in bytes."""


class Runtime:
    """Runs plans. It keeps the models and adapters that it has read for the next one."""

    def __init__(self) -> None:
        self._models: dict[Model, _Loaded] = {}

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        """Do the steps in order, telling of each; what is wrong with one does not stop the next."""
        made: set[Path] = set()
        for step in plan.steps:
            for event in self._attempt(step, made):
                if isinstance(event, PictureFinished):
                    made.add(event.file)
                yield event

    def _attempt(self, step: Step, made: Set[Path]) -> Generator[Event, None, None]:
        try:
            yield from self._run(step, made)
        except PromptError as error:
            yield from map(Complained, error.diagnostics)
        except OSError as error:
            file = Path(error.filename or step.file)
            yield Complained(diagnostics.file_refused(file, error.strerror or str(error), step.span))

    def _run(self, step: Step, made: Set[Path]) -> Generator[Event, None, None]:
        match step:
            case Train():
                from .training import train

                loaded = yield from self._load(step.model, step.span)
                yield from train(step, loaded.base, loaded.encoder)
            case Render():
                yield from _render(step, (yield from self._load(step.model, step.span)))
            case ContactSheet() if made:
                sheets.save(step, made)
                yield SheetFinished(step)
            case ContactSheet():
                pass
            case _:
                assert_never(step)

    def _load(self, model: Model, span: Span) -> Generator[Event, None, _Loaded]:
        if model not in self._models:
            yield ModelLoading(model.name)
            base = models.load(model, span)
            self._models[model] = _Loaded(base, Encoder(base.text_encoder, vocabulary_of(base.tokenizer)))
        return self._models[model]


def _render(step: Render, loaded: _Loaded) -> Generator[Event, None, None]:
    began = perf_counter()
    yield RenderingStarted(step)
    base = loaded.base
    size, scheduler = _size(step, base), _scheduler(step, base)
    loras = {adapter.name: _lora(adapter, loaded, step.span) for adapter in step.adapters}
    latent_size = size[0] // base.pixels_per_latent, size[1] // base.pixels_per_latent
    reading = _reading(step, loaded.encoder)
    moments = Conditioner(loaded.encoder, loras, reading).moments(step, latent_size)
    generator = generator_of(step.seed)
    start = noise(base.unet.config.in_channels, latent_size, generator)
    latents = yield from denoise(base.unet, scheduler, moments, start, generator)
    picture = pictures.decode(base.vae, latents)
    pictures.save(picture, pictures.parameters(step, base, size, loras.values()), step.file)
    yield PictureFinished(step, step.file, perf_counter() - began)


def _size(step: Render, base: BaseModel) -> tuple[int, int]:
    """Width and height in pixels; raises `PromptError` where the latents would not be whole."""
    width, height = step.size or base.size
    if width % base.pixels_per_latent or height % base.pixels_per_latent:
        raise PromptError([diagnostics.size_not_possible((width, height), base.pixels_per_latent, step.span)])
    return width, height


def _scheduler(step: Render, base: BaseModel) -> SchedulerMixin:
    """Raises `PromptError` where the sampler cannot space its steps so."""
    sampler = SAMPLERS[step.sampler]
    if not sampler.can(step.scheduler):
        raise PromptError([diagnostics.spacing_not_possible(step.sampler, step.scheduler, step.span)])
    return sampler.of(base.schedule, step.steps, step.scheduler)


def _reading(step: Render, encoder: Encoder) -> Reading:
    """Raises `PromptError` where the text encoder has no such layer."""
    if step.clip_skip > encoder.layers:
        raise PromptError([diagnostics.clip_skip_not_possible(step.clip_skip, encoder.layers, step.span)])
    return Reading(step.emphasis, step.clip_skip)


def _lora(adapter: Adapter, loaded: _Loaded, span: Span) -> Lora:
    try:
        state = adapter.file.stat()
    except OSError as error:
        raise PromptError([diagnostics.lora_missing(adapter.file, span)]) from error
    key = adapter.file, state.st_mtime_ns, state.st_size
    if key not in loaded.loras:
        loaded.loras[key] = read(adapter, loaded.base, span)
    return loaded.loras[key]
