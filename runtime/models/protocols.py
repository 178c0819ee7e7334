"""Types for the parts of diffusers that its own annotations leave open.

To type checkers the package `diffusers` exports placeholders, so the networks are imported from the
modules that define them, `diffusers.models.unets.unet_2d_condition` and
`diffusers.models.autoencoders.autoencoder_kl`: there they are `torch.nn.Module`. Their `config` is
a mapping; `unet.config["in_channels"]` passes the checker, `unet.config.in_channels` does not.
The result of a call is `Any`: annotate the variable that takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor


class Scheduler(Protocol):
    """A sampler with its noise schedule; diffusers' schedulers share no typed base class."""

    config: Mapping[str, Any]
    order: int
    """Calls of the network in a step."""
    timesteps: Tensor
    """`[calls]`, in the order in which the network is called."""
    init_noise_sigma: float | Tensor
    """Standard deviation of the latents that sampling begins with."""

    @property
    def step(self) -> Any:
        """The method from prediction, timestep and latents to the next latents."""
        ...

    def set_timesteps(self, num_inference_steps: int) -> None:
        """Choose the timesteps of a run."""
        ...

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """Return latents `[batch, channels, height, width]` as the network expects them."""
        ...

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return latents with the noise of timesteps `[batch]`."""
        ...
