"""A training from its pictures to its result."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.datasets.examples import check_examples
from promptlang.diagnostics import PromptError
from promptlang.diagnostics.running import trained_file_damaged, training_in_use
from promptlang.diagnostics.training import diverged, file_not_trained_here
from promptlang.plan.events import (
    DiagnosticRaised,
    Event,
    SheetFinished,
    TextReported,
    TrainingFinished,
    TrainingSkipped,
    TrainingStarted,
)
from promptlang.plan.steps import Train
from promptlang.plan.training_config import token_of

from ..adapters import TokenEmbedding, read_embedding
from ..atomic_files import ensure_writable, write_atomically
from ..conditioning.text_encoder import build_encoding_options
from ..distributed import Processes
from ..sampling.loaded_model import LoadedModel
from .data.caption_conditioning import (
    CaptionConditioning,
    build_caption_conditioning,
    build_caption_encoders,
)
from .data.class_pictures import ClassPictures
from .data.latent_cache import DatasetEncoder
from .data.training_data import (
    EncodedData,
    TrainingData,
    encode_data,
    load_training_data,
    used_embeddings,
)
from .export.metadata import (
    active_lora_metadata,
    config_metadata,
    model_metadata,
    training_metadata,
)
from .export.weights import WEIGHTS_SUFFIX, WeightFiles
from .methods.registry import prepare_trainable
from .methods.textual_inversion import diagnose_init_word
from .noising.noise_schedule import NoiseSchedule
from .objective.build import build_training_loss
from .objective.loss import ensure_compatible_schedule
from .objective.training_loss import TrainingLoss
from .optim.attention import ensure_attention_available, use_attention
from .optim.training_optimizer import TrainingOptimizer
from .report import report
from .report.advice_notes import collect_advice_notes
from .report.loss_curve import save_loss_curve
from .report.samples import Samples, has_samples
from .resumption import Resumption
from .setup import TrainingSetup
from .state.autosave import Autosave
from .state.checkpoint import Checkpoint
from .state.fingerprint import active_lora_hashes, training_fingerprint
from .state.lock import TrainingInUseError, training_lock
from .state.metrics import Metrics
from .state.stored_result import is_foreign, is_intact, stored_fingerprint, was_trained_here
from .trainable import TrainableModel
from .trainer import NonFiniteLossError, Trainer
from .validation import Validation, Validator

REPORT_NAMES: Final = ("report.txt", "loss.png")
"""Files that are written at the end of every training."""


def train(step: Train, loaded: LoadedModel) -> Generator[Event, None, None]:
    """Train and write the result, unless it is up to date.

    The training resumes from its checkpoint; when the generator is closed before the end, it
    leaves one.

    Raises:
        PromptError: if the training cannot run as configured, or if it diverges.
    """
    setup = TrainingSetup(loaded.base, step.config, step.span, step.span_of, bool(step.samples))
    yield from _Job(step, loaded, setup, Processes.current()).run()


@dataclass(frozen=True, eq=False, slots=True)
class _Job:
    """A training with its model, in one of the processes."""

    step: Train
    loaded: LoadedModel
    setup: TrainingSetup
    processes: Processes

    def run(self) -> Generator[Event, None, None]:
        """Run all phases of the training while no other process runs it."""
        self._check_setup()
        with ExitStack() as stack:
            self._lock(stack)
            yield from self._run()

    def _lock(self, stack: ExitStack) -> None:
        """Hold the training's lock in the main process; raise `PromptError` in all without it."""
        holder = ""
        if self.processes.is_main_process:
            try:
                stack.enter_context(training_lock(self.step.file.parent, self.step.name))
            except TrainingInUseError as error:
                holder = str(error)
        own = {0: holder} if self.processes.is_main_process else {}
        if holder := self.processes.gather(own)[0]:
            raise PromptError([training_in_use(self.step.name, holder, self.step.span)])

    def _run(self) -> Generator[Event, None, None]:
        started = perf_counter()
        yield from self._render_class_pictures()
        data = load_training_data(self.step.config, self.step.span_of)
        tokens = yield from self._read_tokens(data)
        fingerprint = self._fingerprint(data, tokens)
        if not self.step.force:
            if stored_fingerprint(self.step.file) == fingerprint and is_intact(self.step.file):
                yield from self._skip(fingerprint)
                return
            yield from self._diagnose_result(fingerprint)
        yield from self._diagnose_data(data)
        with prepare_trainable(self.setup) as model:
            if self.processes.is_main_process:
                self._ensure_writable(model)
            conditioning = self._build_conditioning(model, data, tokens)
            encoded = yield from self._encode(data)
            loss = build_training_loss(model, conditioning, encoded, self.setup, self.processes)
            weights = self._weight_files(model, data, fingerprint)
            trainer = self._build_trainer(loss, encoded, weights, fingerprint)
            resumption = Resumption(self.step, trainer, weights, self.processes)
            yield from map(DiagnosticRaised, resumption.run())
            yield from self._train(trainer, len(data.training))
            lines = yield from self._save_result(trainer, weights)
        yield from map(TextReported, lines)
        yield TrainingFinished(self.step, trainer.progress.loss, perf_counter() - started)

    def _check_setup(self) -> None:
        """Raise `PromptError` if the base model or the device does not suit the configuration."""
        base, config, span_of = self.setup.base, self.setup.config, self.setup.option_spans
        schedule = NoiseSchedule.of(base.scheduler_config)
        ensure_compatible_schedule(config.objective, schedule, base.name, self.step.span, span_of)
        attention = config.optimisation.attention
        ensure_attention_available(attention, base.placement.device, span_of("attention"))

    def _render_class_pictures(self) -> Generator[Event, None, None]:
        loras = active_lora_hashes(self.step.adapters, self.step.active_loras)
        pictures = ClassPictures(self.step.name, self.step.class_pictures, self.setup.base, loras)
        yield from pictures.render(self.processes)

    def _read_tokens(self, data: TrainingData) -> Generator[Event, None, list[TokenEmbedding]]:
        """Read the existing token embeddings that captions name."""
        used = used_embeddings(self.step.embeddings, data, self.setup.config.prior)
        tokens = yield from self.loaded.read_adapters(used, read_embedding, self.step.span)
        return tokens

    def _fingerprint(self, data: TrainingData, tokens: Sequence[TokenEmbedding]) -> str:
        loras = active_lora_hashes(self.step.adapters, self.step.active_loras)
        data_sets = (data.training, data.validation, data.class_data)
        return training_fingerprint(self.setup.config, self.setup.base, loras, tokens, data_sets)

    def _skip(self, fingerprint: str) -> Iterator[Event]:
        """Remove what a killed run has left beside its result; say what is missing."""
        step = self.step
        checkpoint = Checkpoint.beside(step.file, step.name, fingerprint)
        if self.processes.is_main_process and checkpoint.belongs_to_training():
            checkpoint.remove()
        yield TrainingSkipped(step)
        if step.samples and not has_samples(step.samples, fingerprint):
            yield TextReported(
                f"{step.name} was trained without these samples; "
                "`--force` trains it again with them"
            )
        missing = [name for name in REPORT_NAMES if not (step.report / name).is_file()]
        if step.report.is_dir() and missing:
            yield TextReported(
                f"the report of {step.name} has no {' and no '.join(missing)}; "
                "`--force` trains it again with a whole report"
            )

    def _diagnose_result(self, fingerprint: str) -> Iterator[Event]:
        """Report a damaged result; raise `PromptError` for a file that no training has made."""
        file, span = self.step.file, self.step.span
        if is_foreign(file):
            raise PromptError([file_not_trained_here(file, span)])
        is_ours = file.is_file() or was_trained_here(file)
        if is_ours and stored_fingerprint(file) in (None, fingerprint):
            yield DiagnosticRaised(trained_file_damaged(file, span))

    def _ensure_writable(self, model: TrainableModel) -> None:
        """Raise OSError if the result could not be written at the end."""
        size = sum(each.nbytes for each in model.parameters().values())
        is_folder = self.step.file.suffix != WEIGHTS_SUFFIX
        ensure_writable(self.step.file, folder=is_folder, size=size)

    def _diagnose_data(self, data: TrainingData) -> Iterator[Event]:
        span_of = self.setup.option_spans
        yield from map(DiagnosticRaised, check_examples(data.all, span_of("from")))
        token = token_of(self.setup.config.method)
        if token is not None:
            problems = diagnose_init_word(token, self.setup.base, span_of("init"))
            yield from map(DiagnosticRaised, problems)

    def _build_conditioning(
        self, model: TrainableModel, data: TrainingData, tokens: Sequence[TokenEmbedding]
    ) -> CaptionConditioning:
        token, span = token_of(self.setup.config.method), self.step.span
        encoders = [each.with_extra_embeddings(tokens) for each in self.loaded.encoders]
        options = build_encoding_options(encoders, self.setup.config.clip_skip, span)
        caption_encoders = build_caption_encoders(encoders, options, token, model.encoders)
        return build_caption_conditioning(
            self.setup.base, caption_encoders, data.captions, token, span
        )

    def _encode(self, data: TrainingData) -> Generator[Event, None, EncodedData]:
        config, span = self.setup.config, self.setup.option_spans("from")
        encoder = DatasetEncoder(self.setup.base, span, config.seed, self.processes)
        encoded = yield from encode_data(data, config.data, encoder)
        yield from map(DiagnosticRaised, encoded.warnings)
        return encoded

    def _weight_files(
        self, model: TrainableModel, data: TrainingData, fingerprint: str
    ) -> WeightFiles:
        name, config = self.step.name, self.setup.config
        metadata = {
            **model_metadata(self.setup.base, config.method),
            **training_metadata(name, fingerprint, data.training, model.dtype),
            **active_lora_metadata(self.step.active_loras),
            **config_metadata(config),
            **(model.notes or {}),
        }
        checkpoints = Checkpoint.beside(self.step.file, name, fingerprint).folder
        return WeightFiles(self.step.file, self.step.report, checkpoints, model.write, metadata)

    def _build_trainer(
        self, loss: TrainingLoss, data: EncodedData, weights: WeightFiles, fingerprint: str
    ) -> Trainer:
        step, metrics = self.step, Metrics(self.step.report / "metrics.jsonl")
        span, main = self.setup.option_spans("optimizer"), self.processes.is_main_process
        samples = (
            Samples.of(step, self.setup.base, loss.model, fingerprint)
            if main and step.samples
            else None
        )
        return Trainer(
            loss=loss,
            optimizer=TrainingOptimizer.of(loss.model, self.setup.config.optimisation, span),
            metrics=metrics,
            autosave=Autosave(Checkpoint.beside(step.file, step.name, fingerprint)),
            validator=self._build_validator(loss, data, metrics) if main else None,
            best_weights=weights if main else None,
            samples=samples,
        )

    def _build_validator(
        self, loss: TrainingLoss, data: EncodedData, metrics: Metrics
    ) -> Validator | None:
        if not data.validation:
            return None
        schedule = loss.batches.schedule
        validation = Validation.of(data.validation, schedule)
        return Validator(
            validation=validation,
            training_pictures=Validation.of(data.training, schedule, len(validation.batches)),
            model=loss.model,
            conditioning=loss.conditioning,
            metrics=metrics,
            steps=self.step.steps,
        )

    def _train(self, trainer: Trainer, pictures: int) -> Generator[Event, None, None]:
        """Run the training loop; raise `PromptError` if the loss is not finite."""
        optimizer, unet = self.setup.config.optimisation, trainer.loss.model.unet
        if self.processes.world_size > 1:
            yield TextReported(f"{self.processes.world_size} processes share each step")
        yield TrainingStarted(self.step, pictures, trainer.progress.done)
        try:
            with (
                _gradient_checkpointing(unet, enabled=optimizer.gradient_checkpointing),
                use_attention(optimizer.attention, unet),
            ):
                yield from trainer.train()
        except NonFiniteLossError as error:
            trainer.autosave.checkpoint.remove()
            raise PromptError([diverged(self.step.name, error.step, self.step.span)]) from error

    def _save_result(
        self, trainer: Trainer, weights: WeightFiles
    ) -> Generator[Event, None, list[str]]:
        """Write the report, then the result, then remove the checkpoint; return the report.

        A result that is there is thus complete: nothing is missing but the removal.
        """
        kept, best = self.setup.config.optimisation.kept, trainer.progress.best
        with trainer.optimizer.averaged_weights():
            lines = [*self._report_lines(trainer, kept)]
            if self.processes.is_main_process:
                self._save_report(trainer, lines)
                weights.save_result(best if kept == "best" else None)
                trainer.autosave.checkpoint.remove()
        self.processes.wait_for_everyone()
        if trainer.samples is not None:
            yield SheetFinished(trainer.samples.sheet(self.step.steps))
        return lines

    def _report_lines(self, trainer: Trainer, kept: str) -> Iterator[str]:
        model, device = trainer.loss.model, self.setup.base.placement.device
        yield from report.assess_overfitting(trainer.metrics, kept)
        if model.report:
            yield from model.report()
        yield report.describe_cost(trainer.seconds, trainer.steps_run, device)
        yield from collect_advice_notes(self.setup.config, device)

    def _save_report(self, trainer: Trainer, lines: Sequence[str]) -> None:
        """Write the report and the loss curve."""
        folder, metrics = self.step.report, trainer.metrics
        write_atomically(folder / "report.txt", "".join(f"{line}\n" for line in lines).encode())
        losses, validation = metrics.series("loss"), metrics.series("validation")
        save_loss_curve(folder / "loss.png", self.step.name, losses, validation)


@contextmanager
def _gradient_checkpointing(unet: UNet2DConditionModel, *, enabled: bool) -> Iterator[None]:
    """Recompute activations in the backward pass within the context, if enabled."""
    if not enabled:
        yield
        return
    unet.enable_gradient_checkpointing()
    try:
        yield
    finally:
        unet.disable_gradient_checkpointing()
