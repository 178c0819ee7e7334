"""Noise schedule of a base model, and the prediction target that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor


@dataclass(frozen=True, eq=False, slots=True)
class NoiseSchedule:
    """Signal and noise levels by timestep, and the prediction type of a base model."""

    alphas_cumprod: Tensor
    """`[timesteps]`: ᾱ, the squared share of signal."""
    prediction_type: str
    """``epsilon``, ``v_prediction`` or ``sample``."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> NoiseSchedule:
        """Build the schedule of a diffusers scheduler configuration."""
        known = {name: value for name, value in config.items() if not name.startswith("_")}
        scheduler: Any = DDIMScheduler.from_config(known)
        return cls(scheduler.alphas_cumprod, scheduler.config.prediction_type)

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    @property
    def snr(self) -> Tensor:
        """Return the signal-to-noise ratio ᾱ / (1 − ᾱ), `[timesteps]`."""
        return self.alphas_cumprod / (1 - self.alphas_cumprod)

    @property
    def has_zero_terminal_snr(self) -> bool:
        """Return whether the last timestep has no signal (Lin et al. 2023, arXiv:2305.08891)."""
        return float(self.alphas_cumprod[-1]) < 1e-6

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return noisy latents √ᾱ·x + √(1 − ᾱ)·ε (Ho et al. 2020, equation 4)."""
        signal, sigma = self.scales(timesteps)
        return signal * latents + sigma * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return the prediction target for noisy latents, of their shape."""
        match self.prediction_type:
            case "v_prediction":  # Salimans and Ho 2022, https://arxiv.org/abs/2202.00512
                signal, sigma = self.scales(timesteps)
                return signal * noise - sigma * latents
            case "sample":
                return latents
            case _:
                return noise

    def scales(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return √ᾱ and √(1 − ᾱ), `[timesteps, 1, 1, 1]` each."""
        alpha = self.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        return alpha.sqrt(), (1 - alpha).sqrt()
