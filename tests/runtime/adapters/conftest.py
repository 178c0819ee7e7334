"""Models in the shapes of SD 1 and SDXL, small enough to be made anew for every test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from promptlang.plan.steps import Adapter
from promptlang.runtime import adapters
from promptlang.runtime.adapters import LoraAdapter
from promptlang.source import Source

SPAN = Source("a cat").span(0, 5)

SMALL: dict[str, Any] = {
    "sample_size": 8,
    "block_out_channels": (16, 32, 32),
    "layers_per_block": 2,
    "norm_num_groups": 4,
    "addition_time_embed_dim": 8,
}

SDXL: dict[str, Any] = {
    **SMALL,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 3),
    "attention_head_dim": (1, 2, 4),
    "cross_attention_dim": 80,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "projection_class_embeddings_input_dim": 6 * 8 + 16,
}

SD1: dict[str, Any] = {
    **SMALL,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "attention_head_dim": 2,
    "cross_attention_dim": 32,
}


def text_encoder(kind: type, width: int) -> nn.Module:
    config = CLIPTextConfig(
        vocab_size=100,
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=16,
        bos_token_id=98,
        eos_token_id=99,
    )
    return kind(config).eval().requires_grad_(False)


def unet(config: Mapping[str, Any]) -> UNet2DConditionModel:
    return UNet2DConditionModel(**config).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def sd1() -> Any:
    torch.manual_seed(0)
    return SimpleNamespace(
        name="small", unet=unet(SD1), text_encoder=text_encoder(CLIPTextModel, 32)
    )


@pytest.fixture(scope="module")
def sdxl() -> Any:
    torch.manual_seed(0)
    second = text_encoder(CLIPTextModelWithProjection, 48)
    first = text_encoder(CLIPTextModel, 32)
    return SimpleNamespace(name="large", unet=unet(SDXL), text_encoder=first, text_encoder_2=second)


def predicted(network: UNet2DConditionModel) -> Tensor:
    """What a UNet says of a fixed input."""
    draw = torch.Generator().manual_seed(1)
    hidden = torch.randn(1, 77, network.config.cross_attention_dim, generator=draw)
    more = {"text_embeds": torch.ones(1, 16), "time_ids": torch.arange(6.0)[None]}
    return network(
        torch.randn(1, 4, 8, 8, generator=draw), 5, hidden, added_cond_kwargs=more
    ).sample


Read = Callable[..., LoraAdapter]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """A LoRA of tensors, through a real file."""

    def make(
        base: Any, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
    ) -> LoraAdapter:
        file = tmp_path / "ink.safetensors"
        save_file(
            {key: value.clone().contiguous() for key, value in tensors.items()}, file, metadata
        )
        return adapters.read_lora(Adapter("ink", file), base, SPAN)

    return make
