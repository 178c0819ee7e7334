"""A training from its pictures to its file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.datasets.examples import Example, check_examples, load_examples
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import file_not_trained_here, indivisible_batch
from promptlang.diagnostics.training_data import token_not_in_captions
from promptlang.plan.events import (
    DiagnosticRaised,
    Event,
    SheetFinished,
    TextReported,
    TrainingFinished,
    TrainingSkipped,
    TrainingStarted,
)
from promptlang.plan.steps import Adapter, Train
from promptlang.plan.training_config import PriorConfig, token_of
from promptlang.prompts.captions import parse_caption
from promptlang.prompts.chunks import split_into_chunks

from ..adapters import read_embedding
from ..atomic_files import write_atomically
from ..conditioning.text_encoder import CachedTextEncoder, build_encoding_options
from ..distributed import SINGLE_PROCESS, Processes
from ..models.loader import BaseModel
from ..sampling.loaded_model import LoadedModel
from .data.batches import Batches, assign_buckets
from .data.captions import CaptionConditioning, CaptionEncoder, Segments
from .data.class_pictures import make_class_pictures
from .data.latent_cache import Bucket, DatasetEncoder
from .data.split import split_examples
from .export.metadata import build_metadata
from .methods.registry import caption_tokenizer
from .methods.registry import prepare_trainable as learner_of
from .methods.textual_inversion import diagnose_init_word
from .noising.noise_schedule import NoiseSchedule
from .objective.loss import DiffusionLoss, ensure_compatible_schedule
from .objective.training_loss import PriorPreservation, TrainingLoss
from .optim.attention import ensure_attention_available, use_attention
from .report import loss_curve, report
from .report.advice_notes import collect_advice_notes
from .report.samples import Samples
from .state.checkpoint import Checkpoint
from .state.fingerprint import is_foreign, stored_fingerprint, training_fingerprint
from .state.metrics import Metrics
from .trainable import TrainableModel
from .trainer import Trainer
from .validation import Validation

CAPTION_DRAWS: Final = 8
"""Draws of a caption's variants that are looked at to know how long it can be."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All pictures of a training."""

    training: tuple[Example, ...]
    validation: tuple[Example, ...]
    class_data: tuple[Example, ...]
    """Of others of the kind."""

    @classmethod
    def of(cls, step: Train) -> TrainingData:
        """Found, but not opened yet; raises `PromptError` where there are none."""
        config = step.config
        found = load_examples(config.data.folder, step.span_of("from"), config.data.template)
        learned, watched = split_examples(found, config.data, config.seed, step.span_of("hold-out"))
        prior = config.prior
        others = (
            load_examples(prior.folder, step.span_of("class-data"), prior.text or None)
            if prior and prior.folder
            else ()
        )
        return cls(learned, watched, others)

    @property
    def all(self) -> tuple[Example, ...]:
        """Of each kind."""
        return (*self.training, *self.validation, *self.class_data)

    def named(self, step: Train) -> tuple[Adapter, ...]:
        """The tokens that are there already and that something is said of here."""
        prior = step.config.prior
        said = [
            *(caption for each in self.all for caption in each.captions),
            prior.text if prior else "",
        ]
        return tuple(
            each for each in step.embeddings if any(f"<{each.name}>" in text for text in said)
        )


def train(step: Train, loaded: LoadedModel) -> Generator[Event, None, None]:
    """Train, and write what is learned; goes on from a checkpoint, and leaves one when closed before the end."""
    began, base = perf_counter(), loaded.base
    processes, schedule = Processes.current(), NoiseSchedule.of(base.scheduler_config)
    ensure_compatible_schedule(step, schedule, base.name)
    ensure_attention_available(step, base.placement.device)
    yield from make_class_pictures(step, base, processes)
    material = TrainingData.of(step)
    tokens = yield from loaded.read_adapters(material.named(step), read_embedding, step.span)
    fingerprint = training_fingerprint(
        step, (material.training, material.validation, material.class_data), base, tokens
    )
    if not step.force and stored_fingerprint(step.file) == fingerprint:
        yield TrainingSkipped(step)
        if step.samples and not Samples.kept(step, fingerprint):
            yield TextReported(
                f"{step.name} was trained without these samples; `--force` trains it again, with them"
            )
        return
    if not step.force and is_foreign(step.file):
        raise PromptError([file_not_trained_here(step.file, step.span)])
    yield from map(
        DiagnosticRaised,
        (*check_examples(material.all, step.span_of("from")), *diagnose_init_word(step, base)),
    )
    with learner_of(step, base) as learner:
        encoders = tuple(each.with_extra_embeddings(tokens) for each in loaded.encoders)
        conditioning = _caption_conditioning(step, base, learner, encoders, material)
        encoded = yield from encode_data(step, base, material, processes)
        yield from map(DiagnosticRaised, encoded.warnings)
        builder = LossBuilder(step, base, encoded, schedule, conditioning, processes)
        training_loss, validation = builder.build_loss(learner), builder.validation()
        checkpoint = Checkpoint.of(step, fingerprint)
        samples = (
            Samples.of(step, base, learner, fingerprint)
            if step.samples and processes.is_main_process
            else None
        )
        keep = partial(
            _save_weights,
            learner,
            build_metadata(step, base, learner, material.training, fingerprint),
        )
        trainer = Trainer(
            step,
            learner,
            training_loss,
            checkpoint,
            Metrics(step.report / "metrics.jsonl"),
            keep,
            validation,
            samples,
        )
        trainer.resume()
        if processes.world_size > 1:
            yield TextReported(f"{processes.world_size} processes share each step")
        yield TrainingStarted(step, len(material.training), trainer.progress.done)
        with _gradient_checkpointing(step, learner.unet), use_attention(step, learner.unet):
            yield from trainer.steps()
        with trainer.averaged_weights():
            report_lines = [*_report_lines(trainer, base)]
            if processes.is_main_process:
                trainer.finish()
    if processes.is_main_process:
        write_atomically(
            step.report / "report.txt", "".join(f"{line}\n" for line in report_lines).encode()
        )
        loss_curve.save(
            step.report / "loss.png",
            step.name,
            trainer.metrics.series("loss"),
            trainer.metrics.series("validation"),
        )
        if samples is not None:
            yield SheetFinished(samples.sheet(step.steps))
        checkpoint.remove()
    processes.wait_for_everyone()
    yield from map(TextReported, report_lines)
    yield TrainingFinished(step, trainer.progress.loss, perf_counter() - began)


def _save_weights(learner: TrainableModel, metadata: Mapping[str, str], file: Path) -> None:
    """What is learned so far, with what it says of itself."""
    learner.write(file, metadata)


def _report_lines(trainer: Trainer, base: BaseModel) -> Iterator[str]:
    """All that there is to say at the end."""
    yield from report.assess_overfitting(trainer.metrics, trainer.step.config.optimisation.kept)
    if trainer.learner.report:
        yield from trainer.learner.report()
    yield report.describe_cost(trainer.seconds, trainer.steps_done, base.placement.device)
    yield from collect_advice_notes(trainer.step, base.placement.device)


@dataclass(frozen=True, eq=False, slots=True)
class EncodedData:
    """The material, encoded."""

    training: tuple[Bucket, ...]
    validation: tuple[Bucket, ...]
    class_data: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


def encode_data(
    step: Train, base: BaseModel, material: TrainingData, processes: Processes
) -> Generator[Event, None, EncodedData]:
    """Once, before the first step; raises `PromptError` with what cannot be read."""
    data = step.config.data
    encoding = DatasetEncoder(base, step.span_of("from"), step.config.seed, processes)
    learned = yield from encoding.of(material.training, data)
    watched = yield from encoding.of(material.validation, data.without_augmentation)
    others = yield from encoding.of(material.class_data, data.without_augmentation)
    warnings = (*learned.warnings, *watched.warnings, *others.warnings)
    return EncodedData(learned.buckets, watched.buckets, others.buckets, warnings)


@dataclass(frozen=True, eq=False, slots=True)
class LossBuilder:
    """What a lesson is made from."""

    step: Train
    base: BaseModel
    encoded_data: EncodedData
    schedule: NoiseSchedule
    conditioning: CaptionConditioning
    processes: Processes = SINGLE_PROCESS

    def build_loss(self, learner: TrainableModel) -> TrainingLoss:
        """For a learner; raises `PromptError` where a step's pictures cannot be shared out."""
        config, prior = self.step.config, self.step.config.prior
        others = (
            self._batches("others", self.encoded_data.class_data, self._class_batch_size)
            if self.encoded_data.class_data
            else None
        )
        return TrainingLoss(
            learner=learner,
            conditioning=self.conditioning,
            diffusion_loss=DiffusionLoss.of(
                config.objective, self.schedule, self.base.placement.device
            ),
            batches=self._batches(
                "step", self.encoded_data.training, config.optimisation.pictures_per_step
            ),
            parts=self._parts(),
            processes=self.processes,
            kept=self._prior_preservation(prior) if prior and prior.weight and not others else None,
            class_data=others if prior and prior.weight else None,
            prior_loss_weight=prior.weight if prior else 0.0,
        )

    def _parts(self) -> int:
        optimisation = self.step.config.optimisation
        parts = self.processes.micro_batch_count(
            optimisation.accumulate, optimisation.pictures_per_step
        )
        if parts is None:
            raise PromptError(
                [
                    indivisible_batch(
                        optimisation.pictures_per_step,
                        self.processes.world_size,
                        self.step.span_of("batch"),
                    )
                ]
            )
        if self.encoded_data.class_data and self._class_batch_size % parts:
            raise PromptError(
                [
                    indivisible_batch(
                        self._class_batch_size,
                        self.processes.world_size,
                        self.step.span_of("class-ratio"),
                    )
                ]
            )
        return parts

    @property
    def _class_batch_size(self) -> int:
        """Pictures of others of the kind to a step."""
        prior = self.step.config.prior
        return round(
            self.step.config.optimisation.pictures_per_step * (prior.ratio if prior else 1.0)
        )

    def validation(self) -> Validation | None:
        """Where there are pictures for it."""
        return (
            Validation.of(self.encoded_data.validation, self.schedule, self.step.steps)
            if self.encoded_data.validation
            else None
        )

    def _batches(self, name: str, buckets: tuple[Bucket, ...], size: int) -> Batches:
        config = self.step.config
        return Batches(
            buckets=buckets,
            bucket_order=assign_buckets(buckets, self.step.steps),
            schedule=self.schedule,
            objective=config.objective,
            data=config.data,
            size=size,
            seed=config.seed,
            name=name,
        )

    def _prior_preservation(self, prior: PriorConfig) -> PriorPreservation:
        return PriorPreservation(prior, parse_caption(prior.text, 0), self.conditioning.of_base)


@contextmanager
def _gradient_checkpointing(step: Train, unet: UNet2DConditionModel) -> Iterator[None]:
    """Within it activations are computed again on the way back, if the step says so."""
    if not step.config.optimisation.gradient_checkpointing:
        yield
        return
    unet.enable_gradient_checkpointing()
    try:
        yield
    finally:
        unet.disable_gradient_checkpointing()


def _caption_conditioning(
    step: Train,
    base: BaseModel,
    learner: TrainableModel,
    encoders: Sequence[CachedTextEncoder],
    material: TrainingData,
) -> CaptionConditioning:
    """Raises `PromptError` where a token is to be learned that no caption has."""
    reading = build_encoding_options(encoders, step.config.clip_skip, step.span)
    caption_encoders = tuple(
        CaptionEncoder(
            each,
            caption_tokenizer(step, each.vocabulary),
            reading,
            learner.encoders.get(each.component),
        )
        for each in encoders
    )
    known = caption_encoders[0].vocabulary
    captions = [caption for example in material.all for caption in example.captions]
    chunks = [split_into_chunks(said, known) for caption in captions for said in _drawn(caption)]
    token = token_of(step.config.method)
    names = {vectors.name for each in chunks for chunk in each for _, vectors in chunk.vectors}
    if token is not None and token.token not in names:
        raise PromptError([token_not_in_captions(token.token, step.span)])
    longest = max(map(len, chunks))
    return CaptionConditioning(base, caption_encoders, max(1, longest))


def _drawn(caption: str) -> Iterator[Segments]:
    yield from (
        parse_caption(caption, seed) for seed in range(CAPTION_DRAWS if "{" in caption else 1)
    )
