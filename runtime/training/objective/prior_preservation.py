"""Prior preservation: pictures of the class, or the base model's own predictions."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.plan.prompt import Segments
from promptlang.plan.training_config import PriorConfig

from ..data.batches import Batches
from ..data.caption_conditioning import CaptionConditioning


@dataclass(frozen=True, eq=False, slots=True)
class ClassImageLoss:
    """Loss over class pictures (DreamBooth; Ruiz et al. 2022, equation 2)."""

    batches: Batches
    weight: float


@dataclass(frozen=True, eq=False, slots=True)
class BasePredictionLoss:
    """Distance to the base model's prediction for the class prompt, over the same noisy latents."""

    caption: Segments
    conditioning: CaptionConditioning
    """Conditioning by the text encoders as they were before the training."""
    weight: float


PriorLoss = ClassImageLoss | BasePredictionLoss


def class_batch_size(pictures_per_step: int, prior: PriorConfig) -> int:
    """Return the number of class pictures in a step."""
    return round(pictures_per_step * prior.ratio)
