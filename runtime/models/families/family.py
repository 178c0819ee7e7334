"""What sets a family of models apart: data, and the few functions in which families differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from ..weight_files import Weights
from . import ldm

CONFIGS: Final = Path(__file__).parent / "config"
"""A folder for each family: the configurations of its parts, for single files, which have none."""

State = dict[str, Tensor]
"""A network's weights by their names in diffusers or transformers."""

Schedule = Mapping[str, Any]
"""A scheduler's configuration."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One of a family's text encoders, and how it is read."""

    part: str
    """Its folder, and its name in a pipeline of diffusers."""
    tokenizer: str
    """Of its tokenizer, too."""
    origin: str
    """What its keys begin with in a single file."""
    state: Callable[[State, str, nn.Module], State] = ldm.clip
    """Its weights, from a single file's tensors and `origin`."""
    kind: type[Any] = CLIPTextModel
    pad: str = "<|endoftext|>"
    """What its tokenizer fills a chunk with."""
    first_layer: int = 1
    """The last of its layers that is ever read, counted from the end."""
    normed: bool = True
    """Whether the final layer norm follows the layer that is read."""


def nothing(pooled: Tensor | None, frames: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG001
    """No further inputs for the UNet."""
    return {}


def whole(size: tuple[int, int]) -> Tensor:
    """The frame `[1, 6]` of a picture that is as large as wanted, and of which nothing is cut off."""
    width, height = size
    return torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)


def as_told(shipped: Schedule, weights: Weights, unet: nn.Module) -> Schedule:  # noqa: ARG001
    """The family's, with what the file says of how it predicts."""
    return {**shipped, **prediction_told(weights)}


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model: how to know it, how to read it, how to condition it."""

    name: str
    config: Path
    pipelines: frozenset[str]
    """The `_class_name`s in the `model_index.json` of its folders."""
    activation: str
    """Of its first text encoder: what tells families with the same pipeline apart."""
    readers: tuple[Reader, ...]
    """Its text encoders; the UNet reads their states side by side. A single file's keys tell the family by the
    `origin` of the last."""
    added: Callable[[Tensor | None, Tensor], Mapping[str, Tensor]] = nothing
    """The UNet's `added_cond_kwargs`, `[prompts, …]` each, of pooled texts `[prompts, channels]` and the pictures'
    frames `[prompts, 6]`: height and width as they were, top and left of the part that is seen, after resizing, and
    height and width of that part, all in pixels."""
    unet: Callable[[State, Mapping[str, Any]], State] = ldm.unet
    """The UNet's weights, from a single file's tensors and its configuration."""
    vae: Callable[[State, Mapping[str, Any]], State] = ldm.vae
    schedule: Callable[[Schedule, Weights, nn.Module], Schedule] = as_told
    """A single file's noise schedule, from the one in `config`, the file and its UNet."""
    silent: bool = False
    """Whether an empty negative prompt is all zeros; a folder's `force_zeros_for_empty_prompt` goes before."""


def prediction_told(weights: Weights) -> Schedule:
    """What a file says: ModelSpec's `prediction_type`, or the empty tensors `v_pred` and `ztsnr` of SDXL files."""
    told = weights.metadata.get("modelspec.prediction_type") or ("v" if "v_pred" in weights.tensors else "")
    found: dict[str, Any] = {}
    if told:
        found["prediction_type"] = "v_prediction" if told.startswith("v") else "epsilon"
    if "ztsnr" in weights.tensors:
        found |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return found
