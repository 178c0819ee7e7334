"""The definition of a family of models: its data, and the functions in which families differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from promptlang.inspection.families import FamilyFacts

from ..weight_files import Weights
from . import ldm

CONFIGS: Final = Path(__file__).parent / "config"
"""A folder for each family, with the configurations that single files lack."""

StateDict = dict[str, Tensor]
"""A network's weights by their names."""

SchedulerConfig = Mapping[str, Any]
"""A scheduler's configuration."""


@dataclass(frozen=True, slots=True)
class TextEncoderSpec:
    """A text encoder of a family: its names, its class, and its layers that are used."""

    component: str
    """The name of the text encoder, and of its folder, in a pipeline of diffusers."""
    tokenizer: str
    """The name of the tokenizer, and of its folder, in a pipeline of diffusers."""
    checkpoint_prefix: str
    """The beginning of the text encoder's keys in a single file."""
    convert: Callable[[StateDict, str, nn.Module], StateDict] = ldm.convert_clip
    """Converts a single file's tensors; takes `checkpoint_prefix` and the empty network as well."""
    model_class: type[Any] = CLIPTextModel
    pad: str = "<|endoftext|>"
    """The token that fills a chunk."""
    min_clip_skip: int = 1
    """The last layer that states are taken from, counted from the end."""
    applies_final_norm: bool = True
    """Applies the final layer norm to the states of the layer."""


def no_added_cond_kwargs(pooled: Tensor | None, time_ids: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG001
    """Return no further inputs for the UNet."""
    return {}


def build_time_ids(size: tuple[int, int]) -> Tensor:
    """Return SDXL's time ids `[1, 6]` of a picture of a size in pixels, without a crop."""
    width, height = size
    return torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)


def apply_prediction_config(
    shipped: SchedulerConfig,
    weights: Weights,
    unet: nn.Module,  # noqa: ARG001
) -> SchedulerConfig:
    """Return the family's configuration with the prediction type that the file states."""
    return {**shipped, **read_prediction_config(weights)}


@dataclass(frozen=True, slots=True)
class Family:
    """A family of models: its facts, its configurations, and its conversions of single files."""

    facts: FamilyFacts
    config: Path
    activation: str
    """The activation of the first text encoder, which tells SD 1 and SD 2 apart."""
    text_encoder_specs: tuple[TextEncoderSpec, ...]
    """The text encoders, whose states the UNet reads side by side.

    Keys that begin with the last one's `checkpoint_prefix` tell the family of a single file.
    """
    added_cond_kwargs: Callable[[Tensor | None, Tensor], Mapping[str, Tensor]] = (
        no_added_cond_kwargs
    )
    """Builds the UNet's `added_cond_kwargs`, `[prompts, …]` each.

    The arguments are pooled texts `[prompts, channels]` and time ids `[prompts, 6]`: original
    height and width, top and left of the crop after resizing, and its height and width, in pixels.
    """
    convert_unet: Callable[[StateDict, Mapping[str, Any]], StateDict] = ldm.convert_unet
    """Converts a single file's tensors to the UNet's, by the UNet's configuration."""
    convert_vae: Callable[[StateDict, Mapping[str, Any]], StateDict] = ldm.convert_vae
    """Converts a file's tensors to the VAE's, by the VAE's configuration."""
    scheduler_config: Callable[[SchedulerConfig, Weights, nn.Module], SchedulerConfig] = (
        apply_prediction_config
    )
    """Builds a single file's configuration from the shipped one, the file and its UNet."""
    force_zeros_for_empty_prompt: bool = False
    """Conditions an empty negative prompt by zeros, unless a folder's configuration differs."""

    @property
    def name(self) -> str:
        """The name of the family in messages."""
        return self.facts.name


def read_prediction_config(weights: Weights) -> SchedulerConfig:
    """Return the scheduler settings that a file states.

    They are in ModelSpec's `prediction_type`, or in empty tensors `v_pred` and `ztsnr` (SDXL).
    """
    prediction_type = weights.metadata.get("modelspec.prediction_type") or (
        "v" if "v_pred" in weights.tensors else ""
    )
    found: dict[str, Any] = {}
    if prediction_type:
        found["prediction_type"] = "v_prediction" if prediction_type.startswith("v") else "epsilon"
    if "ztsnr" in weights.tensors:
        found |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return found
