"""A training from its pictures to its file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from diffusers import UNet2DConditionModel

from promptlang.datasets.examples import Example, examples, oddities
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import no_token, not_ours, not_shared
from promptlang.plan.events import (
    Complained,
    Event,
    Reported,
    SheetFinished,
    TrainingFinished,
    TrainingSkipped,
    TrainingStarted,
)
from promptlang.plan.steps import Adapter, Train
from promptlang.plan.training_config import Prior, token_of
from promptlang.prompts.captions import read
from promptlang.prompts.chunks import cut

from ..adapters import read_embedding
from ..atomic_files import write_whole
from ..conditioning.text_encoder import Encoder, reading_of
from ..distributed import ALONE, Processes
from ..models.loader import BaseModel
from ..sampling.rendering import Loaded
from .data.batches import Batches, turns
from .data.captions import Segments, Texts, Voice
from .data.class_pictures import make_class_pictures
from .data.latent_cache import Bucket, Encoding
from .data.split import divided
from .export.metadata import metadata
from .methods.registry import learner as learner_of
from .methods.registry import vocabulary
from .methods.textual_inversion import too_long
from .noising.noise_schedule import Schedule
from .objective.loss import Measure, ensure_sound
from .objective.training_loss import Kept, Lesson
from .optim.attention import attention, ensure_there
from .report import loss_curve, report
from .report.advice_notes import truths
from .report.samples import Samples
from .state.checkpoint import Checkpoint
from .state.fingerprint import foreign, kept_key, key
from .state.metrics import Metrics
from .trainable import Learner
from .trainer import Run
from .validation import Validation

AHEAD: Final = 8
"""Draws of a caption's variants that are looked at to know how long it can be."""


@dataclass(frozen=True, slots=True)
class Material:
    """All pictures of a training."""

    learned: tuple[Example, ...]
    watched: tuple[Example, ...]
    others: tuple[Example, ...]
    """Of others of the kind."""

    @classmethod
    def of(cls, step: Train) -> Material:
        """Found, but not opened yet; raises `PromptError` where there are none."""
        course = step.course
        found = examples(course.data.folder, step.at("from"), course.data.template)
        learned, watched = divided(found, course.data, course.seed, step.at("hold-out"))
        prior = course.prior
        others = examples(prior.folder, step.at("class-data"), prior.text or None) if prior and prior.folder else ()
        return cls(learned, watched, others)

    @property
    def all(self) -> tuple[Example, ...]:
        """Of each kind."""
        return (*self.learned, *self.watched, *self.others)

    def named(self, step: Train) -> tuple[Adapter, ...]:
        """The tokens that are there already and that something is said of here."""
        prior = step.course.prior
        said = [*(caption for each in self.all for caption in each.captions), prior.text if prior else ""]
        return tuple(each for each in step.embeddings if any(f"<{each.name}>" in text for text in said))


def train(step: Train, loaded: Loaded) -> Generator[Event, None, None]:
    """Train, and write what is learned; goes on from a checkpoint, and leaves one when closed before the end."""
    began, base = perf_counter(), loaded.base
    processes, schedule = Processes.here(), Schedule.of(base.schedule)
    ensure_sound(step, schedule, base.name)
    ensure_there(step, base.place.device)
    yield from make_class_pictures(step, base, processes)
    material = Material.of(step)
    tokens = yield from loaded.read(material.named(step), read_embedding, step.span)
    identity = key(step, (material.learned, material.watched, material.others), base, tokens)
    if not step.force and kept_key(step.file) == identity:
        yield TrainingSkipped(step)
        if step.samples and not Samples.kept(step, identity):
            yield Reported(f"{step.name} was trained without these samples; `--force` trains it again, with them")
        return
    if not step.force and foreign(step.file):
        raise PromptError([not_ours(step.file, step.span)])
    yield from map(Complained, (*oddities(material.all, step.at("from")), *too_long(step, base)))
    with learner_of(step, base) as learner:
        encoders = tuple(each.knowing(tokens) for each in loaded.encoders)
        texts = _texts(step, base, learner, encoders, material)
        seen = yield from see(step, base, material, processes)
        yield from map(Complained, seen.warnings)
        room = Room(step, base, seen, schedule, texts, processes)
        lesson, validation = room.lesson(learner), room.validation()
        checkpoint = Checkpoint.of(step, identity)
        samples = Samples.of(step, base, learner, identity) if step.samples and processes.first else None
        keep = partial(_keep, learner, metadata(step, base, learner, material.learned, identity))
        run = Run(step, learner, lesson, checkpoint, Metrics(step.report / "metrics.jsonl"), keep, validation, samples)
        run.resume()
        if processes.count > 1:
            yield Reported(f"{processes.count} processes share each step")
        yield TrainingStarted(step, len(material.learned), run.progress.done)
        with _checkpointing(step, learner.unet), attention(step, learner.unet):
            yield from run.steps()
        with run.settled():
            told = [*_told(run, base)]
            if processes.first:
                run.finish()
    if processes.first:
        write_whole(step.report / "report.txt", "".join(f"{line}\n" for line in told).encode())
        loss_curve.save(
            step.report / "loss.png", step.name, run.metrics.series("loss"), run.metrics.series("validation")
        )
        if samples is not None:
            yield SheetFinished(samples.sheet(step.steps))
        checkpoint.remove()
    processes.wait()
    yield from map(Reported, told)
    yield TrainingFinished(step, run.progress.loss, perf_counter() - began)


def _keep(learner: Learner, says: Mapping[str, str], file: Path) -> None:
    """What is learned so far, with what it says of itself."""
    learner.write(file, says)


def _told(run: Run, base: BaseModel) -> Iterator[str]:
    """All that there is to say at the end."""
    yield from report.verdict(run.metrics, run.step.course.optimisation.kept)
    if run.learner.report:
        yield from run.learner.report()
    yield report.cost(run.seconds, run.steps_done, base.place.device)
    yield from truths(run.step, base.place.device)


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """The material, encoded."""

    learned: tuple[Bucket, ...]
    watched: tuple[Bucket, ...]
    others: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


def see(step: Train, base: BaseModel, material: Material, processes: Processes) -> Generator[Event, None, Seen]:
    """Once, before the first step; raises `PromptError` with what cannot be read."""
    data = step.course.data
    encoding = Encoding(base, step.at("from"), step.course.seed, processes)
    learned = yield from encoding.of(material.learned, data)
    watched = yield from encoding.of(material.watched, data.unchanged)
    others = yield from encoding.of(material.others, data.unchanged)
    warnings = (*learned.warnings, *watched.warnings, *others.warnings)
    return Seen(learned.buckets, watched.buckets, others.buckets, warnings)


@dataclass(frozen=True, eq=False, slots=True)
class Room:
    """What a lesson is made from."""

    step: Train
    base: BaseModel
    seen: Seen
    schedule: Schedule
    texts: Texts
    processes: Processes = ALONE

    def lesson(self, learner: Learner) -> Lesson:
        """For a learner; raises `PromptError` where a step's pictures cannot be shared out."""
        course, prior = self.step.course, self.step.course.prior
        others = self._batches("others", self.seen.others, self._others) if self.seen.others else None
        return Lesson(
            learner=learner,
            texts=self.texts,
            measure=Measure.of(course.objective, self.schedule, self.base.place.device),
            batches=self._batches("step", self.seen.learned, course.optimisation.pictures),
            parts=self._parts(),
            processes=self.processes,
            kept=self._kept(prior) if prior and prior.weight and not others else None,
            others=others if prior and prior.weight else None,
            others_weight=prior.weight if prior else 0.0,
        )

    def _parts(self) -> int:
        optimisation = self.step.course.optimisation
        parts = self.processes.parts(optimisation.accumulate, optimisation.pictures)
        if parts is None:
            raise PromptError([not_shared(optimisation.pictures, self.processes.count, self.step.at("batch"))])
        if self.seen.others and self._others % parts:
            raise PromptError([not_shared(self._others, self.processes.count, self.step.at("class-ratio"))])
        return parts

    @property
    def _others(self) -> int:
        """Pictures of others of the kind to a step."""
        prior = self.step.course.prior
        return round(self.step.course.optimisation.pictures * (prior.ratio if prior else 1.0))

    def validation(self) -> Validation | None:
        """Where there are pictures for it."""
        return Validation.of(self.seen.watched, self.schedule, self.step.steps) if self.seen.watched else None

    def _batches(self, name: str, buckets: tuple[Bucket, ...], size: int) -> Batches:
        course = self.step.course
        return Batches(
            buckets=buckets,
            turns=turns(buckets, self.step.steps),
            schedule=self.schedule,
            objective=course.objective,
            data=course.data,
            size=size,
            seed=course.seed,
            name=name,
        )

    def _kept(self, prior: Prior) -> Kept:
        return Kept(prior, read(prior.text, 0), self.texts.of_base)


@contextmanager
def _checkpointing(step: Train, unet: UNet2DConditionModel) -> Iterator[None]:
    """Within it activations are computed again on the way back, if the step says so."""
    if not step.course.optimisation.gradient_checkpointing:
        yield
        return
    unet.enable_gradient_checkpointing()
    try:
        yield
    finally:
        unet.disable_gradient_checkpointing()


def _texts(step: Train, base: BaseModel, learner: Learner, encoders: Sequence[Encoder], material: Material) -> Texts:
    """Raises `PromptError` where a token is to be learned that no caption has."""
    reading = reading_of(encoders, step.course.clip_skip, step.span)
    voices = tuple(
        Voice(each, vocabulary(step, each.vocabulary), reading, learner.encoders.get(each.part)) for each in encoders
    )
    known = voices[0].vocabulary
    captions = [caption for example in material.all for caption in example.captions]
    chunks = [cut(said, known) for caption in captions for said in _drawn(caption)]
    token = token_of(step.course.method)
    names = {vectors.name for each in chunks for chunk in each for _, vectors in chunk.vectors}
    if token is not None and token.token not in names:
        raise PromptError([no_token(token.token, step.span)])
    longest = max(map(len, chunks))
    return Texts(base, voices, max(1, longest))


def _drawn(caption: str) -> Iterator[Segments]:
    yield from (read(caption, seed) for seed in range(AHEAD if "{" in caption else 1))
