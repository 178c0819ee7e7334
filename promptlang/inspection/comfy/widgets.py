"""The order of the widgets of node types, for workflows that list values without names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SETTINGS: Final = ("steps", "cfg", "sampler_name", "scheduler")
SIZE: Final = ("width", "height", "batch_size")

WIDGETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "KSampler": ("seed", *SETTINGS, "denoise"),
        "KSampler Adv. (Efficient)": (
            *("add_noise", "noise_seed", *SETTINGS),
            *("start_at_step", "end_at_step", "return_with_leftover_noise", "preview_method"),
        ),
        "Efficient Loader": (
            *("ckpt_name", "vae_name", "clip_skip", "lora_name", "lora_model_strength"),
            *("lora_clip_strength", "positive", "negative", "token_normalization"),
            *("weight_interpretation", "empty_latent_width", "empty_latent_height", "batch_size"),
        ),
        **dict.fromkeys(
            ("easy a1111Loader", "easy comfyLoader"),
            (
                *("ckpt_name", "vae_name", "clip_skip", "lora_name", "lora_model_strength"),
                *("lora_clip_strength", "resolution", "empty_latent_width"),
                *("empty_latent_height", "positive", "negative", "batch_size"),
            ),
        ),
        "easy preSampling": (*SETTINGS, "denoise", "seed"),
        "CR Prompt Text": ("prompt",),
        "CR Text": ("text",),
        "CR SD1.5 Aspect Ratio": (
            *("width", "height", "aspect_ratio", "swap_dimensions", "upscale_factor"),
            "batch_size",
        ),
        "ShowText|pysssss": (),
        "KSampler (Efficient)": ("seed", *SETTINGS, "denoise", "preview_method", "vae_decode"),
        "KSamplerAdvanced": (
            *("add_noise", "noise_seed", *SETTINGS),
            *("start_at_step", "end_at_step", "return_with_leftover_noise"),
        ),
        "SamplerCustom": ("add_noise", "noise_seed", "cfg"),
        "RandomNoise": ("noise_seed",),
        "KSamplerSelect": ("sampler_name",),
        "BasicScheduler": ("scheduler", "steps", "denoise"),
        "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
        "ExponentialScheduler": ("steps", "sigma_max", "sigma_min"),
        "PolyexponentialScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
        "SDTurboScheduler": ("steps", "denoise"),
        "AlignYourStepsScheduler": ("model_type", "steps", "denoise"),
        "BetaSamplingScheduler": ("steps", "alpha", "beta"),
        "SplitSigmas": ("step",),
        "SplitSigmasDenoise": ("denoise",),
        "CFGGuider": ("cfg",),
        "DualCFGGuider": ("cfg_conds", "cfg_cond2_negative"),
        "CLIPTextEncode": ("text",),
        "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
        "CLIPTextEncodeSD3": ("clip_l", "clip_g", "t5xxl", "empty_padding"),
        "CLIPTextEncodeSDXL": (
            *("width", "height", "crop_w", "crop_h", "target_width", "target_height"),
            *("text_g", "text_l"),
        ),
        "CLIPTextEncodeSDXLRefiner": ("ascore", "width", "height", "text"),
        "FluxGuidance": ("guidance",),
        "ConditioningAverage": ("conditioning_to_strength",),
        "ConditioningSetArea": ("width", "height", "x", "y", "strength"),
        "ConditioningSetAreaPercentage": ("width", "height", "x", "y", "strength"),
        "ConditioningSetMask": ("strength", "set_cond_area"),
        "ConditioningSetTimestepRange": ("start", "end"),
        "ControlNetApply": ("strength",),
        "ControlNetApplyAdvanced": ("strength", "start_percent", "end_percent"),
        "ControlNetLoader": ("control_net_name",),
        "CheckpointLoaderSimple": ("ckpt_name",),
        "UNETLoader": ("unet_name", "weight_dtype"),
        "CLIPLoader": ("clip_name", "type"),
        "DualCLIPLoader": ("clip_name1", "clip_name2", "type"),
        "TripleCLIPLoader": ("clip_name1", "clip_name2", "clip_name3"),
        "VAELoader": ("vae_name",),
        "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
        "LoraLoaderModelOnly": ("lora_name", "strength_model"),
        "CLIPSetLastLayer": ("stop_at_clip_layer",),
        "EmptyLatentImage": SIZE,
        "EmptySD3LatentImage": SIZE,
        "EmptyHunyuanLatentVideo": ("width", "height", "length", "batch_size"),
        "LatentUpscale": ("upscale_method", "width", "height", "crop"),
        "LatentUpscaleBy": ("upscale_method", "scale_by"),
        "ImageScale": ("upscale_method", "width", "height", "crop"),
        "ImageScaleBy": ("upscale_method", "scale_by"),
        "UpscaleModelLoader": ("model_name",),
        "VAEEncodeForInpaint": ("grow_mask_by",),
        "ModelSamplingFlux": ("max_shift", "base_shift", "width", "height"),
        "ModelSamplingSD3": ("shift",),
        "LoadImage": ("image", "upload"),
        "SaveImage": ("filename_prefix",),
        **dict.fromkeys(
            (
                *("PrimitiveInt", "PrimitiveFloat", "PrimitiveString", "PrimitiveBoolean"),
                *("PrimitiveStringMultiline", "INTConstant", "FloatConstant"),
            ),
            ("value",),
        ),
        "StringConcatenate": ("string_a", "string_b", "delimiter"),
        "StringReplace": ("string", "find", "replace"),
        "Text Multiline": ("text",),
        "Text Concatenate": ("delimiter", "clean_whitespace"),
        "Seed (rgthree)": ("seed",),
        "easy seed": ("seed",),
        "CR Seed": ("seed",),
        "ImpactWildcardProcessor": ("wildcard_text", "populated_text", "mode", "seed"),
        "LoRA Stacker": (
            *("input_mode", "lora_count"),
            *(
                name.format(number)
                for number in range(1, 50)
                for name in ("lora_name_{}", "lora_wt_{}", "model_str_{}", "clip_str_{}")
            ),
        ),
        "CR LoRA Stack": tuple(
            name.format(number)
            for number in range(1, 4)
            for name in ("switch_{}", "lora_name_{}", "model_weight_{}", "clip_weight_{}")
        ),
    }
)
"""Names of widgets by the class names of nodes, in the order of their values."""

SEEDS: Final = ("seed", "noise_seed")
"""Widgets after which the interface adds one that tells what becomes of the seed."""

AFTER_SEED: Final = ("fixed", "increment", "decrement", "randomize", True, False, None)
"""The values of the widget after a seed: a choice, or a truth value in workflows of 2023."""
