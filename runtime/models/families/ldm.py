"""Single files in the layout of CompVis' latent diffusion: SD 1, SD 2 and SDXL as published.

A function for each kind of network states where a file holds the network's weights. Names that a
file has beside these are left over, which `runtime.models.leftovers` judges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from ..stored_weights import Place, Places

UNET: Final = "model.diffusion_model."
VAE: Final = "first_stage_model."
VAE_PARTS: Final = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
"""The beginnings of keys in a file with the VAE alone."""

UNET_NAMES: Final = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
"""Original names of a UNet's layers outside its blocks, by diffusers' names."""

RESNET_NAMES: Final = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
"""Original names of the layers in a residual block of a UNet, by diffusers' names."""

_VAE_NAMES: Final = {
    "conv_norm_out": "norm_out",
    "conv_shortcut": "nin_shortcut",
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "mid_block.attentions.0": "mid.attn_1",
    "downsamplers.0": "downsample",
    "upsamplers.0": "upsample",
}
_VAE_ATTENTION: Final = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_OLD_ATTENTION: Final = {
    "to_q": "query",
    "to_k": "key",
    "to_v": "value",
    "to_out.0": "proj_attn",
}
"""Names of a VAE's attention in diffusers before version 0.15."""

_OPEN_CLIP: Final = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm": "ln_final",
    "encoder.layers": "transformer.resblocks",
    "layer_norm": "ln_",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_THIRDS: Final = {"q_proj": 0, "k_proj": 1, "v_proj": 2}
"""The rows of OpenCLIP's one matrix for query, key and value."""


def place_unet(wanted: Iterable[str], config: Mapping[str, Any], held: Collection[str]) -> Places:
    """Return the places of a UNet's weights, in the original layout or else in diffusers'."""
    names = {key: UNET + _unet_name(key, config) for key in wanted}
    if not any(name in held for name in names.values()):
        names = {key: UNET + key for key in names}
    return {key: Place(name) for key, name in names.items()}


def place_vae(wanted: Iterable[str], config: Mapping[str, Any], held: Collection[str]) -> Places:
    """Return the places of a VAE's weights, in a whole checkpoint or in a file of the VAE alone.

    The file may be in the original layout, in diffusers', or in that of old versions of diffusers.
    """
    prefix = VAE if any(key.startswith(VAE) for key in held) else ""
    blocks = len(config["block_out_channels"])
    keys = list(wanted)
    original = {key: Place(prefix + _vae_name(key, blocks)) for key in keys}
    diffusers = place_diffusers(keys, prefix, held)
    return max(original, diffusers, key=lambda places: _count(places, held))


def place_diffusers(wanted: Iterable[str], prefix: str, held: Collection[str]) -> Places:
    """Return the places of a network's weights in diffusers' layout, or in that of old versions."""
    keys = list(wanted)
    plain = {key: Place(prefix + key) for key in keys}
    old = {key: Place(prefix + _replaced(key, _OLD_ATTENTION)) for key in keys}
    return max(plain, old, key=lambda places: _count(places, held))


def _count(places: Places, held: Collection[str]) -> int:
    return sum(place.key in held for place in places.values())


def place_clip(wanted: Iterable[str], prefix: str, held: Collection[str]) -> Places:
    """Return the places of a text encoder's weights in transformers' layout.

    Transformers 4 and most tools write ``text_model.`` before names.
    """
    long = any(key.startswith(f"{prefix}text_model.") for key in held)
    return {
        key: Place(prefix + (_long(key) if long else key.removeprefix("text_model.")))
        for key in wanted
    }


def place_open_clip(wanted: Iterable[str], prefix: str, _held: Collection[str]) -> Places:
    """Return the places of a text encoder's weights in OpenCLIP's layout.

    In this layout query, key and value are one matrix, and the projection is transposed.
    """
    return {key: _open_clip_place(key.removeprefix("text_model."), prefix) for key in wanted}


def _open_clip_place(key: str, prefix: str) -> Place:
    if key == "text_projection.weight":
        return Place(f"{prefix}text_projection", transposed=True)
    name = _replaced(key, _OPEN_CLIP)
    for projection, third in _THIRDS.items():
        before, found, end = name.partition(f"self_attn.{projection}.")
        if found:
            return Place(f"{prefix}{before}attn.in_proj_{end}", third)
    return Place(prefix + name)


def _long(key: str) -> str:
    return key if key.startswith(("text_model.", "text_projection.")) else f"text_model.{key}"


def _unet_name(key: str, config: Mapping[str, Any]) -> str:
    """Return the name of a UNet's weight in the code of CompVis and Stability."""
    for ours, theirs in UNET_NAMES.items():
        if key.startswith(f"{ours}."):
            return theirs + key.removeprefix(ours)
    side, *rest = key.split(".")
    if side == "mid_block" and len(rest) > 2:
        kind, at, *name = rest
        block = f"middle_block.{1 if kind == 'attentions' else 2 * int(at)}"
    elif side in ("down_blocks", "up_blocks") and len(rest) > 3:
        number, kind, at, *name = rest
        block = _block(side, int(number), kind, int(at), config)
    else:
        return key
    first, *others = name[1:] if kind == "downsamplers" else name
    inside = RESNET_NAMES.get(first, first) if kind == "resnets" else first
    return ".".join([block, inside, *others])


def _block(side: str, number: int, kind: str, at: int, config: Mapping[str, Any]) -> str:
    """Return the number of a block, which has its resnet, attention and resampler one by one."""
    each = int(config["layers_per_block"]) + 1
    if side == "down_blocks":
        within = each - 1 if kind == "downsamplers" else at
        part = {"resnets": "0", "attentions": "1", "downsamplers": "0.op"}[kind]
        return f"input_blocks.{1 + number * each + within}.{part}"
    within = each - 1 if kind == "upsamplers" else at
    attends = "CrossAttn" in config["up_block_types"][number]
    part = {"resnets": "0", "attentions": "1", "upsamplers": "2" if attends else "1"}[kind]
    return f"output_blocks.{number * each + within}.{part}"


def _vae_name(key: str, blocks: int) -> str:
    """Return the name of a VAE's weight in the code of CompVis, which counts up-blocks down."""
    parts = key.split(".")
    if len(parts) > 3 and parts[1] in ("down_blocks", "up_blocks"):
        number = int(parts[2])
        side = f"down.{number}" if parts[1] == "down_blocks" else f"up.{blocks - 1 - number}"
        kind = "block" if parts[3] == "resnets" else parts[3]
        key = ".".join([parts[0], side, kind, *parts[4:]])
    name = _replaced(key, _VAE_NAMES)
    return _replaced(name, _VAE_ATTENTION) if ".mid.attn_1." in name else name


def _replaced(key: str, names: Mapping[str, str]) -> str:
    for ours, theirs in names.items():
        key = key.replace(ours, theirs)
    return key
