"""The registry of model families: names, widths and key patterns, without torch.

`promptlang info` and the reader of adapters recognise a family by these facts,
`runtime.models.families` adds the networks, and a training writes the names into its results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFacts:
    """Facts about a family of models that need no network to be known."""

    name: str
    header_names: tuple[str, ...] = ()
    """Words in `modelspec.architecture` and `ss_base_model_version`, in lower case."""
    context_width: int | None = None
    """Channels of the states that the UNet reads; None for a family without UNet."""
    text_encoder_widths: tuple[int, ...] = ()
    """Channels of each text encoder's hidden states."""
    adapter_keys: str = ""
    """A regular expression for keys, each with its sizes behind a blank (``x.lora_A 16x768``)."""
    kohya_version: str = ""
    """The value of kohya's `ss_base_model_version`."""
    architecture: str = ""
    """The value of ModelSpec's `modelspec.architecture`."""
    velocity_architecture: str = ""
    """The same for models that predict velocity, where they have a name of their own."""
    pipelines: frozenset[str] = frozenset()
    """The `_class_name`s in the `model_index.json` of the family's folders in diffusers' layout."""
    checkpoint_type: str = ""
    """The name that diffusers' `infer_diffusers_model_type` has for the family's single files."""


SD1_FACTS: Final = FamilyFacts(
    name="Stable Diffusion 1",
    header_names=("stable-diffusion-v1", "sd_v1"),
    context_width=768,
    text_encoder_widths=(768,),
    kohya_version="sd_v1",
    architecture="stable-diffusion-v1",
    pipelines=frozenset({"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"}),
    checkpoint_type="v1",
)
SD2_FACTS: Final = FamilyFacts(
    name="Stable Diffusion 2",
    header_names=("stable-diffusion-v2", "sd_v2"),
    context_width=1024,
    text_encoder_widths=(1024,),
    kohya_version="sd_v2",
    architecture="stable-diffusion-v2-512",
    velocity_architecture="stable-diffusion-v2-768-v",
    pipelines=frozenset({"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"}),
    checkpoint_type="v2",
)
SDXL_FACTS: Final = FamilyFacts(
    name="SDXL",
    header_names=("stable-diffusion-xl", "sdxl"),
    context_width=2048,
    text_encoder_widths=(768, 1280),
    adapter_keys=(
        r"lora_te2_|text_encoder_2\.|clip_g"
        r"|(blocks_\d|put_blocks_\d+|middle_block)_\w*transformer_blocks_[1-9]"
    ),
    kohya_version="sdxl_base_v1-0",
    architecture="stable-diffusion-xl-v1-base",
    pipelines=frozenset({"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"}),
    checkpoint_type="xl_base",
)
SD3_FACTS: Final = FamilyFacts(
    name="Stable Diffusion 3",
    header_names=("stable-diffusion-3", "sd3"),
    adapter_keys=r"joint_blocks|attn[._]add_[qkv]_proj|lora_te3_",
)
FLUX_FACTS: Final = FamilyFacts(
    name="Flux",
    header_names=("flux",),
    adapter_keys=r"double_blocks|single_blocks|single_transformer_blocks",
)

_ROOT: Final = r"(?:^|\.|lora_unet_|lora_transformer_|lycoris_)"
"""The place in front of a network's own names, in dotted and in kohya's layout."""

_DIT: Final = rf"{_ROOT}transformer_blocks[._]\d+[._]attn[12][._]to_[qkv]\S* \d+x"
"""The attention of diffusers' transformers, up to the number of its channels."""

_OTHER_FAMILIES: Final = (
    FamilyFacts(
        name="Qwen-Image",
        header_names=("qwen-image", "qwen_image"),
        adapter_keys=(
            r"transformer_blocks[._]\d+[._](?:img|txt)_m(?:lp|od)"
            rf"|{_ROOT}transformer_blocks[._](?:19|[2-5]\d)[._]attn\S* \d+x3072$"
        ),
    ),
    FamilyFacts(
        name="HunyuanVideo",
        header_names=("hunyuan-video", "hunyuan_video", "hunyuanvideo"),
        adapter_keys=(
            r"double_blocks[._]\d+[._](?:img|txt)_mlp[._]fc|single_blocks[._]\d+[._]modulation"
            r"[._]linear|individual_token_refiner|context_embedder[._]token_refiner"
        ),
    ),
    FamilyFacts(name="Chroma", header_names=("chroma",), adapter_keys=r"distilled_guidance_layer"),
    FamilyFacts(
        name="Flux 2",
        header_names=("flux-2", "flux2", "flux.2"),
        adapter_keys=(
            r"(?:double|single)_stream_modulation|to_qkv_mlp_proj"
            r"|double_blocks[._]\d+[._]img_attn[._]qkv\S* \d+x(?:4096|6144)$"
        ),
    ),
    FamilyFacts(
        name="AuraFlow",
        header_names=("auraflow", "aura-flow"),
        adapter_keys=r"joint_transformer_blocks|double_layers[._]\d+[._]attn[._]w[12]",
    ),
    FamilyFacts(
        name="HiDream",
        header_names=("hidream",),
        adapter_keys=r"(?:double|single)_stream_blocks[._]\d+[._]block",
    ),
    FamilyFacts(
        name="Z-Image",
        header_names=("z-image", "z_image", "zimage"),
        adapter_keys=rf"{_ROOT}layers[._]\d+[._]attention[._]\S* \d+x3840$",
    ),
    FamilyFacts(
        name="Lumina 2",
        header_names=("lumina",),
        adapter_keys=(
            rf"{_ROOT}layers[._]\d+[._](?:attention|attn)[._]\S* \d+x2304$"
            r"|(?:context|noise)_refiner[._]\d+"
        ),
    ),
    FamilyFacts(
        name="Anima",
        header_names=("anima", "cosmos"),
        adapter_keys=rf"{_ROOT}blocks[._]\d+[._](?:self|cross)_attn[._](?:q|k|v|output)_proj",
    ),
    FamilyFacts(
        name="Wan",
        header_names=("wan2", "wan_", "wan-"),
        adapter_keys=(
            rf"{_ROOT}blocks[._]\d+[._](?:(?:self|cross)_attn[._][qkvo]|ffn[._][02])\b"
            rf"|{_ROOT}blocks[._]\d+[._](?:attn[12][._]to_|ffn[._]net)"
            r"|blocks_\d+_(?:self|cross)_attn_[qkvo]\."
        ),
    ),
    FamilyFacts(
        name="Sana",
        header_names=("sana",),
        adapter_keys=rf"ff[._]conv_inverted|{_DIT}2240$",
    ),
    FamilyFacts(name="PixArt", header_names=("pixart",), adapter_keys=rf"{_DIT}1152$"),
    FamilyFacts(
        name="CogVideoX", header_names=("cogvideo",), adapter_keys=rf"{_DIT}(?:1920|3072)$"
    ),
    FamilyFacts(name="LTX-Video", header_names=("ltx",), adapter_keys=rf"{_DIT}(?:2048|4096)$"),
    FamilyFacts(
        name="Hunyuan-DiT",
        header_names=("hunyuan-dit", "hunyuandit"),
        adapter_keys=rf"{_ROOT}blocks[._]\d+[._]attn[12][._](?:Wqkv|q_proj|kv_proj|out_proj)",
    ),
    FamilyFacts(
        name="Stable Cascade",
        header_names=("cascade",),
        adapter_keys=r"lora_prior_|[._]kv_mapper|[._]channelwise",
    ),
    FamilyFacts(name="Kolors", header_names=("kolors",), adapter_keys=r"encoder_hid_proj"),
)
"""Families that adapters of other people are made for, and that cannot be used here."""

KNOWN_FAMILIES: Final = (*_OTHER_FAMILIES, FLUX_FACTS, SD3_FACTS, SDXL_FACTS, SD2_FACTS, SD1_FACTS)
"""Newest first: an adapter of a newer family may have keys of an older one beside its own."""

Shapes = Mapping[str, tuple[int, ...]]
"""The shapes of a file's tensors by their keys."""

MAX_KEYS: Final = 20_000
"""Tensors of a file that are looked at; the largest models and adapters have fewer than 5,000."""

MAX_KEY_LENGTH: Final = 300
"""Characters of a key that are looked at; the names of networks' layers have fewer than 200."""

_DOWN = r"(?:down\.weight|lora_A\S*|hada_w1_b|\.diff)$"
_CROSS_ATTENTION = re.compile(rf"attn2[._](?:processor[._])?to_[kv]\S*{_DOWN}")
_TEXT_ENCODER = re.compile(rf"self_attn[._][qkv]_proj\S*{_DOWN}")


def find_family_by_context(width: int) -> FamilyFacts | None:
    """Return the family whose UNet reads states of a width."""
    return next((each for each in KNOWN_FAMILIES if each.context_width == width), None)


def find_family_by_width(width: int) -> FamilyFacts | None:
    """Return the family whose UNet reads states of a width, or else whose text encoder has it."""
    by_encoder = (each for each in KNOWN_FAMILIES if width in each.text_encoder_widths)
    return find_family_by_context(width) or next(by_encoder, None)


def bounded(shapes: Shapes) -> Shapes:
    """Return the shapes under at most `MAX_KEYS` keys, cut to `MAX_KEY_LENGTH` characters."""
    return {key[:MAX_KEY_LENGTH]: shapes[key] for key in islice(shapes, MAX_KEYS)}


def detect_family(shapes: Shapes, metadata: Mapping[str, str]) -> FamilyFacts | None:
    """Return the family that an adapter is made for, or None if nothing in the file tells.

    `shapes` are those of the tensors by their keys. The keys decide, else the widths of the layers
    that read a text encoder's states, else the names in the header.
    """
    keys = "\n".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in bounded(shapes).items())
    by_keys = (
        each
        for each in KNOWN_FAMILIES
        if each.adapter_keys and re.search(each.adapter_keys, keys, re.MULTILINE)
    )
    width = _input_width(shapes, _CROSS_ATTENTION) or _input_width(shapes, _TEXT_ENCODER)
    return next(by_keys, None) or find_family_by_width(width) or _named_in(metadata)


def detect_model_family(shapes: Shapes) -> FamilyFacts | None:
    """Return the family of a UNet, by the width of the states that it reads."""
    widths = (
        shape[-1]
        for key, shape in bounded(shapes).items()
        if shape and key.endswith("attn2.to_k.weight")
    )
    return find_family_by_context(next(widths, 0))


def _input_width(shapes: Shapes, pattern: re.Pattern[str]) -> int:
    """Return the number of input channels of the first layer with such a key, or 0."""
    return next(
        (
            shape[1]
            for key, shape in shapes.items()
            if len(shape) > 1 and pattern.search(key[:MAX_KEY_LENGTH])
        ),
        0,
    )


def _named_in(metadata: Mapping[str, str]) -> FamilyFacts | None:
    names = (metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version"))
    header = " ".join(names).lower()
    return next(
        (each for each in KNOWN_FAMILIES if any(word in header for word in each.header_names)), None
    )
