"""One picture, ready to be sampled: adapters read, prompts encoded, schedulers made."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.rendering import eta_not_possible, spacing_not_possible
from promptlang.metadata.record import PNG_TEXT_KEY
from promptlang.plan.events import Event
from promptlang.plan.steps import Render, SamplingConfig
from promptlang.source import Span

from ..adapters import LoraAdapter, TokenEmbedding, read_embedding, read_lora
from ..conditioning.text_encoder import build_encoding_options
from ..models.loader import BaseModel
from ..models.protocols import Scheduler
from ..output.images import decode_latents, save_png
from ..output.picture_texts import build_parameters_text, build_record
from .denoise import DenoisingRun, TimestepSchedule, batch_key, make_generator
from .initial_latents import (
    InitialLatents,
    latent_size,
    prepare_initial_latents,
    resize_for_second_pass,
    upscale_size,
)
from .loaded_model import LoadedModel
from .memory import ensure_room
from .samplers import SAMPLER_CONFIGS, prepare_extra_step_kwargs
from .step_conditioning import Conditioner


@dataclass(frozen=True, eq=False, slots=True)
class RenderJob:
    """A picture that is ready to be sampled."""

    step: Render
    base: BaseModel
    adapters: Sequence[LoraAdapter | TokenEmbedding]
    initial_latents: InitialLatents
    first_pass: TimestepSchedule
    second_pass: TimestepSchedule | None
    """The pass of ``--hires``."""

    @property
    def timesteps(self) -> int:
        """Return the number of timesteps of all passes."""
        return sum(len(each.timesteps) for each in self._passes)

    @property
    def batch_key(self) -> object:
        """Return a key that is equal for pictures that can be rendered in one batch."""
        return self.initial_latents.size, [
            (batch_key(each.conditioning_by_timestep), each.scheduler.order)
            for each in self._passes
        ]

    @property
    def _passes(self) -> list[TimestepSchedule]:
        return [each for each in (self.first_pass, self.second_pass) if each]

    def denoise(self) -> DenoisingRun:
        """Return the denoising run of all passes."""
        generator = make_generator(self.step.sampling.seed)
        latents = yield from self.initial_latents.start_denoising(
            self.first_pass, self.base, generator
        )
        if self.second_pass:
            small = self.initial_latents.restore_unmasked(decode_latents(self.base, latents))
            larger = resize_for_second_pass(
                small, upscale_size(small.size, self.step.image.hires, self.base)
            )
            latents = yield from larger.start_denoising(self.second_pass, self.base, generator)
        return latents

    def save(self, latents: Tensor, batch: int) -> None:
        """Decode latents and write the picture's file; it was rendered in a batch of `batch`.

        Raises `NotFiniteError`.
        """
        picture = decode_latents(self.base, latents)
        if self.second_pass is None:
            picture = self.initial_latents.restore_unmasked(picture)
        save_png(picture, dict(self._texts(picture.size, batch)), self.step.file)

    def _texts(self, size: tuple[int, int], batch: int) -> Iterator[tuple[str, str]]:
        step, base, adapters = self.step, self.base, self.adapters
        if step.output.metadata != "none":
            yield "parameters", build_parameters_text(step, base, size, adapters)
        if step.output.metadata == "full":
            record = build_record(step, base, self.initial_latents.size, adapters, batch)
            yield PNG_TEXT_KEY, record.to_json()


def prepare_job(step: Render, loaded: LoadedModel) -> Generator[Event, None, RenderJob]:
    """Prepare a picture up to its sampling; raises `PromptError`."""
    base, prompts, sampling, image = loaded.base, step.prompts, step.sampling, step.image
    initial = prepare_initial_latents(image, base, step.span)
    ensure_room(upscale_size(initial.size, max(1.0, image.hires), base), base, step.span)
    loras = yield from loaded.read_adapters(prompts.adapters, read_lora, step.span)
    embeddings = yield from loaded.read_adapters(prompts.embeddings, read_embedding, step.span)
    encoders = tuple(encoder.with_extra_embeddings(embeddings) for encoder in loaded.encoders)
    options = build_encoding_options(encoders, prompts.clip_skip, step.span, prompts.emphasis)
    yield from loaded.warn_clip_skip(loras, prompts.clip_skip, step.span)
    by_name = {each.name: each for each in loras}

    def build_pass(size: tuple[int, int], strength: float) -> TimestepSchedule:
        conditioner = Conditioner(base, encoders, by_name, options, latent_size(size, base))
        with base.on_device(*base.text_encoders.values()):
            conditionings = conditioner.condition_steps(prompts, sampling.guidance_scales)
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
    sampler = SAMPLER_CONFIGS[sampling.sampler]
    if not sampler.supports_spacing(sampling.scheduler):
        raise PromptError([spacing_not_possible(sampling.sampler, sampling.scheduler, span)])
    scheduler = sampler.make_scheduler(base.scheduler_config, sampling.steps, sampling.scheduler)
    if hasattr(scheduler, "noise_sampler_seed"):
        scheduler.noise_sampler_seed = sampling.seed
    if sampling.eta and not prepare_extra_step_kwargs(scheduler, eta=sampling.eta):
        raise PromptError([eta_not_possible(sampling.sampler, span)])
    return scheduler
