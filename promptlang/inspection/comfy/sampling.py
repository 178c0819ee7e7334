"""Nodes that sample, and the guiders, noise levels, samplers and noise that they are given."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from promptlang.files import Json
from promptlang.inspection.comfy.evaluation import Steps, Visit
from promptlang.inspection.comfy.graph import Link
from promptlang.inspection.comfy.values import (
    Guider,
    Kind,
    Latent,
    Model,
    Noise,
    Pass,
    Pipe,
    Sampler,
    Sigmas,
    Value,
)

MADE: Final = ("latent", "denoised", "image")
"""Outputs of a sampling node that are its result; the others are inputs that it hands on."""

NO_NOISE: Final = ("disable", False, "false")
"""Values of ``add_noise`` that turn it off."""


def sample(visit: Visit) -> Steps[Value]:
    """Evaluate a node that samples."""
    if visit.slot == "pipe":
        return (yield from _pipe_after(visit))
    if visit.slot not in MADE:
        return (yield from visit.take(visit.slot, visit.kind))
    latent = yield from visit.latent("latent")
    guider = yield from (_given_guider(visit) if visit.spec.option == "guider" else guide(visit))
    if visit.spec.option:
        sigmas = yield from visit.typed("sigmas", Kind.SIGMAS, Sigmas)
        sampler = yield from visit.typed("sampler", Kind.SAMPLER, Sampler)
        name = sampler.name if sampler else ""
    else:
        sigmas = yield from _sigmas(visit)
        name = (yield from visit.text("sampler_name")) or ""
    seed = yield from _seed(visit)
    before = latent or Latent()
    done = Pass(
        visit.node,
        guider,
        seed,
        name,
        sigmas or Sigmas(None),
        before.size,
        before.batch,
        before.passes,
    )
    return Latent(before.size, before.batch, done)


def _pipe_after(visit: Visit) -> Steps[Value]:
    """Return the pipe that leaves a sampling node: the one that comes in, with its result."""
    pipe = yield from visit.typed("pipe", Kind.PIPE, Pipe)
    here = visit.node.name
    own = {name: Link(here, name) for name in ("latent", "image")}
    return Pipe({**(pipe.fields if pipe else {}), **own})


def guide(visit: Visit) -> Steps[Guider]:
    """Return the model, the prompts and the guidance scale that a node has itself."""
    model = yield from visit.typed("model", Kind.MODEL, Model)
    positive = yield from visit.conditioning("positive")
    if visit.spec.option == "basic":
        return Guider(model, positive, None, 1)
    negative = yield from visit.conditioning("negative")
    cfg = yield from visit.number("cfg")
    return Guider(model, positive, negative, cfg)


def guider(visit: Visit) -> Steps[Value]:
    """Evaluate a guider; one without guidance has a scale of 1."""
    return (yield from guide(visit))


def _given_guider(visit: Visit) -> Steps[Guider]:
    found = yield from visit.typed("guider", Kind.GUIDER, Guider)
    return found or Guider(None, None, None, None)


def _seed(visit: Visit) -> Steps[Json]:
    """Return the seed; None where no noise is added."""
    if visit.spec.option == "guider":
        noise = yield from visit.typed("noise", Kind.NOISE, Noise)
        return noise.seed if noise else None
    added = yield from visit.take("add_noise", Kind.DATA)
    if added is not None and added in NO_NOISE:
        return None
    return (yield from visit.integer("seed"))


def _sigmas(visit: Visit) -> Steps[Sigmas]:
    """Return the noise levels of a node that says steps and scheduler itself."""
    steps = yield from visit.integer("steps")
    scheduler = yield from visit.text("scheduler")
    denoise = yield from visit.number("denoise")
    start = yield from visit.integer("start_at_step")
    end = yield from visit.integer("end_at_step")
    last = end if end is not None and steps is not None and end < steps else None
    return Sigmas(steps, scheduler or "", denoise, start or 0, last)


def sigmas(visit: Visit) -> Steps[Value]:
    """Evaluate a scheduler; one that has no name in a list of schedulers is named by its class."""
    steps = yield from visit.integer("steps")
    denoise = yield from visit.number("denoise")
    name = visit.spec.option
    if "scheduler" in visit.node.inputs:
        name = (yield from visit.text("scheduler")) or ""
    return Sigmas(steps, name or visit.node.kind, denoise)


def split_sigmas(visit: Visit) -> Steps[Value]:
    """Evaluate the first or the last of noise levels, divided at a step or at a share."""
    whole = yield from visit.typed("sigmas", Kind.SIGMAS, Sigmas)
    if whole is None:
        return None
    steps = whole.steps if isinstance(whole.steps, int) else None
    if visit.spec.option == "share":
        share = yield from visit.number("denoise")
        step = None if share is None or steps is None else steps - round(steps * share)
    else:
        step = yield from visit.integer("step")
    if step is None:
        visit.lose()
        return whole
    if visit.slot == "high_sigmas":
        return replace(whole, last=min(whole.first + step, whole.last or whole.first + step))
    return replace(whole, first=whole.first + step)


def sampler(visit: Visit) -> Steps[Value]:
    """Evaluate a node that chooses a sampler, or is one."""
    if visit.spec.option:
        return Sampler(visit.spec.option)
    name = yield from visit.text("sampler_name")
    return Sampler(name) if name is not None else None


def noise(visit: Visit) -> Steps[Value]:
    """Evaluate a source of noise; one without a seed adds none."""
    if visit.spec.option == "none":
        return Noise()
    return Noise((yield from visit.integer("seed")))
