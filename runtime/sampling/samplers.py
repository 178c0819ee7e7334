"""The samplers that a prompt can name, as data."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import diffusers
import torch
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from torch import Tensor

from ..models.protocols import Scheduler

SPACINGS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "normal": {},
        "karras": {"use_karras_sigmas": True},
        "exponential": {"use_exponential_sigmas": True},
        "sgm_uniform": {"timestep_spacing": "trailing"},
    }
)
"""Options of a diffusers scheduler by the spacing of the noise levels; ``karras`` is equation 5 of
https://arxiv.org/abs/2206.00364."""

MODEL_FIELDS: Final = frozenset(
    {
        *("beta_start", "beta_end", "beta_schedule", "trained_betas", "num_train_timesteps"),
        *("prediction_type", "rescale_betas_zero_snr", "set_alpha_to_one", "steps_offset"),
        *("clip_sample", "clip_sample_range", "sample_max_value"),
        *("thresholding", "dynamic_thresholding_ratio"),
    }
)
"""Fields of a model's scheduler that a sampler takes: the noise schedule, not the solver."""

FEW_STEPS: Final = "trailing"
"""The spacing that begins at full noise with any number of steps; models of few steps name it."""

MIN_ALPHA_CUMPROD: Final = 2.0**-24
"""Share of signal at the first step of a model with zero terminal SNR, for samplers that divide by
it; the value of diffusers' Euler."""


@dataclass(frozen=True, slots=True)
class SamplerConfig:
    """A diffusers scheduler with options."""

    scheduler: type[Any]
    """The class; to type checkers diffusers exports a placeholder."""
    options: Mapping[str, Any] = field(default_factory=dict)

    def supports_spacing(self, spacing: str) -> bool:
        """Return whether the scheduler has the options of a spacing in `SPACINGS`."""
        return SPACINGS[spacing].keys() <= inspect.signature(self.scheduler).parameters.keys()

    def make_scheduler(
        self, schedule: Mapping[str, Any], steps: int, spacing: str = "normal"
    ) -> Scheduler:
        """Return a scheduler for `steps` steps of a model's noise schedule.

        `schedule` is a scheduler's configuration, maybe of another class. The spacings ``leading``
        and ``linspace`` are the sampler's own, as with k-diffusion and A1111: SDXL's folders name
        ``leading``, which begins below full noise, and its single files name none. A single step
        begins at full noise.
        """
        known = inspect.signature(self.scheduler).parameters
        options = {**self.options, **SPACINGS[spacing]}
        given: dict[str, Any] = {"clip_sample": False}
        given |= {name: value for name, value in schedule.items() if name in MODEL_FIELDS}
        if schedule.get("timestep_spacing") == FEW_STEPS:
            given["timestep_spacing"] = FEW_STEPS
        if steps == 1:
            options["timestep_spacing"] = FEW_STEPS
        if given.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in known:
            given["trained_betas"] = _zero_terminal_snr_betas(given)
        scheduler: Scheduler = self.scheduler.from_config({**given, **options})
        scheduler.set_timesteps(steps)
        return scheduler


def _zero_terminal_snr_betas(schedule: Mapping[str, Any]) -> list[float]:
    """Return betas with nearly zero terminal SNR, for a scheduler without an option for it."""
    ddim: Any = diffusers.DDIMScheduler
    betas = ddim.from_config({**schedule, "rescale_betas_zero_snr": False}).betas
    alphas_cumprod = torch.cumprod(1 - rescale_zero_terminal_snr(betas), 0)
    alphas_cumprod[-1] = MIN_ALPHA_CUMPROD
    alphas = torch.cat([alphas_cumprod[:1], alphas_cumprod[1:] / alphas_cumprod[:-1]])
    return [float(beta) for beta in 1 - alphas]


def prepare_extra_step_kwargs(scheduler: Scheduler, **offered: Any) -> dict[str, Any]:
    """Select the keyword arguments that the `step` method of this scheduler takes."""
    known = inspect.signature(scheduler.step).parameters
    return {name: value for name, value in offered.items() if name in known}


def step_scheduler(
    scheduler: Scheduler, prediction: Tensor, timestep: Tensor, latents: Tensor, **options: Any
) -> Any:
    """Return the scheduler's output for a prediction: `prev_sample` and more, by class."""
    with warnings.catch_warnings():
        # torchsde's warning about times that differ by a rounding error
        warnings.filterwarnings("ignore", "Should have t[ab]")
        return scheduler.step(prediction, timestep, latents, **options)


def map_calls_to_steps(calls: int, steps: int) -> list[int]:
    """Return the step, from 0, of each call of the network.

    With a scheduler of second order each step but the last takes two calls.
    """
    calls_per_step = 1 if calls == steps else 2
    return [call // calls_per_step for call in range(calls)]


_MULTISTEP = diffusers.DPMSolverMultistepScheduler
# With many steps the timesteps of "leading", which many models' own schedulers have, begin far
# below full noise.
_LINSPACE = {"timestep_spacing": "linspace"}

SAMPLER_CONFIGS: Final[Mapping[str, SamplerConfig]] = MappingProxyType(
    {
        "ddim": SamplerConfig(diffusers.DDIMScheduler),
        "ddpm": SamplerConfig(diffusers.DDPMScheduler),
        "deis": SamplerConfig(diffusers.DEISMultistepScheduler, _LINSPACE),
        "dpm++_2m": SamplerConfig(_MULTISTEP, _LINSPACE),
        "dpm++_2m_sde": SamplerConfig(
            _MULTISTEP, {**_LINSPACE, "algorithm_type": "sde-dpmsolver++"}
        ),
        "dpm++_3m": SamplerConfig(_MULTISTEP, {**_LINSPACE, "solver_order": 3}),
        "dpm++_sde": SamplerConfig(diffusers.DPMSolverSDEScheduler, _LINSPACE),
        "euler": SamplerConfig(diffusers.EulerDiscreteScheduler),
        "euler_a": SamplerConfig(diffusers.EulerAncestralDiscreteScheduler),
        "heun": SamplerConfig(diffusers.HeunDiscreteScheduler),
        "lcm": SamplerConfig(diffusers.LCMScheduler),
        "unipc": SamplerConfig(diffusers.UniPCMultistepScheduler, _LINSPACE),
    }
)
