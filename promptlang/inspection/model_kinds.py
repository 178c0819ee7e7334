"""Kinds of model files that cannot be used, by the names and shapes of their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from promptlang.inspection.families import (
    FLUX_FACTS,
    SD1_FACTS,
    SD2_FACTS,
    SD3_FACTS,
    SDXL_FACTS,
    Shapes,
    bounded,
)

_SD1, _SD2, _XL = SD1_FACTS.name, SD2_FACTS.name, SDXL_FACTS.name
_IN: Final = r"^(?:model\.diffusion_model\.|unet\.)?(?:input_blocks\.0\.0|conv_in)\.weight$"

_REFINER: Final = r"individual_token_refiner|context_embedder\.token_refiner"
_PATCHES: Final = r"(?:^|\.)(?:img_in|x_embedder)\.proj\.weight$"


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A kind of file: patterns that must each match a key, and the size of one dimension."""

    name: str
    keys: tuple[str, ...]
    dimension: tuple[int, int] | None = None
    """An axis of the tensor that the last pattern matches, and its size."""


def _kind(name: str, *keys: str, dim: tuple[int, int] | None = None) -> ModelKind:
    return ModelKind(name, keys, dim)


MODEL_KINDS: Final = (
    # Transformers, the more special ones first.
    _kind("Flux 3", r"early_stream_modulations\."),
    _kind("Flux 2", r"(?:single|double)_stream_modulation"),
    _kind("Chroma", r"distilled_guidance_layer\."),
    _kind("ControlNet", r"controlnet_blocks\.|controlnet_x_embedder|controlnet_pos_embed"),
    _kind("HunyuanVideo", _REFINER, _PATCHES, dim=(4, 2)),
    _kind("HunyuanVideo", _REFINER, _PATCHES, dim=(4, 1)),
    _kind("HunyuanImage", _REFINER, _PATCHES),
    _kind("HunyuanVideo", _REFINER),
    _kind("HiDream", r"double_stream_blocks\.0\."),
    _kind("Krea 2", r"txtfusion\.projector"),
    _kind(
        f"{FLUX_FACTS.name} for inpainting",
        r"double_blocks\.",
        r"(?:^|\.)img_in\.weight$",
        dim=(1, 384),
    ),
    _kind(
        f"{FLUX_FACTS.name} for inpainting",
        r"single_transformer_blocks\.",
        r"(?:^|\.)x_embedder\.weight$",
        dim=(1, 384),
    ),
    _kind(
        f"{FLUX_FACTS.name} for edges or depth",
        r"double_blocks\.",
        r"(?:^|\.)img_in\.weight$",
        dim=(1, 128),
    ),
    _kind("AuraFlow", r"double_layers\.0\.attn|joint_transformer_blocks\."),
    _kind("Qwen-Image", r"transformer_blocks\.\d+\.(?:img|txt)_mod\."),
    _kind(FLUX_FACTS.name, r"double_blocks\.|single_blocks\.|single_transformer_blocks\."),
    _kind(
        "Stable Diffusion 3.5",
        r"joint_blocks\.37\.|joint_blocks\.\d+\.x_block\.attn2"
        r"|transformer_blocks\.\d+\.attn2\.add_|transformer_blocks\.37\.norm1_context",
    ),
    _kind(SD3_FACTS.name, r"joint_blocks\."),
    _kind(SD3_FACTS.name, r"transformer_blocks\.0\.norm1_context\.", r"pos_embed\.proj"),
    _kind("Z-Image", r"layers\.0\.adaLN_modulation\.0\."),
    _kind("Lumina", r"cap_embedder\.|time_caption_embed\."),
    _kind("OmniGen", r"llm\.layers\.0\.|input_x_embedder\."),
    _kind("Sana", r"inverted_conv|conv_inverted"),
    _kind("Wan", r"(?:^|\.)head\.modulation$|condition_embedder\.time_proj|vace_blocks\."),
    _kind("LTX-Video", r"patchify_proj\.|av_ca_a2v"),
    _kind("LTX-Video", r"transformer_blocks\.0\.scale_shift_table", r"(?:^|\.)time_embed\.emb\."),
    _kind("Allegro", r"adaln_single\.", r"pos_embed\.proj\.weight$", dim=(0, 2304)),
    _kind(
        "PixArt",
        r"(?:^|\.)t_block\.1\.|adaln_single\.",
        r"y_embedder\.|caption_projection\.|pos_embed\.proj",
    ),
    _kind("Hunyuan-DiT", r"text_embedding_padding"),
    _kind("CogView", r"time_condition_embed\."),
    _kind("CogVideoX", r"patch_embed\.text_proj|mixins\.(?:patch_embed|final_layer)\."),
    _kind("Mochi", r"qkv_x\.|norm1_context\.|pos_frequencies$", r"blocks\.0\.attn"),
    _kind("Cosmos", r"(?:^|\.)net\.(?:x_embedder|blocks)\.|time_embed\.t_embedder\."),
    _kind("Stable Audio", r"pretransform\.|conditioner\.conditioners\.|preprocess_conv\."),
    # UNets of latent diffusion.
    _kind("CosXL (over EDM's noise levels)", r"^edm_vpred\.sigma_"),
    _kind("Playground 2.5", r"^edm_mean$|^edm_std$"),
    _kind("Kolors", r"label_emb\.0\.0\.weight$", dim=(1, 5632)),
    _kind("Kolors", r"encoder_hid_proj\.weight$"),
    _kind("DeepFloyd IF", r"encoder_pooling\.|add_embedding\.pool\.|text_pool"),
    _kind(
        "Kandinsky",
        r"add_embedding\.image_norm|encoder_hid_proj\.(?:image|projection_linear)|ln_model_n",
    ),
    _kind("Kandinsky", r"visual_transformer_blocks\.|text_transformer_blocks\."),
    _kind(f"{_XL} refiner", r"^conditioner\.embedders\.0\.model\."),
    _kind("ControlNet-LLLite", r"^lllite_"),
    _kind(
        "ControlNet",
        r"^(?:control_model\.|controlnet_|input_hint_block\.)",
        r"time_embed|zero_|cond_embedding|controlnet_",
    ),
    _kind(
        "ControlNet",
        r"controlnet_cond_embedding|control_all_x_embedder|control_layers\.|controlnet_blocks\.",
    ),
    _kind(
        "Stable Video Diffusion",
        r"time_stack\.|time_mixer\.|temporal_transformer_blocks\.|time_pos_embed",
    ),
    _kind("InstructPix2Pix", _IN, dim=(1, 8)),
    _kind(f"{_XL} for inpainting", r"conditioner\.embedders\.1\.|label_emb\.", _IN, dim=(1, 9)),
    _kind(f"{_SD2} for inpainting", r"cond_stage_model\.model\.", _IN, dim=(1, 9)),
    _kind(f"{_SD1} for inpainting", _IN, dim=(1, 9)),
    _kind("Stable Diffusion's upscaler", r"low_scale_model\."),
    _kind("Stable Diffusion's upscaler, with 7 channels", _IN, dim=(1, 7)),
    _kind(f"{_SD2} for depth", r"^depth_model\."),
    _kind(f"{_SD2} for depth, with 5 channels", _IN, dim=(1, 5)),
    _kind(f"{_SD2} unCLIP", r"noise_augmentor\.|^embedder\.model\."),
    _kind(f"{_SD2} unCLIP", r"^cond_stage_model\.model\.", r"diffusion_model\.label_emb\."),
    _kind(
        "LCM (a model distilled to few steps, whose UNet reads the guidance scale)",
        r"time_embed(?:ding)?\.cond_proj",
    ),
    # Parts, and files beside models.
    _kind(
        "AnimateDiff's motion module",
        r"^(?:module\.)?(?:down|mid|up)_blocks?\.[\w.]*motion_modules\.",
    ),
    _kind(
        "T2I-Adapter",
        r"^(?:adapter\.|module\.)?(?:body\.\d+\.(?:in_conv|block1|block2|resnets|down_opt))",
    ),
    _kind("IP-Adapter", r"^(?:ip_adapter|image_proj)\.|^image_proj_model\."),
    _kind("PhotoMaker", r"^id_encoder\."),
    _kind(
        "Stable Cascade", r"clip_txt_mapper\.|clip_txt_pooled_mapper\.|channelwise\.0\.", r"blocks"
    ),
    _kind("Würstchen", r"cond_mapper\.0\.|effnet_mappers?\.|clip_mapper\."),
    _kind(
        "an upscaler (ESRGAN)", r"(?:\.sub\.\d+\.RDB\d|rdb\d\.conv\d|RRDB_trunk|residual_group\.)"
    ),
    _kind(
        "an autoencoder for previews (TAESD)",
        r"taesd_|^(?:decoder|encoder)\.layers\.\d+\.(?:conv\.|weight$|bias$)|^\d\.conv\.",
    ),
    _kind(
        "the VAE of Wan or Qwen-Image",
        r"^decoder\.middle\.0\.residual\.0\.gamma|^decoder\.norm_out\.gamma",
    ),
    _kind("the VAE of Sana", r"^(?:de|en)coder\.stages\.|^encoder\.down_blocks\.\d+\.\d+\.conv"),
    _kind("the VAE of a video model", r"^(?:vae\.)?(?:de|en)coder\.conv_in\.conv\.weight$"),
    _kind("a VAE with 16 latent channels", r"^decoder\.conv_in\.weight$", dim=(1, 16)),
    _kind("a VAE with 32 latent channels", r"^decoder\.conv_in\.weight$", dim=(1, 32)),
    _kind("a VQ autoencoder", r"^quantize\.embedding\."),
    _kind("a consistency decoder", r"^decoder_unet\.|^ckpt\.decoder_unet\."),
    _kind("a prior of unCLIP or Kandinsky", r"(?:^|\.)prd_embedding$|(?:^|\.)prd_emb$"),
    _kind("a text encoder (T5)", r"encoder\.block\.0\.layer\.0\.SelfAttention"),
    _kind(
        "a text encoder (CLIP)",
        r"^(?:text_model\.)?(?:encoder\.layers\.0\.self_attn|embeddings\.token_embedding)\.",
    ),
    _kind("a text encoder (CLIP)", r"^transformer\.resblocks\.0\."),
    _kind("a picture encoder (CLIP)", r"^(?:vision_model|visual)\."),
    _kind("a language model", r"^(?:(?:language_)?model\.)*layers\.0\.self_attn\."),
    _kind(
        "a UNet alone, without text encoder and VAE",
        r"^(?:down_blocks|mid_block|up_blocks)\.\d*\.?(?:attentions|resnets)\.",
        r"^conv_in\.weight$",
    ),
    _kind(
        "a UNet alone, without text encoder and VAE",
        r"^(?:diffusion_model\.)?input_blocks\.\d+\.",
        r"^(?:diffusion_model\.)?middle_block\.",
    ),
)
"""Kinds that cannot be used, by keys that only they have; the first that fits is named."""


PIPELINES: Final[Mapping[str, str]] = {
    "StableDiffusionXLInpaint": f"{_XL} for inpainting",
    "StableDiffusionXLInstructPix2Pix": f"InstructPix2Pix for {_XL}",
    "StableDiffusionXLControlNet": f"{_XL} with a ControlNet",
    "StableDiffusionInpaint": f"{_SD1} or 2 for inpainting",
    "StableDiffusionInstructPix2Pix": "InstructPix2Pix",
    "StableDiffusionControlNet": f"{_SD1} or 2 with a ControlNet",
    "StableDiffusionDepth2Img": f"{_SD2} for depth",
    "StableDiffusionUpscale": "Stable Diffusion's upscaler",
    "StableDiffusionLatentUpscale": "Stable Diffusion's latent upscaler",
    "StableDiffusion3": SD3_FACTS.name,
    "StableUnCLIP": f"{_SD2} unCLIP",
    "StableUnCLIPImg2Img": f"{_SD2} unCLIP",
    "LatentConsistencyModel": "LCM",
    "StableVideoDiffusion": "Stable Video Diffusion",
    "StableCascadeDecoder": "Stable Cascade",
    "StableCascadePrior": "Stable Cascade",
    "StableCascadeCombined": "Stable Cascade",
    "WuerstchenDecoder": "Würstchen",
    "WuerstchenPrior": "Würstchen",
    "IF": "DeepFloyd IF",
    "IFImg2Img": "DeepFloyd IF",
    "IFSuperResolution": "DeepFloyd IF",
    "ZImage": "Z-Image",
    "QwenImage": "Qwen-Image",
    "Lumina2": "Lumina",
    "LuminaText2Img": "Lumina",
    "PixArtAlpha": "PixArt",
    "PixArtSigma": "PixArt",
    "HunyuanDiT": "Hunyuan-DiT",
    "HiDreamImage": "HiDream",
    "LTX": "LTX-Video",
    "FluxFill": f"{FLUX_FACTS.name} for inpainting",
    "FluxKontext": f"{FLUX_FACTS.name} Kontext",
    "FluxControl": f"{FLUX_FACTS.name} for edges or depth",
    "Flux2": "Flux 2",
}
"""Usual names of kinds by the class of their pipeline, without its ending; others go by that."""


def pipeline_kind(pipeline: str) -> str:
    """Return the usual name of the kind of a folder by its `_class_name`."""
    name = pipeline.removesuffix("Pipeline")
    return PIPELINES.get(name, name[:80])


def find_model_kind(shapes: Shapes) -> str | None:
    """Return the name of the kind of a file, or None for a usable one or an unknown one."""
    seen = bounded(shapes)
    keys = "\n".join(seen)
    return next((kind.name for kind in MODEL_KINDS if _fits(kind, keys, seen)), None)


def _fits(kind: ModelKind, keys: str, shapes: Shapes) -> bool:
    found = [re.search(pattern, keys, re.MULTILINE) for pattern in kind.keys]
    if not all(found):
        return False
    if kind.dimension is None:
        return True
    axis, size = kind.dimension
    last = found[-1]
    assert last is not None
    shape = shapes.get(_line(keys, last.start()), ())
    return len(shape) > axis and shape[axis] == size


def _line(text: str, place: int) -> str:
    """Return the line at a place of a text."""
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    return text[start : end if end >= 0 else None]
