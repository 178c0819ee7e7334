"""The definition of a family of models: its data, and the functions in which families differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from promptlang.inspection.families import FamilyFacts

from ..stored_weights import Places
from . import ldm
from .trial import predicts_velocity

CONFIGS: Final = Path(__file__).parent / "config"
"""A folder for each family, with the configurations that single files lack."""

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
    places: Callable[[Iterable[str], str, Collection[str]], Places] = ldm.place_clip
    """Places a network's weights in a single file by `checkpoint_prefix` and the file's keys."""
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


def choose_prediction(
    shipped: SchedulerConfig, stated: SchedulerConfig, unet: nn.Module
) -> SchedulerConfig:
    """Return the family's configuration with the prediction that the file states or the UNet shows.

    A UNet whose answers show nothing predicts what the family's published models predict.
    """
    velocity = "prediction_type" not in stated and predicts_velocity(unet)
    shown = {"prediction_type": "v_prediction"} if velocity else {}
    return {**shipped, **shown, **stated}


@dataclass(frozen=True, slots=True)
class Family:
    """A family of models: its facts, its configurations, and its conversions of single files."""

    facts: FamilyFacts
    config: Path
    activation: str
    """The activation of the first text encoder, which tells SD 1 and SD 2 apart."""
    text_encoder_specs: tuple[TextEncoderSpec, ...]
    """The text encoders, whose states the UNet reads side by side."""
    checkpoint_keys: str
    """A regular expression for keys that tell the family of a single file."""
    added_cond_kwargs: Callable[[Tensor | None, Tensor], Mapping[str, Tensor]] = (
        no_added_cond_kwargs
    )
    """Builds the UNet's `added_cond_kwargs`, `[prompts, …]` each.

    The arguments are pooled texts `[prompts, channels]` and time ids `[prompts, 6]`: original
    height and width, top and left of the crop after resizing, and its height and width, in pixels.
    """
    scheduler_config: Callable[[SchedulerConfig, SchedulerConfig, nn.Module], SchedulerConfig] = (
        choose_prediction
    )
    """Builds a single file's configuration from the shipped one, the stated one and the UNet."""
    force_zeros_for_empty_prompt: bool = False
    """Conditions an empty negative prompt by zeros, unless a folder's configuration differs."""

    @property
    def name(self) -> str:
        """The name of the family in messages."""
        return self.facts.name
