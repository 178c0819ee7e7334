"""A model's noise schedule, as training needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffusers import DDIMScheduler
from torch import Tensor


@dataclass(frozen=True, eq=False, slots=True)
class NoiseSchedule:
    """How much of a picture is left at each timestep, and what the UNet should say."""

    alphas_cumprod: Tensor
    """`[timesteps]`: the share of signal that is left"""
    prediction_type: str
    """``epsilon``, ``v_prediction`` or ``sample``"""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> NoiseSchedule:
        """By a scheduler's configuration."""
        known = {name: value for name, value in config.items() if not name.startswith("_")}
        scheduler = DDIMScheduler.from_config(known)
        return cls(scheduler.alphas_cumprod, scheduler.config.prediction_type)

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    @property
    def snr(self) -> Tensor:
        """`[timesteps]`: signal to noise"""
        return self.alphas_cumprod / (1 - self.alphas_cumprod)

    @property
    def has_zero_terminal_snr(self) -> bool:
        """Whether nothing is left at the last timestep (Lin et al. 2023, https://arxiv.org/abs/2305.08891)."""
        return float(self.alphas_cumprod[-1]) < 1e-6

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Noisy latents."""
        signal, sigma = self._shares(times)
        return signal * latents + sigma * noise

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """What the UNet should say to them."""
        match self.prediction_type:
            case "v_prediction":  # Salimans and Ho 2022, https://arxiv.org/abs/2202.00512
                signal, sigma = self._shares(times)
                return signal * noise - sigma * latents
            case "sample":
                return latents
            case _:
                return noise

    def _shares(self, times: Tensor) -> tuple[Tensor, Tensor]:
        alpha = self.alphas_cumprod[times].view(-1, 1, 1, 1)
        return alpha.sqrt(), (1 - alpha).sqrt()
