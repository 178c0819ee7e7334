"""From noise to latents: the one loop that all pictures go through, alone or side by side."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from ..adapters import Attachments, WeightedDeltas
from ..conditioning.text_encoder import Conditioning, concat_conditionings
from .samplers import map_calls_to_steps, prepare_extra_step_kwargs, step_scheduler


@dataclass(frozen=True, eq=False, slots=True)
class Guidance:
    """Parts of a prompt under the same LoRAs, predicted together."""

    conditionings: Conditioning
    scales: tuple[float, ...]
    """Each part's weight times the guidance scale."""
    unconditional: Conditioning | None
    """None where nothing is to be guided away from."""
    loras: WeightedDeltas = ()
    masks: tuple[Tensor | None, ...] = ()
    """Where each part acts, `[height, width]` from 0 to 1; None, or nothing at all, for everywhere."""

    def iterate_parts(
        self, predictions: Sequence[Tensor]
    ) -> Iterator[tuple[float, Tensor | None, Tensor]]:
        """Scale, mask and prediction of each part."""
        return zip(self.scales, self.masks or (None,) * len(self.scales), predictions, strict=True)


StepConditioning = tuple[Guidance, ...]
"""What holds during a step: first the parts under the whole picture's LoRAs, then those with LoRAs of their own."""


@dataclass(frozen=True, eq=False, slots=True)
class UNetInput:
    """What a picture on its way asks of the network."""

    loras: WeightedDeltas
    latents: Tensor
    """`[1, channels, height, width]`, scaled as the network wants them"""
    timestep: Tensor
    """`[]`, the timestep"""
    conditioning: Conditioning
    """Of n prompts: the answer is `[n, channels, height, width]`"""


@dataclass(frozen=True, eq=False, slots=True)
class StepPreview:
    """What a step has come to."""

    latents: Tensor
    """`[1, channels, height, width]`: the picture expected, if the scheduler says so, else as noisy as it is"""


DenoisingRun = Generator[UNetInput | StepPreview, Tensor | None, Tensor]
"""A picture on its way: it asks, is sent the answers, shows what each step has come to, and returns its latents."""


@dataclass(frozen=True, eq=False, slots=True)
class InpaintingLatents:
    """What a mask leaves of the picture that one starts from (inpainting)."""

    latents: Tensor
    """`[1, channels, height, width]`"""
    noise: Tensor
    """of the same shape"""
    mask: Tensor
    """`[height, width]`: 1 where the picture may change, 0 where it may not"""


@dataclass(frozen=True, eq=False, slots=True)
class TimestepSchedule:
    """Timesteps to walk, and what holds at each."""

    scheduler: SchedulerMixin
    step_conditionings: Sequence[StepConditioning]
    """One for each step; it holds for as many calls of the network as the scheduler makes of a step."""
    strength: float = 1.0
    """How much of the way is walked, its end."""
    eta: float = 0.0

    @property
    def begin_index(self) -> int:
        """Calls of the network before the way begins."""
        steps = len(self.step_conditionings)
        return (steps - int(steps * self.strength)) * self.scheduler.order

    @property
    def timesteps(self) -> Tensor:
        """The timesteps left."""
        return self.scheduler.timesteps[self.begin_index :]

    @property
    def conditioning_by_timestep(self) -> Sequence[StepConditioning]:
        """What holds at each of them."""
        places = map_calls_to_steps(len(self.scheduler.timesteps), len(self.step_conditionings))
        return [self.step_conditionings[at] for at in places[self.begin_index :]]

    def set_begin_index(self) -> None:
        """Tell the scheduler where the way begins, if it counts its steps."""
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(self.begin_index)

    def add_noise(self, latents: Tensor, noise: Tensor, call: int) -> Tensor:
        """Latents as noisy as they are before a call; after the last one, clean."""
        return (
            self.scheduler.add_noise(latents, noise, self.timesteps[call : call + 1])
            if call < len(self.timesteps)
            else latents
        )


def make_generator(seed: int) -> torch.Generator:
    """A picture's own source of noise, on the CPU: a seed means the same on every device and in every batch."""
    return torch.Generator("cpu").manual_seed(seed)


def sample_latent_noise(channels: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Latents to begin with, `[1, channels, height, width]`."""
    width, height = size
    return torch.randn((1, channels, height, width), generator=generator)


def run_denoising(
    schedule: TimestepSchedule,
    start: Tensor,
    generator: torch.Generator,
    inpainting: InpaintingLatents | None = None,
) -> DenoisingRun:
    """Take the noise from latents `[1, channels, height, width]`.

    `generator` is where the scheduler's noise comes from, if it adds any.
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
    conditioning: StepConditioning, latents: Tensor, time: Tensor
) -> Generator[UNetInput, Tensor, Tensor]:
    """Composable diffusion: `u + Σ mᵢ·sᵢ·(cᵢ − u)` (Liu et al. 2022, https://arxiv.org/abs/2206.01714), masked.

    A part with LoRAs of its own has an unconditional prediction of its own too, u′, and adds
    `m·(u′ − u) + m·s·(c − u′)`: where its mask is 1, the picture is what those LoRAs would make of the whole.
    """
    shared, *apart = conditioning
    if shared.unconditional is None:
        return (yield UNetInput(shared.loras, latents, time, shared.conditionings))
    base, others = yield from _predicted(shared, latents, time)
    result = base
    for scale, mask, other in shared.iterate_parts(others):
        result = result + _masked(scale * (other - base), mask)
    for guidance in apart:
        own, others = yield from _predicted(guidance, latents, time)
        result = result + _masked(own - base, _union(guidance.masks))
        for scale, mask, other in guidance.iterate_parts(others):
            result = result + _masked(scale * (other - own), mask)
    return result


def _predicted(
    guidance: Guidance, latents: Tensor, time: Tensor
) -> Generator[UNetInput, Tensor, tuple[Tensor, Sequence[Tensor]]]:
    """Without the prompt, and for each part."""
    nothing, parts, loras = guidance.unconditional, guidance.conditionings, guidance.loras
    assert nothing is not None
    if not len(parts):
        return (yield UNetInput(loras, latents, time, nothing)), ()
    if nothing.hidden.shape[1] == parts.hidden.shape[1]:
        answer = yield UNetInput(loras, latents, time, nothing + parts)
        base, *others = answer.split(1)
        return base, others
    base = yield UNetInput(loras, latents, time, nothing)
    answer = yield UNetInput(loras, latents, time, parts)
    return base, answer.split(1)


def _masked(change: Tensor, mask: Tensor | None) -> Tensor:
    return change if mask is None else change * mask


def _union(masks: Sequence[Tensor | None]) -> Tensor | None:
    given = [mask for mask in masks if mask is not None]
    return torch.stack(given).sum(0).clamp_max(1) if given and len(given) == len(masks) else None


def denoise_batch(
    unet: UNet2DConditionModel, runs: Sequence[DenoisingRun]
) -> Generator[StepPreview, None, tuple[Tensor, ...]]:
    """Latents of each walk, with a glimpse of the first after each step.

    One call of the network answers all of them, so they must ask alike at every step: see `batch_key`.
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
                case StepPreview() as glimpse:
                    replies = (None,) * len(runs)
                    yield glimpse
                case Tensor():
                    return tuple(each for each in outputs if isinstance(each, Tensor))


def _advance(each: DenoisingRun, reply: Tensor | None) -> UNetInput | StepPreview | Tensor:
    """What a walk says next; at its end, its latents."""
    try:
        return each.send(reply)
    except StopIteration as end:
        return end.value


@torch.no_grad()
def _predict_batch(unet: UNet2DConditionModel, inputs: Sequence[UNetInput]) -> Sequence[Tensor]:
    counts = [len(each.conditioning) for each in inputs]
    latents = torch.cat(
        [each.latents.expand(count, -1, -1, -1) for each, count in zip(inputs, counts, strict=True)]
    )
    conditioning = concat_conditionings([each.conditioning for each in inputs])
    time = inputs[0].timestep
    if any(each.timestep != time for each in inputs):
        time = torch.stack(
            [
                each.timestep
                for each, count in zip(inputs, counts, strict=True)
                for _ in range(count)
            ]
        )
    dtype = unet.conv_in.weight.dtype  # `unet.dtype` walks through all of its modules
    answer = unet(
        latents.to(dtype),
        time,
        conditioning.hidden.to(dtype),
        added_cond_kwargs=conditioning.added_cond_kwargs,
    ).sample
    return answer.to(latents.dtype).split(counts)  # the sampler adds up in fp32


def batch_key(conditionings: Sequence[StepConditioning]) -> tuple[object, ...]:
    """Equal for pictures that ask alike at every step: under the same LoRAs, with as many parts and tokens."""
    shapes: dict[int, object] = {
        id(moment): tuple(map(_batch_shape, moment)) for moment in conditionings
    }
    return tuple(shapes[id(moment)] for moment in conditionings)


def _batch_shape(guidance: Guidance) -> object:
    loras = tuple((id(modules), strength) for modules, strength in guidance.loras)
    nothing = guidance.unconditional
    return (
        loras,
        guidance.conditionings.hidden.shape,
        None if nothing is None else nothing.hidden.shape,
    )
