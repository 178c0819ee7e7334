"""Denoising: the one loop that all pictures go through, alone or in a batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from ..adapters import Attachments, WeightedDeltas
from ..conditioning.text_encoder import Conditioning, concat_conditionings
from ..models.protocols import Scheduler
from .samplers import map_calls_to_steps, prepare_extra_step_kwargs, step_scheduler


@dataclass(frozen=True, eq=False, slots=True)
class Guidance:
    """Parts of a prompt under the same LoRAs, predicted together."""

    conditionings: Conditioning
    scales: tuple[float, ...]
    """Each part's weight times the guidance scale."""
    unconditional: Conditioning | None
    """None at a guidance scale of 1, where the unconditional prediction cancels out."""
    loras: WeightedDeltas = ()
    masks: tuple[Tensor | None, ...] = ()
    """Area of each part, `[height, width]` from 0 to 1; None, or an empty tuple, for everywhere."""

    def iterate_parts(
        self, predictions: Sequence[Tensor]
    ) -> Iterator[tuple[float, Tensor | None, Tensor]]:
        """Yield scale, mask and prediction of each part."""
        return zip(self.scales, self.masks or (None,) * len(self.scales), predictions, strict=True)


StepConditioning = tuple[Guidance, ...]
"""Conditioning of a step: the parts under the whole picture's LoRAs, then those with their own."""


@dataclass(frozen=True, eq=False, slots=True)
class UNetInput:
    """A call of the UNet for one picture."""

    loras: WeightedDeltas
    latents: Tensor
    """`[1, channels, height, width]`, scaled by the scheduler"""
    timestep: Tensor
    """`[]`"""
    conditioning: Conditioning
    """Conditioning of n prompts; the prediction is `[n, channels, height, width]`."""


@dataclass(frozen=True, eq=False, slots=True)
class StepPreview:
    """The latents after a step."""

    latents: Tensor
    """`[1, channels, height, width]`: the scheduler's estimate of the clean latents, if it has one,
    else the noisy latents"""


DenoisingRun = Generator[UNetInput | StepPreview, Tensor | None, Tensor]
"""Denoising of one picture: yields UNet inputs and is sent predictions, yields a preview after each
step, and returns the latents."""


@dataclass(frozen=True, eq=False, slots=True)
class InpaintingLatents:
    """The initial picture of inpainting, which is kept where the mask is 0."""

    latents: Tensor
    """`[1, channels, height, width]`"""
    noise: Tensor
    """`[1, channels, height, width]`"""
    mask: Tensor
    """`[height, width]`: 1 where the picture may change, 0 where it is kept"""


@dataclass(frozen=True, eq=False, slots=True)
class TimestepSchedule:
    """A scheduler's timesteps, and the conditioning at each."""

    scheduler: Scheduler
    step_conditionings: Sequence[StepConditioning]
    """One for each step; it holds for all calls of the network in that step."""
    strength: float = 1.0
    """Share of the steps that are run: the last ones."""
    eta: float = 0.0

    @property
    def begin_index(self) -> int:
        """Return the number of calls of the network that are skipped."""
        steps = len(self.step_conditionings)
        return (steps - int(steps * self.strength)) * self.scheduler.order

    @property
    def timesteps(self) -> Tensor:
        """Return the timesteps to run, `[calls]`."""
        return self.scheduler.timesteps[self.begin_index :]

    @property
    def conditioning_by_timestep(self) -> Sequence[StepConditioning]:
        """Return the conditioning at each of these timesteps."""
        steps = map_calls_to_steps(len(self.scheduler.timesteps), len(self.step_conditionings))
        return [self.step_conditionings[step] for step in steps[self.begin_index :]]

    def set_begin_index(self) -> None:
        """Set the scheduler to the first timestep, if it counts its steps."""
        set_begin_index = getattr(self.scheduler, "set_begin_index", None)
        if set_begin_index is not None:
            set_begin_index(self.begin_index)

    def add_noise(self, latents: Tensor, noise: Tensor, call: int) -> Tensor:
        """Return latents with the noise level of a call; clean ones after the last call."""
        return (
            self.scheduler.add_noise(latents, noise, self.timesteps[call : call + 1])
            if call < len(self.timesteps)
            else latents
        )


def make_generator(seed: int) -> torch.Generator:
    """Return a picture's own generator of noise.

    It is on the CPU, so that a seed gives the same noise on every device and in every batch.
    """
    return torch.Generator("cpu").manual_seed(seed)


def sample_latent_noise(channels: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return noise `[1, channels, height, width]` for a size (width, height) in latents."""
    width, height = size
    return torch.randn((1, channels, height, width), generator=generator)


def run_denoising(
    schedule: TimestepSchedule,
    start: Tensor,
    generator: torch.Generator,
    inpainting: InpaintingLatents | None = None,
) -> DenoisingRun:
    """Denoise latents `[1, channels, height, width]`.

    `generator` gives the scheduler's noise, if it adds any.
    """
    schedule.set_begin_index()
    latents, scheduler = start, schedule.scheduler
    options = prepare_extra_step_kwargs(scheduler, generator=generator, eta=schedule.eta)
    for call, (timestep, conditioning) in enumerate(
        zip(schedule.timesteps, schedule.conditioning_by_timestep, strict=True), 1
    ):
        predicted = yield from predict_guided(
            conditioning, scheduler.scale_model_input(latents, timestep), timestep
        )
        output = step_scheduler(scheduler, predicted, timestep, latents, **options)
        latents = output.prev_sample
        if inpainting:
            before = schedule.add_noise(inpainting.latents, inpainting.noise, call)
            latents = (1 - inpainting.mask) * before + inpainting.mask * latents
        yield StepPreview(output.get("pred_original_sample", latents))
    return latents


def predict_guided(
    conditioning: StepConditioning, latents: Tensor, timestep: Tensor
) -> Generator[UNetInput, Tensor, Tensor]:
    """Predict by composable diffusion with masks: `u + Σ mᵢ·sᵢ·(cᵢ − u)`.

    Liu et al. 2022, https://arxiv.org/abs/2206.01714. A part with LoRAs of its own has
    an unconditional prediction u′ of its own and adds `m·(u′ − u) + m·s·(c − u′)`: where its mask
    is 1, the prediction is the one of a whole picture under those LoRAs.
    """
    shared, *apart = conditioning
    if shared.unconditional is None:
        return (yield UNetInput(shared.loras, latents, timestep, shared.conditionings))
    base, others = yield from _predict_parts(shared, latents, timestep)
    result = base
    for scale, mask, other in shared.iterate_parts(others):
        result = result + _masked(scale * (other - base), mask)
    for guidance in apart:
        own, others = yield from _predict_parts(guidance, latents, timestep)
        result = result + _masked(own - base, _union(guidance.masks))
        for scale, mask, other in guidance.iterate_parts(others):
            result = result + _masked(scale * (other - own), mask)
    return result


def _predict_parts(
    guidance: Guidance, latents: Tensor, timestep: Tensor
) -> Generator[UNetInput, Tensor, tuple[Tensor, Sequence[Tensor]]]:
    """Predict without a prompt, and for each part."""
    unconditional, parts, loras = guidance.unconditional, guidance.conditionings, guidance.loras
    assert unconditional is not None
    if not len(parts):
        return (yield UNetInput(loras, latents, timestep, unconditional)), ()
    if unconditional.hidden.shape[1] == parts.hidden.shape[1]:
        prediction = yield UNetInput(loras, latents, timestep, unconditional + parts)
        base, *others = torch.split(prediction, 1)
        return base, others
    base = yield UNetInput(loras, latents, timestep, unconditional)
    prediction = yield UNetInput(loras, latents, timestep, parts)
    return base, torch.split(prediction, 1)


def _masked(change: Tensor, mask: Tensor | None) -> Tensor:
    return change if mask is None else change * mask


def _union(masks: Sequence[Tensor | None]) -> Tensor | None:
    given = [mask for mask in masks if mask is not None]
    return torch.stack(given).sum(0).clamp_max(1) if given and len(given) == len(masks) else None


def denoise_batch(
    unet: UNet2DConditionModel, runs: Sequence[DenoisingRun]
) -> Generator[StepPreview, None, tuple[Tensor, ...]]:
    """Run denoisings side by side; yield previews of the first, return the latents of each.

    One call of the network serves all of them, so their inputs must have equal shapes and LoRAs at
    every step, that is, equal `batch_key`s.
    """
    replies: Sequence[Tensor | None] = (None,) * len(runs)
    with Attachments(unet) as attachments:
        while True:
            outputs = [_advance(each, reply) for each, reply in zip(runs, replies, strict=True)]
            match outputs[0]:
                case UNetInput(loras):
                    attachments.set_loras(loras)
                    replies = _predict_batch(
                        unet, [each for each in outputs if isinstance(each, UNetInput)]
                    )
                case StepPreview() as preview:
                    replies = (None,) * len(runs)
                    yield preview
                case Tensor():
                    return tuple(each for each in outputs if isinstance(each, Tensor))


def _advance(run: DenoisingRun, reply: Tensor | None) -> UNetInput | StepPreview | Tensor:
    """Return the next output of a run; at its end, its latents."""
    try:
        return run.send(reply)
    except StopIteration as end:
        latents: Tensor = end.value
        return latents


@torch.no_grad()
def _predict_batch(unet: UNet2DConditionModel, inputs: Sequence[UNetInput]) -> Sequence[Tensor]:
    counts = [len(each.conditioning) for each in inputs]
    latents = torch.cat(
        [each.latents.expand(count, -1, -1, -1) for each, count in zip(inputs, counts, strict=True)]
    )
    conditioning = concat_conditionings([each.conditioning for each in inputs])
    timestep = inputs[0].timestep
    if any(each.timestep != timestep for each in inputs):
        timestep = torch.stack(
            [
                each.timestep
                for each, count in zip(inputs, counts, strict=True)
                for _ in range(count)
            ]
        )
    dtype = unet.conv_in.weight.dtype  # `unet.dtype` iterates over all of its modules
    prediction: Tensor = unet(
        latents.to(dtype),
        timestep,
        conditioning.hidden.to(dtype),
        added_cond_kwargs=conditioning.added_cond_kwargs,
    ).sample
    return torch.split(prediction.to(latents.dtype), counts)  # samplers compute in fp32


def batch_key(conditionings: Sequence[StepConditioning]) -> tuple[object, ...]:
    """Return a key that is equal for pictures whose calls of the network can share a batch.

    Such pictures have the same LoRAs, and as many parts and tokens, at every step.
    """
    shapes: dict[int, object] = {id(each): tuple(map(_batch_shape, each)) for each in conditionings}
    return tuple(shapes[id(each)] for each in conditionings)


def _batch_shape(guidance: Guidance) -> object:
    loras = tuple((id(modules), strength) for modules, strength in guidance.loras)
    unconditional = guidance.unconditional
    return (
        loras,
        guidance.conditionings.hidden.shape,
        None if unconditional is None else unconditional.hidden.shape,
    )
