"""The options of a training that define the loss and the noise, and the fields they fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .choices import LOSSES
from .options import Conflict, Given, Kind, Option, Requirement, default_of
from .training_methods import ALL

_BOTH_WEIGHT = "both weight the loss by timestep"

OBJECTIVE: tuple[Option, ...] = (
    Option(
        "loss",
        Kind.CHOICE,
        "Loss function between the predicted and the true noise or velocity.",
        ALL,
        "mse",
        choices=LOSSES,
        field="objective.loss",
        metadata=("ss_loss_type",),
    ),
    Option(
        "cosine-weight",
        Kind.NUMBER,
        "Weight λ of the cosine term in `--loss cosine`: mse + λ·(1 − cos).",
        ALL,
        1.0,
        low=0,
        high=100,
        field="objective.cosine_weight",
        requires=(Requirement((Given("loss", ("cosine",)),)),),
    ),
    Option(
        "huber-c",
        Kind.NUMBER,
        "Error at which `--loss huber` turns from quadratic to linear at the noisiest step.",
        ALL,
        0.1,
        low=0.001,
        high=1,
        field="objective.huber_c",
        requires=(Requirement((Given("loss", ("huber",)),)),),
        metadata=("ss_huber_c",),
        since="0.2",
        long_doc="With less noise the turn is at (1 − c) / (1 + σ)² + c, the SNR schedule of "
        "kohya's `huber_c` (Khrapov et al. 2024, https://arxiv.org/abs/2403.16728).",
    ),
    Option(
        "min-snr",
        Kind.NUMBER,
        "Min-SNR weighting of the loss by timestep; the value is γ, commonly 5.",
        ALL,
        default_doc="off",
        low=0.01,
        high=1000,
        field="objective.gamma",
        metadata=("ss_min_snr_gamma",),
        long_doc="A timestep with signal-to-noise ratio s has the weight min(s, γ) in the picture "
        "(Hang et al. 2023, https://arxiv.org/abs/2303.09556).",
    ),
    Option(
        "soft-min-snr",
        Kind.NUMBER,
        "Soft Min-SNR weighting of the loss by timestep; the value is γ.",
        ALL,
        default_doc="off",
        low=0.01,
        high=1000,
        field="objective.gamma",
        conflicts=(Conflict(Given("min-snr"), _BOTH_WEIGHT),),
        long_doc="A timestep with signal-to-noise ratio s has the weight s·γ / (s + γ) in the "
        "picture (Crowson et al. 2024, https://arxiv.org/abs/2401.11605).",
    ),
    Option(
        "debiased",
        Kind.FLAG,
        "Debiased weighting of the loss by timestep, the root of the SNR.",
        ALL,
        "off",
        field="objective.weighting",
        conflicts=(
            Conflict(Given("min-snr"), _BOTH_WEIGHT),
            Conflict(Given("soft-min-snr"), _BOTH_WEIGHT),
        ),
        long_doc="See Yu et al. 2023, https://arxiv.org/abs/2310.08442.",
    ),
    Option(
        "noise-offset",
        Kind.NUMBER,
        "Noise offset: strength of noise that is constant over the picture.",
        ALL,
        0.0,
        low=0,
        high=1,
        field="objective.noise_offset",
        metadata=("ss_noise_offset",),
        long_doc="The offset lets a model learn very dark and very bright pictures.",
    ),
    Option(
        "multires-noise",
        Kind.NUMBER,
        "Multi-resolution noise: the factor from each level to the next coarser one.",
        ALL,
        0.0,
        low=0,
        high=1,
        field="objective.multires",
        conflicts=(
            Conflict(Given("noise-offset"), "the coarsest level is a noise offset already"),
        ),
    ),
    Option(
        "perturbation",
        Kind.NUMBER,
        "Input perturbation: strength of extra input noise outside the target.",
        ALL,
        0.0,
        low=0,
        high=1,
        field="objective.perturbation",
    ),
)

UNUSED_GAMMA: Final = 5.0
"""The γ of an objective that weights all timesteps the same."""


def _declared(field: str) -> Any:
    return default_of(OBJECTIVE, field)


@dataclass(frozen=True, slots=True)
class ObjectiveConfig:
    """Loss function, timestep weighting and noise."""

    loss: str = _declared("objective.loss")
    cosine_weight: float = _declared("objective.cosine_weight")
    weighting: str = "none"
    """``none``, ``min-snr``, ``soft-min-snr`` or ``debiased``."""
    gamma: float = UNUSED_GAMMA
    """γ of ``min-snr`` and ``soft-min-snr``."""
    noise_offset: float = _declared("objective.noise_offset")
    multires: float = _declared("objective.multires")
    perturbation: float = _declared("objective.perturbation")
    huber_c: float = _declared("objective.huber_c")
