"""Each family's pipeline, small enough to be made anew, and saved in the two layouts there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from promptlang.runtime.models import tokenizers

V = {"prediction_type": "v_prediction"}


def small(family: str) -> DiffusionPipeline:
    """``sd1``, ``sd2``, ``sd2-base`` or ``sdxl``, with random weights and CLIP's real tokenizer."""
    torch.manual_seed(0)
    made = _sdxl() if family == "sdxl" else _sd(family)
    made.set_progress_bar_config(disable=True)
    return made


def _sd(family: str) -> DiffusionPipeline:
    two = family != "sd1"
    return StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text("gelu" if two else "quick_gelu")),
        tokenizer=tokenizers.load_clip_tokenizer("!" if two else "<|endoftext|>"),
        unet=_unet(
            cross_attention_dim=32,
            sample_size=12 if family == "sd2" else 8,
            use_linear_projection=two,
        ),
        scheduler=_schedule(**(V if family == "sd2" else {})),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> DiffusionPipeline:
    return StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text("quick_gelu")),
        text_encoder_2=CLIPTextModelWithProjection(
            _text("gelu", hidden_size=48, projection_dim=48)
        ),
        tokenizer=tokenizers.load_clip_tokenizer("<|endoftext|>"),
        tokenizer_2=tokenizers.load_clip_tokenizer("!"),
        unet=_unet(
            cross_attention_dim=32 + 48,
            sample_size=8,
            use_linear_projection=True,
            transformer_layers_per_block=(2, 1),
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=48 + 6 * 8,
        ),
        scheduler=_schedule(),
        add_watermarker=False,
    )


def _unet(**options: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=(2, 4),
        norm_num_groups=4,
        **options,
    )


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        sample_size=16,
        scaling_factor=0.2,
    )


def _text(activation: str, **options: Any) -> CLIPTextConfig:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "projection_dim": 32, **options}
    layers = {"num_hidden_layers": 3, "num_attention_heads": 2}
    tokens = {"vocab_size": 49408, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    return CLIPTextConfig(hidden_act=activation, **sizes, **layers, **tokens)


def _schedule(**options: Any) -> DDIMScheduler:
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return DDIMScheduler(
        **noise, clip_sample=False, set_alpha_to_one=False, steps_offset=1, **options
    )


# The original layout: diffusers' names back to those of CompVis, Stability and OpenCLIP.

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTER = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {
    "encoder.layers": "transformer.resblocks",
    "layer_norm": "ln_",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn": "attn",
    "final_layer_norm": "ln_final",
    "embeddings.token_embedding": "token_embedding",
    "embeddings.position_embedding.weight": "positional_embedding",
}


def original(pipeline: DiffusionPipeline, *, prefixed: bool = True) -> dict[str, Tensor]:
    """A checkpoint; `prefixed` as transformers 4 names a text encoder's weights, else as 5 does."""
    unet = pipeline.unet
    tensors = {
        f"model.diffusion_model.{original_name(key, unet)}": value
        for key, value in unet.state_dict().items()
    }
    tensors |= {
        f"first_stage_model.{key}": value for key, value in original_vae(pipeline.vae).items()
    }
    clip = "text_model." if prefixed else ""
    second = getattr(pipeline, "text_encoder_2", None)
    first = _plain(pipeline.text_encoder)
    if second is not None:
        tensors |= {
            f"conditioner.embedders.0.transformer.{clip}{key}": value
            for key, value in first.items()
        }
        tensors |= _open_clip(second, "conditioner.embedders.1.model.")
    elif pipeline.text_encoder.config.hidden_act == "gelu":
        tensors |= _open_clip(pipeline.text_encoder, "cond_stage_model.model.")
    else:
        tensors |= {
            f"cond_stage_model.transformer.{clip}{key}": value for key, value in first.items()
        }
        tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(
            77
        )[None]
    return {key: value.contiguous() for key, value in tensors.items()}


def _plain(encoder: Any) -> dict[str, Tensor]:
    return {key.removeprefix("text_model."): value for key, value in encoder.state_dict().items()}


def original_name(key: str, unet: UNet2DConditionModel) -> str:
    """What a UNet's weight, or module, is called in the code of CompVis and Stability."""
    for ours, theirs in OUTER.items():
        if key.startswith(f"{ours}."):
            return theirs + key.removeprefix(ours)
    side, *rest = key.split(".")
    each = unet.config.layers_per_block + 1
    if side == "mid_block":
        kind, at, *name = rest
        block = f"middle_block.{1 if kind == 'attentions' else 2 * int(at)}"
    elif side == "down_blocks":
        number, kind, at, *name = rest
        sub = {"resnets": "0", "attentions": "1", "downsamplers": "0.op"}[kind]
        within = each - 1 if kind == "downsamplers" else int(at)
        block = f"input_blocks.{1 + int(number) * each + within}.{sub}"
    else:
        number, kind, at, *name = rest
        attends = unet.config.up_block_types[int(number)].startswith("CrossAttn")
        sub = {"resnets": "0", "attentions": "1", "upsamplers": "2" if attends else "1"}[kind]
        within = each - 1 if kind == "upsamplers" else int(at)
        block = f"output_blocks.{int(number) * each + within}.{sub}"
    if kind == "downsamplers":
        name = name[1:]
    first, *others = name
    return ".".join([block, RESNET.get(first, first) if kind == "resnets" else first, *others])


def original_vae(vae: AutoencoderKL) -> dict[str, Tensor]:
    """Its weights as its authors named them; the attention's projections as convolutions."""
    last = len(vae.config.block_out_channels) - 1
    found = {}
    for key, value in vae.state_dict().items():
        name = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        for i in range(last + 1):
            name = name.replace(f"encoder.down_blocks.{i}.resnets", f"encoder.down.{i}.block")
            name = name.replace(
                f"encoder.down_blocks.{i}.downsamplers.0", f"encoder.down.{i}.downsample"
            )
            name = name.replace(f"decoder.up_blocks.{i}.resnets", f"decoder.up.{last - i}.block")
            name = name.replace(
                f"decoder.up_blocks.{i}.upsamplers.0", f"decoder.up.{last - i}.upsample"
            )
        name = name.replace("mid_block.resnets.0", "mid.block_1").replace(
            "mid_block.resnets.1", "mid.block_2"
        )
        if "mid_block.attentions.0" in name:
            name = name.replace("mid_block.attentions.0", "mid.attn_1")
            for ours, theirs in ATTENTION.items():
                name = name.replace(f".{ours}.", f".{theirs}.")
        is_projection = ".attn_1." in name and value.dim() == 2
        found[name] = value[:, :, None, None] if is_projection else value
    return found


def _open_clip(encoder: Any, prefix: str) -> dict[str, Tensor]:
    weights = _plain(encoder)
    found = {}
    for key, value in weights.items():
        if ".k_proj" in key or ".v_proj" in key:
            continue
        name = key
        for ours, theirs in OPEN_CLIP.items():
            name = (
                name.replace(ours, theirs) if ours != "layer_norm" or "final" not in name else name
            )
        projections = (
            [weights[key.replace(".q_proj", f".{one}_proj")] for one in "qkv"]
            if ".q_proj." in key
            else []
        )
        found[prefix + name.replace(".q_proj.", ".in_proj_")] = (
            torch.cat(projections) if projections else value
        )
    projection = found.pop(f"{prefix}text_projection.weight", None)
    width = encoder.config.hidden_size
    found[f"{prefix}text_projection"] = torch.eye(width) if projection is None else projection.T
    found[f"{prefix}logit_scale"] = torch.tensor(4.6)
    if projection is None:  # Stable Diffusion 2 leaves OpenCLIP's last layer out
        last = {key: value for key, value in found.items() if ".resblocks.2." in key}
        found |= {
            key.replace(".resblocks.2.", ".resblocks.3."): value + 1 for key, value in last.items()
        }
    return found


def save_original(
    pipeline: DiffusionPipeline, file: Path, metadata: dict[str, str] | None = None, **changes: Any
) -> Path:
    """The checkpoint as a file, without what `changes` says is None."""
    tensors = {**original(pipeline), **changes}
    save_file(
        {key: value for key, value in tensors.items() if value is not None}, file, metadata or {}
    )
    return file
