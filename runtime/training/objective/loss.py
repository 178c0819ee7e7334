"""Diffusion losses and their weighting by timestep.

Below, w is the weight of an error in the picture itself. The weight of an error in the prediction
is w / snr for noise and w / (snr + 1) for velocity, since the errors are proportional (Salimans
and Ho 2022, https://arxiv.org/abs/2202.00512).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import epsilon_without_signal, noise_not_needed
from promptlang.plan.training_config import ObjectiveConfig
from promptlang.source import Span

from ...devices import CPU_FP32
from ..noising.noise_schedule import NoiseSchedule
from ..option_spans import OptionSpans


@dataclass(frozen=True, eq=False, slots=True)
class DiffusionLoss:
    """Loss of a batch, by the configured function and timestep weighting."""

    objective: ObjectiveConfig
    weights: Tensor | None
    """`[timesteps]`; None for 1 everywhere."""
    huber_c: Tensor
    """`[timesteps]`: Huber's c, where the loss turns from quadratic to linear."""

    @classmethod
    def of(
        cls,
        objective: ObjectiveConfig,
        schedule: NoiseSchedule,
        device: torch.device = CPU_FP32.device,
    ) -> DiffusionLoss:
        """Build the loss for a noise schedule and for predictions on a device."""
        unweighted = objective.weighting == "none"
        sigma = ((1 - schedule.alphas_cumprod) / schedule.alphas_cumprod).sqrt()
        huber_c = (1 - objective.huber_c) / (1 + sigma) ** 2 + objective.huber_c
        weights = None if unweighted else timestep_weights(objective, schedule).to(device)
        return cls(objective, weights, huber_c.to(device))

    def __call__(
        self, predicted: Tensor, target: Tensor, timesteps: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Return the weighted loss of each picture, `[batch]`.

        Args:
            predicted: `[batch, channels, height, width]`, like the target.
            target: The prediction target.
            timesteps: `[batch]`.
            mask: Weight of each latent, `[batch, 1, height, width]`; None for 1 everywhere.
        """
        predicted = predicted.float()
        if mask is not None:
            predicted, target = predicted * mask, target * mask
        losses = self._losses(predicted, target, timesteps)
        return losses if self.weights is None else losses * self.weights[timesteps]

    def _losses(self, predicted: Tensor, target: Tensor, timesteps: Tensor) -> Tensor:
        error = predicted - target
        match self.objective.loss:
            case "l1":
                return error.abs().mean(dim=(1, 2, 3))
            case "huber":  # Khrapov et al. 2024, https://arxiv.org/abs/2403.16728
                c = self.huber_c[timesteps].view(-1, 1, 1, 1)
                # √(e² + c²) − c without cancellation
                pseudo_huber = error**2 / ((error**2 + c**2).sqrt() + c)
                return (2 * c * pseudo_huber).mean(dim=(1, 2, 3))
            case "cosine":
                similarity = functional.cosine_similarity(predicted.flatten(1), target.flatten(1))
                distance = self.objective.cosine_weight * (1 - similarity)
                return (error**2).mean(dim=(1, 2, 3)) + distance
            case _:
                return (error**2).mean(dim=(1, 2, 3))


def timestep_weights(objective: ObjectiveConfig, schedule: NoiseSchedule) -> Tensor:
    """Return the weight of the loss at each timestep, `[timesteps]`."""
    snr, gamma = schedule.snr, objective.gamma
    match objective.weighting:
        case "min-snr":  # Hang et al. 2023, https://arxiv.org/abs/2303.09556
            weight = snr.clamp(max=gamma)
        case "soft-min-snr":  # Crowson et al. 2024, https://arxiv.org/abs/2401.11605
            weight = snr * gamma / (snr + gamma)
        case _:  # "debiased": Yu et al. 2023, https://arxiv.org/abs/2310.08442
            weight = snr.sqrt()
    match schedule.prediction_type:
        case "v_prediction":
            return weight / (snr + 1)
        case "sample":
            return weight
        case _:
            return weight / snr


def ensure_compatible_schedule(
    objective: ObjectiveConfig,
    schedule: NoiseSchedule,
    model: str,
    span: Span,
    option_spans: OptionSpans,
) -> None:
    """Raise `PromptError` if an objective does not suit a schedule with zero terminal SNR."""
    if not schedule.has_zero_terminal_snr:
        return
    problems = []
    if schedule.prediction_type == "epsilon":
        problems.append(epsilon_without_signal(model, span))
    amounts = {"noise-offset": objective.noise_offset, "multires-noise": objective.multires}
    problems += [
        noise_not_needed(option, model, option_spans(option))
        for option, amount in amounts.items()
        if amount
    ]
    if problems:
        raise PromptError(problems)


def mse_loss(schedule: NoiseSchedule) -> DiffusionLoss:
    """Build the unweighted mean squared error, which validation measures."""
    return DiffusionLoss(ObjectiveConfig(), None, torch.ones(len(schedule)))
