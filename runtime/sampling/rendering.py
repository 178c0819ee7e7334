"""Pictures, from their plan to their files: side by side where they ask the network alike."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from typing import Any, TypeVar

import torch
from PIL.Image import Image
from torch import Tensor

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.adapters import FileRef
from promptlang.diagnostics.rendering import (
    eta_not_possible,
    picture_not_finite,
    spacing_not_possible,
    trained_with_other_clip_skip,
    trained_with_other_vae,
)
from promptlang.metadata.record import PNG_TEXT_KEY
from promptlang.plan.events import (
    DenoisingStep,
    DiagnosticRaised,
    Event,
    PictureFinished,
    Preview,
    RenderingStarted,
    TextReported,
)
from promptlang.plan.steps import Adapter, Render, SamplingConfig
from promptlang.source import Span

from ..adapters import LoraAdapter, TokenEmbedding, read_embedding, read_lora, stamp
from ..conditioning.text_encoder import (
    CachedTextEncoder,
    EncodingOptions,
    build_encoding_options,
    build_vocabulary,
)
from ..models.families import TextEncoderSpec
from ..models.loader import BaseModel
from ..models.protocols import Scheduler
from ..output import images
from .denoise import (
    DenoisingRun,
    StepPreview,
    TimestepSchedule,
    batch_key,
    denoise_batch,
    make_generator,
)
from .initial_latents import (
    InitialLatents,
    latent_size,
    prepare_initial_latents,
    resize_for_second_pass,
    upscale_size,
)
from .samplers import SAMPLERS, prepare_extra_step_kwargs
from .step_conditioning import Conditioner

Latents = tuple[Tensor, ...]
AdapterT = TypeVar("AdapterT", LoraAdapter, TokenEmbedding)


@dataclass(frozen=True, eq=False, slots=True)
class LoadedModel:
    """A base model, and what is worth keeping of the work with it."""

    base: BaseModel
    encoders: tuple[CachedTextEncoder, ...]
    adapters: dict[object, Any] = field(default_factory=dict)
    """LoRAs and embeddings by name and by the stamp of their file."""

    @classmethod
    def of(cls, base: BaseModel) -> LoadedModel:
        """With a reader for each of its text encoders."""
        return cls(base, tuple(_encoder(base, reader) for reader in base.family.text_encoder_specs))

    def read_adapters(
        self,
        wanted: Sequence[Adapter],
        reader: Callable[[Adapter, BaseModel, Span], AdapterT],
        span: Span,
    ) -> Generator[Event, None, list[AdapterT]]:
        """Adapters as their files are now, each read once; tells then what of it was applied. Raises `PromptError`."""
        found = []
        for adapter in wanted:
            key = reader, adapter.name, stamp(FileRef(adapter.file, span))
            if key not in self.adapters:
                self.adapters[key] = reader(adapter, self.base, span)
                yield TextReported(f"{adapter.name}: {self.adapters[key].summary}")
                if getattr(self.adapters[key], "vae", None) not in (None, self.base.vae_sha256):
                    yield DiagnosticRaised(
                        trained_with_other_vae(adapter.name, self.base.name, span)
                    )
            found.append(self.adapters[key])
        return found

    def warn_clip_skip(
        self, loras: Sequence[LoraAdapter], reading: EncodingOptions, span: Span
    ) -> Iterator[Event]:
        """A warning, once, for each that was trained with another layer of the text encoder than it is used with."""
        first = max(encoder.min_clip_skip for encoder in self.encoders)
        for lora in loras:
            key = "clip skip", lora.name, lora.sha256, reading.clip_skip
            if (
                max(lora.clip_skip, first) != max(reading.clip_skip, first)
                and key not in self.adapters
            ):
                self.adapters[key] = None
                yield DiagnosticRaised(
                    trained_with_other_clip_skip(lora.name, lora.clip_skip, reading.clip_skip, span)
                )


def _encoder(base: BaseModel, reader: TextEncoderSpec) -> CachedTextEncoder:
    vocabulary, text_encoder = (
        build_vocabulary(getattr(base, reader.tokenizer)),
        getattr(base, reader.component),
    )
    return CachedTextEncoder(
        text_encoder,
        vocabulary,
        component=reader.component,
        min_clip_skip=reader.min_clip_skip,
        applies_final_norm=reader.applies_final_norm,
    )


@dataclass(frozen=True, eq=False, slots=True)
class RenderJob:
    """A picture that is ready to be made."""

    step: Render
    base: BaseModel
    adapters: Sequence[LoraAdapter | TokenEmbedding]
    initial_latents: InitialLatents
    first_pass: TimestepSchedule
    second_pass: TimestepSchedule | None
    """Of ``--hires``."""

    @property
    def calls(self) -> int:
        """Of the network, for one part and without the negative prompt's."""
        return sum(len(route.timesteps) for route in self._passes)

    @property
    def batch_key(self) -> object:
        """Equal for pictures that can be made side by side."""
        return self.initial_latents.size, [
            (batch_key(each.conditioning_by_timestep), each.scheduler.order)
            for each in self._passes
        ]

    @property
    def _passes(self) -> list[TimestepSchedule]:
        return [route for route in (self.first_pass, self.second_pass) if route]

    def denoise(self) -> DenoisingRun:
        """To its latents."""
        generator = make_generator(self.step.sampling.seed)
        latents = yield from self.initial_latents.start_denoising(
            self.first_pass, self.base, generator
        )
        if self.second_pass:
            small = self.initial_latents.restore_unmasked(images.decode_latents(self.base, latents))
            larger = resize_for_second_pass(
                small, upscale_size(small.size, self.step.image.hires, self.base)
            )
            latents = yield from larger.start_denoising(self.second_pass, self.base, generator)
        return latents

    def save(self, latents: Tensor, batch: int) -> None:
        """The picture of its latents, as a file; it was made as one of `batch`."""
        picture = images.decode_latents(self.base, latents)
        picture = picture if self.second_pass else self.initial_latents.restore_unmasked(picture)
        images.save_png(picture, dict(self._texts(picture.size, batch)), self.step.file)

    def _texts(self, size: tuple[int, int], batch: int) -> Iterator[tuple[str, str]]:
        if self.step.output.metadata != "none":
            yield (
                "parameters",
                images.build_parameters_text(self.step, self.base, size, self.adapters),
            )
        if self.step.output.metadata == "full":
            yield (
                PNG_TEXT_KEY,
                images.build_record(
                    self.step, self.base, self.initial_latents.size, self.adapters, batch
                ).to_json(),
            )


def render(steps: Sequence[Render], loaded: LoadedModel) -> Generator[Event, None, None]:
    """Make pictures, as many of them at once as can be; what is wrong with one does not stop the others."""
    jobs: list[RenderJob] = []
    for step in steps:
        yield from _prepare_or_complain(step, loaded, jobs)
    for alike in _batches(jobs):
        copies: list[RenderJob] = []
        for _ in range(1, alike[0].step.sampling.batch or 1):
            yield from _prepare_or_complain(alike[0].step, loaded, copies)
        yield from _make(alike, copies)


def _prepare_or_complain(
    step: Render, loaded: LoadedModel, jobs: list[RenderJob]
) -> Iterator[Event]:
    try:
        jobs.append((yield from prepare_job(step, loaded)))
    except PromptError as error:
        yield from map(DiagnosticRaised, error.diagnostics)


def _make(jobs: Sequence[RenderJob], copies: Sequence[RenderJob]) -> Generator[Event, None, None]:
    """Jobs that are alike, beside copies whose pictures nobody wants."""
    began = perf_counter()
    yield RenderingStarted(tuple(job.step for job in jobs))
    runs, base = [job.denoise() for job in (*jobs, *copies)], jobs[0].base
    try:
        with base.on_device(base.unet):
            latents = yield from _report_steps(denoise_batch(base.unet, runs), jobs[0])
    except images.NotFiniteError:  # of a first pass
        yield from (DiagnosticRaised(_not_finite(job)) for job in jobs)
        return
    for job, each in zip(jobs, latents, strict=False):
        problem = _save_or_diagnose(job, each, len(runs))
        seconds = (perf_counter() - began) / len(jobs)
        yield (
            DiagnosticRaised(problem)
            if problem
            else PictureFinished(job.step, job.step.file, seconds)
        )


def _save_or_diagnose(job: RenderJob, latents: Tensor, batch: int) -> Diagnostic | None:
    """What is wrong with the picture, if there is none."""
    try:
        job.save(latents, batch)
    except images.NotFiniteError:
        return _not_finite(job)
    return None


def _not_finite(job: RenderJob) -> Diagnostic:
    return picture_not_finite(job.base.placement.dtype == torch.float16, job.step.span)


def _report_steps(
    making: Generator[StepPreview, None, Latents], job: RenderJob
) -> Generator[Event, None, Latents]:
    """The steps by their number, and now and then what they have come to."""
    latents: list[Latents] = []

    def glimpses() -> Iterator[StepPreview]:
        latents.append((yield from making))

    shown, seconds = perf_counter(), 0.0
    for done, glimpse in enumerate(glimpses(), 1):
        yield DenoisingStep(done, job.calls)
        now = perf_counter()
        if now - shown >= max(PREVIEW_SECONDS, PREVIEW_COST_RATIO * seconds) and done < job.calls:
            with suppress(images.NotFiniteError):  # the picture itself will say so
                yield make_preview(job.step, images.decode_preview(job.base, glimpse.latents))
            shown, seconds = perf_counter(), perf_counter() - now
    return latents[0]


PREVIEW_SECONDS = 1.0
PREVIEW_COST_RATIO = 20
"""A preview comes no sooner than so many times as long after the last one as that one took."""


def make_preview(step: Render, sketch: Image) -> Preview:
    """A small picture as an event."""
    return Preview(step, sketch.size, sketch.tobytes())


MAX_BATCH_LATENTS = 2048
"""Latents (width times height) of the pictures that are made side by side, at most; a larger picture is made alone."""


def _batches(jobs: Sequence[RenderJob]) -> Iterator[Sequence[RenderJob]]:
    """Neighbours that can be made side by side, in groups of a size that is worth it."""
    for _, group in groupby(jobs, key=lambda job: job.batch_key):
        alike = list(group)
        width, height = latent_size(alike[0].initial_latents.size, alike[0].base)
        most = max(1, MAX_BATCH_LATENTS // (width * height))
        for at in range(0, len(alike), most):
            yield alike[at : at + most]


def prepare_job(step: Render, loaded: LoadedModel) -> Generator[Event, None, RenderJob]:
    """Everything but the walk; raises `PromptError`."""
    base, prompts, sampling, image = loaded.base, step.prompts, step.sampling, step.image
    initial = prepare_initial_latents(image, base, step.span)
    loras = yield from loaded.read_adapters(prompts.adapters, read_lora, step.span)
    embeddings = yield from loaded.read_adapters(prompts.embeddings, read_embedding, step.span)
    encoders = tuple(encoder.with_extra_embeddings(embeddings) for encoder in loaded.encoders)
    options = build_encoding_options(encoders, prompts.clip_skip, step.span, prompts.emphasis)
    yield from loaded.warn_clip_skip(loras, options, step.span)
    conditioner = Conditioner(base, encoders, {each.name: each for each in loras}, options)

    def build_pass(size: tuple[int, int], strength: float) -> TimestepSchedule:
        with base.on_device(*base.text_encoders.values()):
            conditionings = conditioner.condition_steps(
                prompts, sampling.guidance_scales, latent_size(size, base)
            )
        scheduler = _scheduler(sampling, base, step.span)
        return TimestepSchedule(scheduler, conditionings, strength, sampling.eta)

    first = build_pass(initial.size, image.strength if image.init else 1.0)
    second = None
    if image.hires > 1:
        second = build_pass(upscale_size(initial.size, image.hires, base), image.strength)
    return RenderJob(step, base, (*loras, *embeddings), initial, first, second)


def _scheduler(sampling: SamplingConfig, base: BaseModel, span: Span) -> Scheduler:
    """Return the scheduler of a sampler's name.

    Raises `PromptError` where the sampler has no such spacing of noise levels, or no eta.
    """
    sampler = SAMPLERS[sampling.sampler]
    if not sampler.supports_spacing(sampling.scheduler):
        raise PromptError([spacing_not_possible(sampling.sampler, sampling.scheduler, span)])
    scheduler = sampler.make_scheduler(base.scheduler_config, sampling.steps, sampling.scheduler)
    if hasattr(scheduler, "noise_sampler_seed"):
        scheduler.noise_sampler_seed = sampling.seed
    if sampling.eta and not prepare_extra_step_kwargs(scheduler, eta=sampling.eta):
        raise PromptError([eta_not_possible(sampling.sampler, span)])
    return scheduler
