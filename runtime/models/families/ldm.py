"""Single files in the layout of CompVis' latent diffusion: SD 1, SD 2 and SDXL as published.

Diffusers' own functions convert the names; this module selects the tensors that they are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from diffusers.loaders import single_file_utils
from torch import Tensor, nn

UNET: Final = "model.diffusion_model."
VAE: Final = "first_stage_model."

# Diffusers' functions have no annotations.
_conversions: Any = single_file_utils


def convert_unet(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the UNet's weights; an empty dictionary if the file has none."""
    own = _with_prefix(tensors, UNET)
    converted: dict[str, Tensor] = _conversions.convert_ldm_unet_checkpoint(own, config)
    return converted


def convert_vae(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the VAE's weights, of a whole checkpoint or of a file with the VAE alone.

    Files with the VAE alone may be in the original layout or in diffusers' layout.
    """
    own = _with_prefix(tensors, VAE) or {
        key: value for key, value in tensors.items() if key.startswith(_VAE_PARTS)
    }
    if any(key.startswith("encoder.down_blocks.") for key in own):
        return own
    converted: dict[str, Tensor] = _conversions.convert_ldm_vae_checkpoint(own, config)
    return converted


_VAE_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")


def convert_clip(tensors: dict[str, Tensor], prefix: str, network: nn.Module) -> dict[str, Tensor]:  # noqa: ARG001
    """Return the weights of a text encoder in transformers' layout."""
    return {key.removeprefix(prefix): value for key, value in _with_prefix(tensors, prefix).items()}


def convert_open_clip(
    tensors: dict[str, Tensor], prefix: str, network: nn.Module
) -> dict[str, Tensor]:
    """Return the weights of a text encoder in OpenCLIP's layout.

    In this layout query, key and value are one matrix.
    """
    own = _with_prefix(tensors, prefix)
    converted: dict[str, Tensor] = _conversions.convert_open_clip_checkpoint(
        network, own, prefix=prefix
    )
    return converted


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key: value for key, value in tensors.items() if key.startswith(prefix)}
