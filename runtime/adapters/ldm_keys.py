"""Names of a UNet's modules in the original code (LDM, sgm), which kohya's SDXL files have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from torch import nn

from ..models.families.ldm import RESNET_NAMES, UNET_NAMES

_OUTSIDE: Final[Mapping[str, str]] = {
    **UNET_NAMES,
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}


def ldm_names(unet: nn.Module) -> dict[str, str]:
    """Return the original name of each module that has one, by its name in diffusers."""
    blocks = {**_OUTSIDE, **dict(_down(unet)), **dict(_up(unet))}
    named = ((name, _renamed(name, blocks)) for name, _ in unet.named_modules())
    return {name: original for name, original in named if original is not None}


def _down(unet: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of blocks on the way down.

    Each layer of a block has a number, and so has each downsampler; `conv_in` has 0.
    """
    number = 1
    for i, block in enumerate(getattr(unet, "down_blocks", ())):
        for j in range(len(block.resnets)):
            yield f"down_blocks.{i}.resnets.{j}", f"input_blocks.{number}.0"
            yield f"down_blocks.{i}.attentions.{j}", f"input_blocks.{number}.1"
            number += 1
        if getattr(block, "downsamplers", None):
            yield f"down_blocks.{i}.downsamplers.0.conv", f"input_blocks.{number}.0.op"
            number += 1


def _up(unet: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of blocks on the way up; an upsampler belongs to its block's last layer."""
    number = 0
    for i, block in enumerate(getattr(unet, "up_blocks", ())):
        for j in range(len(block.resnets)):
            yield f"up_blocks.{i}.resnets.{j}", f"output_blocks.{number}.0"
            yield f"up_blocks.{i}.attentions.{j}", f"output_blocks.{number}.1"
            number += 1
        index = 2 if getattr(block, "attentions", None) else 1
        yield f"up_blocks.{i}.upsamplers.0.conv", f"output_blocks.{number - 1}.{index}.conv"


def _renamed(name: str, blocks: Mapping[str, str]) -> str | None:
    for block, original in blocks.items():
        if name == block:
            return original
        if name.startswith(f"{block}."):
            inside = name.removeprefix(f"{block}.")
            return f"{original}.{RESNET_NAMES.get(inside, inside)}"
    return None
