"""From noise to latents: the one loop that all pictures go through, alone or side by side."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from ..adapters import Attachments, Loras
from ..conditioning.text_encoder import Conditioning, joined
from .samplers import extras, positions, stepped


@dataclass(frozen=True, eq=False, slots=True)
class Guidance:
    """Parts of a prompt under the same LoRAs, predicted together."""

    conditionings: Conditioning
    scales: tuple[float, ...]
    """Each part's weight times the guidance scale."""
    unconditional: Conditioning | None
    """None where nothing is to be guided away from."""
    loras: Loras = ()
    masks: tuple[Tensor | None, ...] = ()
    """Where each part acts, `[height, width]` from 0 to 1; None, or nothing at all, for everywhere."""

    def each(self, predictions: Sequence[Tensor]) -> Iterator[tuple[float, Tensor | None, Tensor]]:
        """Scale, mask and prediction of each part."""
        return zip(self.scales, self.masks or (None,) * len(self.scales), predictions, strict=True)


Moment = tuple[Guidance, ...]
"""What holds during a step: first the parts under the whole picture's LoRAs, then those with LoRAs of their own."""


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """What a picture on its way asks of the network."""

    loras: Loras
    latents: Tensor
    """`[1, channels, height, width]`, scaled as the network wants them"""
    time: Tensor
    """`[]`, the timestep"""
    told: Conditioning
    """Of n prompts: the answer is `[n, channels, height, width]`"""


@dataclass(frozen=True, eq=False, slots=True)
class Glimpse:
    """What a step has come to."""

    latents: Tensor
    """`[1, channels, height, width]`: the picture expected, if the scheduler says so, else as noisy as it is"""


Walk = Generator[Question | Glimpse, Tensor | None, Tensor]
"""A picture on its way: it asks, is sent the answers, shows what each step has come to, and returns its latents."""


@dataclass(frozen=True, eq=False, slots=True)
class Kept:
    """What a mask leaves of the picture that one starts from (inpainting)."""

    latents: Tensor
    """`[1, channels, height, width]`"""
    noise: Tensor
    """of the same shape"""
    changes: Tensor
    """`[height, width]`: 1 where the picture may change, 0 where it may not"""


@dataclass(frozen=True, eq=False, slots=True)
class Route:
    """Timesteps to walk, and what holds at each."""

    scheduler: SchedulerMixin
    moments: Sequence[Moment]
    """One for each step; it holds for as many calls of the network as the scheduler makes of a step."""
    strength: float = 1.0
    """How much of the way is walked, its end."""
    eta: float = 0.0

    @property
    def skipped(self) -> int:
        """Calls of the network before the way begins."""
        steps = len(self.moments)
        return (steps - int(steps * self.strength)) * self.scheduler.order

    @property
    def times(self) -> Tensor:
        """The timesteps left."""
        return self.scheduler.timesteps[self.skipped :]

    @property
    def calls(self) -> Sequence[Moment]:
        """What holds at each of them."""
        places = positions(len(self.scheduler.timesteps), len(self.moments))
        return [self.moments[at] for at in places[self.skipped :]]

    def begin(self) -> None:
        """Tell the scheduler where the way begins, if it counts its steps."""
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(self.skipped)

    def noised(self, latents: Tensor, noise: Tensor, call: int) -> Tensor:
        """Latents as noisy as they are before a call; after the last one, clean."""
        return (
            self.scheduler.add_noise(latents, noise, self.times[call : call + 1]) if call < len(self.times) else latents
        )


def generator_of(seed: int) -> torch.Generator:
    """A picture's own source of noise, on the CPU: a seed means the same on every device and in every batch."""
    return torch.Generator("cpu").manual_seed(seed)


def noise(channels: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Latents to begin with, `[1, channels, height, width]`."""
    width, height = size
    return torch.randn((1, channels, height, width), generator=generator)


def walk(route: Route, start: Tensor, generator: torch.Generator, kept: Kept | None = None) -> Walk:
    """Take the noise from latents `[1, channels, height, width]`.

    `generator` is where the scheduler's noise comes from, if it adds any.
    """
    route.begin()
    latents, scheduler = start, route.scheduler
    options = extras(scheduler, generator=generator, eta=route.eta)
    for call, (time, moment) in enumerate(zip(route.times, route.calls, strict=True), 1):
        predicted = yield from guided(moment, scheduler.scale_model_input(latents, time), time)
        output = stepped(scheduler, predicted, time, latents, **options)
        latents = output.prev_sample
        if kept:
            before = route.noised(kept.latents, kept.noise, call)
            latents = (1 - kept.changes) * before + kept.changes * latents
        yield Glimpse(output.get("pred_original_sample", latents))
    return latents


def guided(moment: Moment, latents: Tensor, time: Tensor) -> Generator[Question, Tensor, Tensor]:
    """Composable diffusion: `u + Σ mᵢ·sᵢ·(cᵢ − u)` (Liu et al. 2022, https://arxiv.org/abs/2206.01714), masked.

    A part with LoRAs of its own has an unconditional prediction of its own too, u′, and adds
    `m·(u′ − u) + m·s·(c − u′)`: where its mask is 1, the picture is what those LoRAs would make of the whole.
    """
    shared, *apart = moment
    if shared.unconditional is None:
        return (yield Question(shared.loras, latents, time, shared.conditionings))
    base, others = yield from _predicted(shared, latents, time)
    result = base
    for scale, mask, other in shared.each(others):
        result = result + _masked(scale * (other - base), mask)
    for guidance in apart:
        own, others = yield from _predicted(guidance, latents, time)
        result = result + _masked(own - base, _union(guidance.masks))
        for scale, mask, other in guidance.each(others):
            result = result + _masked(scale * (other - own), mask)
    return result


def _predicted(
    guidance: Guidance, latents: Tensor, time: Tensor
) -> Generator[Question, Tensor, tuple[Tensor, Sequence[Tensor]]]:
    """Without the prompt, and for each part."""
    nothing, parts, loras = guidance.unconditional, guidance.conditionings, guidance.loras
    assert nothing is not None
    if not len(parts):
        return (yield Question(loras, latents, time, nothing)), ()
    if nothing.hidden.shape[1] == parts.hidden.shape[1]:
        answer = yield Question(loras, latents, time, nothing + parts)
        base, *others = answer.split(1)
        return base, others
    base = yield Question(loras, latents, time, nothing)
    answer = yield Question(loras, latents, time, parts)
    return base, answer.split(1)


def _masked(change: Tensor, mask: Tensor | None) -> Tensor:
    return change if mask is None else change * mask


def _union(masks: Sequence[Tensor | None]) -> Tensor | None:
    given = [mask for mask in masks if mask is not None]
    return torch.stack(given).sum(0).clamp_max(1) if given and len(given) == len(masks) else None


def side_by_side(unet: UNet2DConditionModel, walks: Sequence[Walk]) -> Generator[Glimpse, None, tuple[Tensor, ...]]:
    """Latents of each walk, with a glimpse of the first after each step.

    One call of the network answers all of them, so they must ask alike at every step: see `likeness`.
    """
    replies: Sequence[Tensor | None] = (None,) * len(walks)
    with Attachments(unet) as attachments:
        while True:
            said = [_resumed(each, reply) for each, reply in zip(walks, replies, strict=True)]
            match said[0]:
                case Question(loras):
                    attachments.change(loras)
                    replies = _answers(unet, [each for each in said if isinstance(each, Question)])
                case Glimpse() as glimpse:
                    replies = (None,) * len(walks)
                    yield glimpse
                case Tensor():
                    return tuple(each for each in said if isinstance(each, Tensor))


def _resumed(each: Walk, reply: Tensor | None) -> Question | Glimpse | Tensor:
    """What a walk says next; at its end, its latents."""
    try:
        return each.send(reply)
    except StopIteration as end:
        return end.value


@torch.no_grad()
def _answers(unet: UNet2DConditionModel, questions: Sequence[Question]) -> Sequence[Tensor]:
    counts = [len(each.told) for each in questions]
    latents = torch.cat([each.latents.expand(count, -1, -1, -1) for each, count in zip(questions, counts, strict=True)])
    told = joined([each.told for each in questions])
    time = questions[0].time
    if any(each.time != time for each in questions):
        time = torch.stack([each.time for each, count in zip(questions, counts, strict=True) for _ in range(count)])
    dtype = unet.conv_in.weight.dtype  # `unet.dtype` walks through all of its modules
    answer = unet(latents.to(dtype), time, told.hidden.to(dtype), added_cond_kwargs=told.added).sample
    return answer.to(latents.dtype).split(counts)  # the sampler adds up in fp32


def likeness(moments: Sequence[Moment]) -> tuple[object, ...]:
    """Equal for pictures that ask alike at every step: under the same LoRAs, with as many parts and tokens."""
    shapes: dict[int, object] = {id(moment): tuple(map(_shape, moment)) for moment in moments}
    return tuple(shapes[id(moment)] for moment in moments)


def _shape(guidance: Guidance) -> object:
    loras = tuple((id(modules), strength) for modules, strength in guidance.loras)
    nothing = guidance.unconditional
    return loras, guidance.conditionings.hidden.shape, None if nothing is None else nothing.hidden.shape
