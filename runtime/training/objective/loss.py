"""How far off a prediction is, and how much that counts at each timestep.

Below, w is a weight of the error in the picture itself; predicting noise it is w / snr, predicting velocity
w / (snr + 1), since the errors are proportional (Salimans and Ho 2022, https://arxiv.org/abs/2202.00512).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import epsilon_without_signal, noise_not_needed
from promptlang.plan.steps import Train
from promptlang.plan.training_config import ObjectiveConfig

from ...devices import CPU_FP32
from ..noising.noise_schedule import NoiseSchedule

_HUBER: Final = 0.1
"""Where Huber's loss turns, at the noisiest."""


@dataclass(frozen=True, eq=False, slots=True)
class DiffusionLoss:
    """The loss of a batch."""

    objective: ObjectiveConfig
    weights: Tensor | None
    """`[timesteps]`; None where each counts 1"""
    huber_c: Tensor
    """`[timesteps]`: where Huber's loss turns"""

    @classmethod
    def of(
        cls,
        objective: ObjectiveConfig,
        schedule: NoiseSchedule,
        device: torch.device = CPU_FP32.device,
    ) -> DiffusionLoss:
        """For a schedule, and predictions on a device."""
        plain = objective.weighting == "none"
        sigma = ((1 - schedule.alphas_cumprod) / schedule.alphas_cumprod).sqrt()
        huber_c = (1 - _HUBER) / (1 + sigma) ** 2 + _HUBER
        loss_weights = None if plain else timestep_weights(objective, schedule).to(device)
        return cls(objective, loss_weights, huber_c.to(device))

    def __call__(
        self, predicted: Tensor, target: Tensor, times: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """`[batch]`: a weighted loss a picture."""
        predicted = predicted.float()
        if mask is not None:
            predicted, target = predicted * mask, target * mask
        losses = self._losses(predicted, target, times)
        return losses if self.weights is None else losses * self.weights[times]

    def _losses(self, predicted: Tensor, target: Tensor, times: Tensor) -> Tensor:
        error = predicted - target
        match self.objective.loss:
            case "l1":
                return error.abs().mean(dim=(1, 2, 3))
            case "huber":  # Khrapov et al. 2024, https://arxiv.org/abs/2403.16728
                corner = self.huber_c[times].view(-1, 1, 1, 1)
                whole = error**2 / (
                    (error**2 + corner**2).sqrt() + corner
                )  # √(e² + c²) − c without cancellation
                return (2 * corner * whole).mean(dim=(1, 2, 3))
            case "cosine":
                alike = functional.cosine_similarity(predicted.flatten(1), target.flatten(1))
                return (error**2).mean(dim=(1, 2, 3)) + self.objective.cosine_weight * (1 - alike)
            case _:
                return (error**2).mean(dim=(1, 2, 3))


def timestep_weights(objective: ObjectiveConfig, schedule: NoiseSchedule) -> Tensor:
    """`[timesteps]`: what a picture's loss is multiplied by."""
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


def ensure_compatible_schedule(step: Train, schedule: NoiseSchedule, model: str) -> None:
    """Raises `PromptError` where a training's objective makes no sense over the model's schedule."""
    if not schedule.has_zero_terminal_snr:
        return
    problems = []
    if schedule.prediction_type == "epsilon":
        problems.append(epsilon_without_signal(model, step.span))
    objective = step.config.objective
    amounts = {"noise-offset": objective.noise_offset, "multires-noise": objective.multires}
    problems += [
        noise_not_needed(option, model, step.span_of(option))
        for option, amount in amounts.items()
        if amount
    ]
    if problems:
        raise PromptError(problems)


def mse_loss(schedule: NoiseSchedule) -> DiffusionLoss:
    """Plain squared error, for what is only looked at."""
    return DiffusionLoss(ObjectiveConfig(), None, torch.ones(len(schedule)))
