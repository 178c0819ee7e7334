"""Base model and configuration of a training."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.plan.training_config import TrainingConfig
from promptlang.source import Span

from ..models.loader import BaseModel
from .optim.precision import compute_dtype, ensure_quantization_supported, frozen_unet
from .option_spans import OptionSpans


@dataclass(frozen=True, eq=False, slots=True)
class TrainingSetup:
    """Base model with the configuration of its training, and the places of the options."""

    base: BaseModel
    config: TrainingConfig
    span: Span
    """Place of the training's statement in the source."""
    option_spans: OptionSpans
    renders_samples: bool = False
    """Tells if samples are rendered, for which the base's UNet stays on the device."""

    def compute_dtype(self, *, frozen: bool = True) -> torch.dtype:
        """Return the dtype of the computation; `frozen` tells if the UNet's weights are frozen."""
        return compute_dtype(
            self.config.optimisation,
            self.base.placement.device,
            self.option_spans("precision"),
            frozen=frozen,
        )

    def frozen_unet(
        self, dtype: torch.dtype, *, full_precision: bool = False
    ) -> AbstractContextManager[UNet2DConditionModel]:
        """Yield a frozen UNet in the configured format; see `precision.frozen_unet`."""
        quantization = self.config.optimisation.packed
        ensure_quantization_supported(
            quantization, self.base.placement.device, self.option_spans("base-precision")
        )
        return frozen_unet(
            self.base,
            quantization,
            dtype,
            full_precision=full_precision,
            keep_base=self.renders_samples,
        )
