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
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

SPACINGS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "normal": {},
        "karras": {"use_karras_sigmas": True},
        "exponential": {"use_exponential_sigmas": True},
        "sgm_uniform": {"timestep_spacing": "trailing"},
    }
)
"""How the noise levels are spaced, as a diffusers scheduler is told; Karras' are those of
https://arxiv.org/abs/2206.00364, equation 5."""

MIN_ALPHA_CUMPROD: Final = 2.0**-24
"""What is left of the picture at the first step of a model that begins with pure noise, for samplers that divide by it;
diffusers' Euler takes the same."""


@dataclass(frozen=True, slots=True)
class SamplerConfig:
    """One way to walk from noise to a picture."""

    scheduler: type[SchedulerMixin]
    options: Mapping[str, Any] = field(default_factory=dict)

    def supports_spacing(self, spacing: str) -> bool:
        """Whether it can space its steps in one of the ways of `SPACINGS`."""
        return SPACINGS[spacing].keys() <= inspect.signature(self.scheduler).parameters.keys()

    def make_scheduler(
        self, schedule: Mapping[str, Any], steps: int, spacing: str = "normal"
    ) -> SchedulerMixin:
        """For a model's noise schedule, which may be written for another scheduler."""
        known = inspect.signature(self.scheduler).parameters
        options = {**self.options, **SPACINGS[spacing]}
        # A diffusers config names its class and version, and carries what that class left at its default.
        given = {name: value for name, value in schedule.items() if not name.startswith("_")}
        if given.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in known:
            given["trained_betas"] = _betas_to_noise(given)
        scheduler = self.scheduler.from_config({**given, **options})
        scheduler.set_timesteps(steps)
        return scheduler


def _betas_to_noise(schedule: Mapping[str, Any]) -> list[float]:
    """A noise schedule with zero terminal SNR, all but, for a scheduler that has no such option."""
    usual = diffusers.DDIMScheduler.from_config({**schedule, "rescale_betas_zero_snr": False}).betas
    kept = torch.cumprod(1 - rescale_zero_terminal_snr(usual), 0)
    kept[-1] = MIN_ALPHA_CUMPROD
    return (1 - torch.cat([kept[:1], kept[1:] / kept[:-1]])).tolist()


def prepare_extra_step_kwargs(scheduler: SchedulerMixin, **offered: Any) -> dict[str, Any]:
    """Of what a step may be given beside the prediction, what this scheduler takes."""
    known = inspect.signature(scheduler.step).parameters
    return {name: value for name, value in offered.items() if name in known}


def step_scheduler(
    scheduler: SchedulerMixin, predicted: Tensor, time: Tensor, latents: Tensor, **options: Any
) -> Any:
    """What a scheduler makes of a prediction."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Should have t[ab]"
        )  # torchsde's, where its times are off by a rounding
        return scheduler.step(predicted, time, latents, **options)


def map_calls_to_steps(calls: int, steps: int) -> list[int]:
    """Which step, from 0, each call of the network belongs to: of second order, all steps but the last take two."""
    each = 1 if calls == steps else 2
    return [at // each for at in range(calls)]


_MULTISTEP = diffusers.DPMSolverMultistepScheduler
# "leading" timesteps, which many a model's own scheduler has, begin far below the full noise when there are many.
_LINSPACE = {"timestep_spacing": "linspace"}

SAMPLERS: Final[Mapping[str, SamplerConfig]] = MappingProxyType(
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
