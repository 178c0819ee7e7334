"""Renders to picture files: pictures with equal batch keys are sampled in one batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from time import perf_counter

import torch
from PIL.Image import Image
from torch import Tensor

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.rendering import picture_not_finite
from promptlang.plan.events import (
    DenoisingStep,
    DiagnosticRaised,
    Event,
    PictureFinished,
    Preview,
    RenderingStarted,
)
from promptlang.plan.steps import Render

from ..output.images import NotFiniteError, decode_preview
from .denoise import StepPreview, denoise_batch
from .initial_latents import latent_size
from .loaded_model import LoadedModel
from .render_job import RenderJob, prepare_job

PREVIEW_SECONDS = 1.0
"""Seconds between two previews, at least."""

PREVIEW_COST_RATIO = 20
"""Time between two previews, at least, as a multiple of the time that decoding one takes."""

MAX_BATCH_LATENTS = 2048
"""Latents (width times height) in a batch, at most; a larger picture is a batch by itself."""

Latents = tuple[Tensor, ...]


def render(steps: Sequence[Render], loaded: LoadedModel) -> Generator[Event, None, None]:
    """Make pictures, in as large batches as possible; an error in one does not stop the others."""
    jobs: list[RenderJob] = []
    for step in steps:
        yield from _prepare_or_diagnose(step, loaded, jobs)
    for batch in _batches(jobs):
        copies: list[RenderJob] = []
        for _ in range(1, batch[0].step.sampling.batch or 1):
            yield from _prepare_or_diagnose(batch[0].step, loaded, copies)
        yield from _make(batch, copies)


def _prepare_or_diagnose(
    step: Render, loaded: LoadedModel, jobs: list[RenderJob]
) -> Iterator[Event]:
    try:
        jobs.append((yield from prepare_job(step, loaded)))
    except PromptError as error:
        yield from map(DiagnosticRaised, error.diagnostics)


def _batches(jobs: Sequence[RenderJob]) -> Iterator[Sequence[RenderJob]]:
    """Yield consecutive jobs that can share a batch, in groups of limited size."""
    for _, group in groupby(jobs, key=lambda job: job.batch_key):
        alike = list(group)
        width, height = latent_size(alike[0].initial_latents.size, alike[0].base)
        most = max(1, MAX_BATCH_LATENTS // (width * height))
        for at in range(0, len(alike), most):
            yield alike[at : at + most]


def _make(jobs: Sequence[RenderJob], copies: Sequence[RenderJob]) -> Generator[Event, None, None]:
    """Sample jobs in one batch, together with copies whose pictures are discarded."""
    start = perf_counter()
    yield RenderingStarted(tuple(job.step for job in jobs))
    runs, base = [job.denoise() for job in (*jobs, *copies)], jobs[0].base
    try:
        with base.on_device(base.unet):
            latents = yield from _report_steps(denoise_batch(base.unet, runs), jobs[0])
    except NotFiniteError:  # of a first pass
        yield from (DiagnosticRaised(_not_finite(job)) for job in jobs)
        return
    for job, each in zip(jobs, latents, strict=False):
        problem = _save_or_diagnose(job, each, len(runs))
        seconds = (perf_counter() - start) / len(jobs)
        yield (
            DiagnosticRaised(problem)
            if problem
            else PictureFinished(job.step, job.step.file, seconds)
        )


def _save_or_diagnose(job: RenderJob, latents: Tensor, batch: int) -> Diagnostic | None:
    """Write a picture; return a diagnostic if that is impossible."""
    try:
        job.save(latents, batch)
    except NotFiniteError:
        return _not_finite(job)
    return None


def _not_finite(job: RenderJob) -> Diagnostic:
    return picture_not_finite(job.base.placement.dtype == torch.float16, job.step.span)


def _report_steps(
    denoising: Generator[StepPreview, None, Latents], job: RenderJob
) -> Generator[Event, None, Latents]:
    """Yield each step's number and, now and then, a preview of its latents; return the latents."""
    latents: list[Latents] = []

    def previews() -> Iterator[StepPreview]:
        latents.append((yield from denoising))

    last, seconds = perf_counter(), 0.0
    for done, preview in enumerate(previews(), 1):
        yield DenoisingStep(done, job.timesteps)
        now = perf_counter()
        if (
            now - last >= max(PREVIEW_SECONDS, PREVIEW_COST_RATIO * seconds)
            and done < job.timesteps
        ):
            with suppress(NotFiniteError):  # a diagnostic follows the last step
                yield make_preview(job.step, decode_preview(job.base, preview.latents))
            last, seconds = perf_counter(), perf_counter() - now
    return latents[0]


def make_preview(step: Render, picture: Image) -> Preview:
    """Return the event with a small picture."""
    return Preview(step, picture.size, picture.tobytes())
