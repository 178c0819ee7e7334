"""What sets a family of models apart: data, and the few functions in which families differ."""

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
"""A folder for each family: the configurations of its parts, for single files, which have none."""

StateDict = dict[str, Tensor]
"""A network's weights by their names in diffusers or transformers."""

SchedulerConfig = Mapping[str, Any]
"""A scheduler's configuration."""


@dataclass(frozen=True, slots=True)
class TextEncoderSpec:
    """One of a family's text encoders, and how it is read."""

    component: str
    """Its folder, and its name in a pipeline of diffusers."""
    tokenizer: str
    """Of its tokenizer, too."""
    checkpoint_prefix: str
    """What its keys begin with in a single file."""
    convert: Callable[[StateDict, str, nn.Module], StateDict] = ldm.convert_clip
    """Its weights, from a single file's tensors and `origin`."""
    model_class: type[Any] = CLIPTextModel
    pad: str = "<|endoftext|>"
    """What its tokenizer fills a chunk with."""
    min_clip_skip: int = 1
    """The last of its layers that is ever read, counted from the end."""
    applies_final_norm: bool = True
    """Whether the final layer norm follows the layer that is read."""


def no_added_cond_kwargs(pooled: Tensor | None, frames: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG001
    """No further inputs for the UNet."""
    return {}


def build_time_ids(size: tuple[int, int]) -> Tensor:
    """The frame `[1, 6]` of a picture that is as large as wanted, and of which nothing is cut off."""
    width, height = size
    return torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)


def apply_prediction_config(
    shipped: SchedulerConfig,
    weights: Weights,
    unet: nn.Module,  # noqa: ARG001
) -> SchedulerConfig:
    """The family's, with what the file says of how it predicts."""
    return {**shipped, **read_prediction_config(weights)}


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model: how to know it, how to read it, how to condition it."""

    facts: FamilyFacts
    config: Path
    activation: str
    """Of its first text encoder: what tells families with the same pipeline apart."""
    text_encoder_specs: tuple[TextEncoderSpec, ...]
    """Its text encoders; the UNet reads their states side by side. A single file's keys tell the family by the
    `origin` of the last."""
    added_cond_kwargs: Callable[[Tensor | None, Tensor], Mapping[str, Tensor]] = (
        no_added_cond_kwargs
    )
    """The UNet's `added_cond_kwargs`, `[prompts, …]` each, of pooled texts `[prompts, channels]` and the pictures'
    frames `[prompts, 6]`: height and width as they were, top and left of the part that is seen, after resizing, and
    height and width of that part, all in pixels."""
    unet: Callable[[StateDict, Mapping[str, Any]], StateDict] = ldm.convert_unet
    """The UNet's weights, from a single file's tensors and its configuration."""
    vae: Callable[[StateDict, Mapping[str, Any]], StateDict] = ldm.convert_vae
    scheduler_config: Callable[[SchedulerConfig, Weights, nn.Module], SchedulerConfig] = (
        apply_prediction_config
    )
    """A single file's noise schedule, from the one in `config`, the file and its UNet."""
    force_zeros_for_empty_prompt: bool = False
    """Whether an empty negative prompt is all zeros; a folder's `force_zeros_for_empty_prompt` goes before."""

    @property
    def name(self) -> str:
        """The name of the family in messages."""
        return self.facts.name


def read_prediction_config(weights: Weights) -> SchedulerConfig:
    """What a file says: ModelSpec's `prediction_type`, or the empty tensors `v_pred` and `ztsnr` of SDXL files."""
    prediction_type = weights.metadata.get("modelspec.prediction_type") or (
        "v" if "v_pred" in weights.tensors else ""
    )
    found: dict[str, Any] = {}
    if prediction_type:
        found["prediction_type"] = "v_prediction" if prediction_type.startswith("v") else "epsilon"
    if "ztsnr" in weights.tensors:
        found |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return found
