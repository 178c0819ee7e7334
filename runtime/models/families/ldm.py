"""Single files in the layout of CompVis' latent diffusion, as their authors published SD 1, SD 2 and SDXL.

The names are diffusers' own conversion; here is only which tensors it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffusers.loaders import single_file_utils
from torch import Tensor, nn

UNET = "model.diffusion_model."
VAE = "first_stage_model."


def convert_unet(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The UNet's weights; none where there are none."""
    return single_file_utils.convert_ldm_unet_checkpoint(_with_prefix(tensors, UNET), config)


def convert_vae(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The VAE's weights, of a whole checkpoint or of a file of its own, in the original layout or in diffusers'."""
    own = _with_prefix(tensors, VAE) or {
        key: value for key, value in tensors.items() if key.startswith(_VAE_PARTS)
    }
    if any(key.startswith("encoder.down_blocks.") for key in own):
        return own
    return single_file_utils.convert_ldm_vae_checkpoint(own, config)


_VAE_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")


def convert_clip(tensors: dict[str, Tensor], origin: str, network: nn.Module) -> dict[str, Tensor]:  # noqa: ARG001
    """A text encoder in transformers' layout."""
    return {key.removeprefix(origin): value for key, value in _with_prefix(tensors, origin).items()}


def convert_open_clip(
    tensors: dict[str, Tensor], origin: str, network: nn.Module
) -> dict[str, Tensor]:
    """A text encoder in OpenCLIP's layout, whose query, key and value are one matrix."""
    return single_file_utils.convert_open_clip_checkpoint(
        network, _with_prefix(tensors, origin), prefix=origin
    )


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key: value for key, value in tensors.items() if key.startswith(prefix)}
