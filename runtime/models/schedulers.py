"""Schedulers of folders: what is taken from each class, and the classes that cannot be used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from promptlang.files import as_integer, as_number

from .configurations import Config, UnusableConfigError, WrongSettingError

_DDPM: Final = {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"}
_SIGMAS: Final = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear"}
_LATENT: Final = {**_SIGMAS, "beta_schedule": "scaled_linear"}

SCHEDULERS: Final[Mapping[str, Mapping[str, Any]]] = {
    **dict.fromkeys(
        (
            *("DDIMScheduler", "DDIMInverseScheduler", "DDIMParallelScheduler"),
            *("DDPMScheduler", "DDPMParallelScheduler", "PNDMScheduler", "LMSDiscreteScheduler"),
            *("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"),
            *("DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler"),
            *("DPMSolverSinglestepScheduler", "DEISMultistepScheduler"),
            *("UniPCMultistepScheduler", "SASolverScheduler"),
        ),
        _DDPM,
    ),
    **dict.fromkeys(
        (
            *("HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "DPMSolverSDEScheduler"),
            *("KDPM2AncestralDiscreteScheduler",),
        ),
        _SIGMAS,
    ),
    **dict.fromkeys(("LCMScheduler", "TCDScheduler"), _LATENT),
}
"""Classes of diffusers over the noise schedule of DDPM, with their defaults for the betas.

From each the noise schedule is taken: betas, timesteps, kind of prediction, zero terminal SNR, and
the spacing ``trailing``, which few-step models need. The solver and its own options are the
program's (`--sampler`, `--scheduler`).
"""

OTHER_NOISE: Final = (
    *("use_flow_sigmas", "use_dynamic_shifting", "shift"),
    *("sigma_data", "sigma_min", "sigma_max"),
)
"""Fields that, with a value, state another schedule of noise than DDPM's."""

PREDICTIONS: Final = ("epsilon", "v_prediction")
BETA_SCHEDULES: Final = ("linear", "scaled_linear", "squaredcos_cap_v2")
SPACINGS: Final = ("leading", "linspace", "trailing")
MAX_TIMESTEPS: Final = 100_000


def check_scheduler(config: Config) -> Config:
    """Return a scheduler's configuration, with the defaults of its class for betas it leaves out.

    Raises `UnusableConfigError` for a schedule of another kind, and `WrongSettingError`.
    """
    name = config.get("_class_name")
    defaults = SCHEDULERS.get(name) if isinstance(name, str) else None
    if defaults is None:
        raise UnusableConfigError(f"a scheduler of the class `{str(name)[:80]}`")
    whole = {**config, **{key: config.get(key, value) for key, value in defaults.items()}}
    prediction = whole.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        stated = str(prediction)[:80]
        raise UnusableConfigError(f"for a model that predicts `{stated}`")
    if whole.get("timestep_type", "discrete") != "discrete":
        raise UnusableConfigError("a scheduler with continuous timesteps")
    for field in OTHER_NOISE:
        if whole.get(field) not in (None, False):
            raise UnusableConfigError(f"a scheduler with `{field}`")
    _check_numbers(whole)
    return whole


def _check_numbers(config: Mapping[str, Any]) -> None:
    steps = config.get("num_train_timesteps", 1000)
    if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= MAX_TIMESTEPS:
        raise WrongSettingError("num_train_timesteps", "is not a number of timesteps")
    for field in ("beta_start", "beta_end"):
        value = as_number(config[field])
        if value is None or not 0 < value < 1:
            raise WrongSettingError(field, "is not a number between 0 and 1")
    _check_choice(config, "beta_schedule", BETA_SCHEDULES)
    _check_choice(config, "timestep_spacing", SPACINGS)
    offset = config.get("steps_offset", 0)
    if as_integer(offset) is None or not 0 <= offset < steps:
        raise WrongSettingError("steps_offset", "is not a number of timesteps")
    for field in ("rescale_betas_zero_snr", "set_alpha_to_one", "clip_sample", "thresholding"):
        if not isinstance(config.get(field, False), bool):
            raise WrongSettingError(field, "is neither true nor false")
    _check_betas(config.get("trained_betas"), steps)


def _check_choice(config: Mapping[str, Any], field: str, choices: tuple[str, ...]) -> None:
    if field in config and config[field] not in choices:
        raise WrongSettingError(field, f"is none of {', '.join(choices)}")


def _check_betas(betas: Any, steps: int) -> None:
    if betas is None:
        return
    numbers = [as_number(beta) for beta in betas] if isinstance(betas, list) else []
    good = all(beta is not None and 0 <= beta <= 1 and math.isfinite(beta) for beta in numbers)
    if not good or len(numbers) != steps:
        raise WrongSettingError("trained_betas", f"is not a list of {steps} numbers up to 1")
