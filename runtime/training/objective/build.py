"""Construction of the training loss from a training's configuration."""

from __future__ import annotations

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import indivisible_batch
from promptlang.plan.training_config import TrainingConfig
from promptlang.prompts.captions import parse_caption

from ...distributed import Processes
from ..data.batches import Batches
from ..data.caption_conditioning import CaptionConditioning
from ..data.latent_cache import Bucket
from ..data.training_data import EncodedData
from ..noising.noise_schedule import NoiseSchedule
from ..option_spans import OptionSpans
from ..setup import TrainingSetup
from ..trainable import TrainableModel
from .loss import DiffusionLoss
from .prior_preservation import BasePredictionLoss, ClassImageLoss, PriorLoss, class_batch_size
from .training_loss import MicroBatching, TrainingLoss


def build_training_loss(
    model: TrainableModel,
    conditioning: CaptionConditioning,
    data: EncodedData,
    setup: TrainingSetup,
    processes: Processes,
) -> TrainingLoss:
    """Build the training loss of a model over encoded pictures.

    Raises:
        PromptError: if a step's pictures cannot be divided evenly among the processes.
    """
    config, base = setup.config, setup.base
    schedule = NoiseSchedule.of(base.scheduler_config)
    batch_sizes = {"batch": config.optimisation.pictures_per_step}
    if config.prior and data.class_data:
        batch_sizes["class-ratio"] = class_batch_size(batch_sizes["batch"], config.prior)
    return TrainingLoss(
        model=model,
        conditioning=conditioning,
        diffusion_loss=DiffusionLoss.of(config.objective, schedule, base.placement.device),
        batches=Batches.of(data.training, batch_sizes["batch"], config, schedule),
        micro_batching=_micro_batching(
            batch_sizes, config.optimisation.accumulate, processes, setup.option_spans
        ),
        prior=_prior_loss(config, conditioning, data.class_data, schedule),
    )


def _micro_batching(
    batch_sizes: dict[str, int], accumulate: int, processes: Processes, option_spans: OptionSpans
) -> MicroBatching:
    """Divide the batches, given by the options that decide their sizes."""
    count = processes.micro_batch_count(accumulate, batch_sizes["batch"])
    for option, size in batch_sizes.items():
        if count is None or size % count:
            span = option_spans(option)
            raise PromptError([indivisible_batch(size, processes.world_size, span)])
    assert count is not None
    return MicroBatching(count, processes)


def _prior_loss(
    config: TrainingConfig,
    conditioning: CaptionConditioning,
    class_data: tuple[Bucket, ...],
    schedule: NoiseSchedule,
) -> PriorLoss | None:
    prior = config.prior
    if prior is None or not prior.weight:
        return None
    if class_data:
        size = class_batch_size(config.optimisation.pictures_per_step, prior)
        return ClassImageLoss(
            Batches.of(class_data, size, config, schedule, "others"), prior.weight
        )
    return BasePredictionLoss(parse_caption(prior.text, 0), conditioning.of_base, prior.weight)
