"""The samplers that a prompt can name, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from diffusers.schedulers.scheduling_utils import SchedulerMixin


@dataclass(frozen=True, slots=True)
class Sampler:
    """One way to walk from noise to a picture, without further noise on the way."""

    label: str
    """What A1111 calls it."""
    scheduler: type[SchedulerMixin]
    options: Mapping[str, Any] = field(default_factory=dict)

    def of(self, schedule: Mapping[str, Any], steps: int) -> SchedulerMixin:
        """For a model's noise schedule, which may be written for another scheduler."""
        # A diffusers config names its class and version, and carries what that class left at its default.
        known = {name: value for name, value in schedule.items() if not name.startswith("_")}
        scheduler = self.scheduler.from_config({**known, **self.options})
        scheduler.set_timesteps(steps)
        return scheduler


SAMPLERS: Final[Mapping[str, Sampler]] = MappingProxyType(
    {
        "ddim": Sampler("DDIM", DDIMScheduler),
        "euler": Sampler("Euler", EulerDiscreteScheduler),
        # Its "leading" timesteps begin far below the full noise when there are many.
        "dpm++_2m": Sampler("DPM++ 2M", DPMSolverMultistepScheduler, {"timestep_spacing": "linspace"}),
    }
)
