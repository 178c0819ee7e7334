"""Node types of packs that many graphs use, by the names and inputs in the packs' code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.core_nodes import (
    ADVANCED_NAMES,
    LATENT_INPUT,
    changes,
    hands_on,
)
from promptlang.inspection.comfy.node_types import ANY, NodeType, Role

BOTH: Final = ("model", "clip")
PROMPT_ENDS: Final = ("positive", "negative")


def gives(*outputs: str, **names: str) -> NodeType:
    """Return a type whose outputs are its inputs."""
    return NodeType(Role.VALUE, outputs, names)


def joins(separator: str, *inputs: str, outputs: tuple[str, ...] = ("text",)) -> NodeType:
    """Return a type that joins texts."""
    return NodeType(Role.JOIN, outputs, {"separator": separator}, inputs)


def saves(*inputs: str) -> NodeType:
    """Return a type that saves pictures."""
    return NodeType(Role.OUTPUT, inputs=inputs)


def switches(select: str, *inputs: str) -> NodeType:
    """Return a type that chooses an input."""
    return NodeType(Role.SWITCH, (ANY,), {"select": select}, inputs)


EFFICIENCY_OUTPUTS: Final = ("model", "positive", "negative", "latent", "vae", "image")

EFFICIENCY: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        "KSampler (Efficient)": NodeType(
            Role.SAMPLE, EFFICIENCY_OUTPUTS, LATENT_INPUT, lost=("script",)
        ),
        "KSampler Adv. (Efficient)": NodeType(
            Role.SAMPLE, EFFICIENCY_OUTPUTS, ADVANCED_NAMES, lost=("script",)
        ),
        "KSampler SDXL (Eff.)": NodeType(
            Role.SAMPLE,
            ("pipe", "latent", "vae", "image"),
            {**ADVANCED_NAMES, "pipe": "sdxl_tuple"},
            lost=("script", "refine_at_step"),
            defaults={"refine_at_step": -1},
        ),
        "Efficient Loader": NodeType(
            Role.LOADER,
            ("model", "positive", "negative", "latent", "vae", "clip", "dependencies"),
            {
                "loras": "lora_stack",
                "strength_model": "lora_model_strength",
                "strength_clip": "lora_clip_strength",
            },
            lost=("cnet_stack", "token_normalization", "weight_interpretation"),
            defaults={"weight_interpretation": "comfy"},
        ),
        "Eff. Loader SDXL": NodeType(
            Role.LOADER,
            ("pipe", "latent", "vae", "dependencies"),
            {"loras": "lora_stack", "ckpt_name": "base_ckpt_name", "clip_skip": "base_clip_skip"},
            lost=("cnet_stack", "refiner_ckpt_name", "weight_interpretation"),
            defaults={"weight_interpretation": "comfy"},
        ),
        "LoRA Stacker": NodeType(
            Role.LORA_STACK,
            ("loras",),
            {
                "loras": "lora_stack",
                "file": "lora_name_{}",
                "both": "lora_wt_{}",
                "model_strength": "model_str_{}",
                "clip_strength": "clip_str_{}",
                "count": "lora_count",
                "mode": "input_mode",
            },
        ),
        "Apply ControlNet Stack": changes(*PROMPT_ENDS),
        "BNK_CLIPTextEncodeAdvanced": NodeType(
            Role.ENCODE,
            ("conditioning",),
            inputs=("text",),
            lost=("token_normalization", "weight_interpretation"),
            defaults={"weight_interpretation": "comfy"},
        ),
        "BNK_TiledKSampler": NodeType(
            Role.SAMPLE, ("latent",), LATENT_INPUT, lost=("tile_width", "tile_height")
        ),
        "smZ CLIPTextEncode": NodeType(Role.ENCODE, ("conditioning",), inputs=("text",)),
    }
)

RGTHREE_CONTEXT: Final = NodeType(
    Role.PIPE,
    (
        *("pipe", "model", "clip", "vae", "positive", "negative", "latent", "image", "seed"),
        *("steps", "step_refiner", "cfg", "ckpt_name", "sampler_name", "scheduler"),
    ),
    {"pipe": "base_ctx", "image": "images", "sampler_name": "sampler"},
    (
        *("model", "clip", "vae", "positive", "negative", "latent", "image", "seed", "steps"),
        *("step_refiner", "cfg", "ckpt_name", "sampler_name", "scheduler"),
    ),
)

RGTHREE: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        "Power Lora Loader (rgthree)": NodeType(Role.LORA_LIST, BOTH, option="power"),
        "Lora Loader Stack (rgthree)": NodeType(
            Role.LORA_LIST, BOTH, {"file": "lora_0{}", "both": "strength_0{}"}
        ),
        "Seed (rgthree)": gives("seed"),
        "KSampler Config (rgthree)": NodeType(
            Role.VALUE, ("steps_total", "refiner_step", "cfg", "sampler_name", "scheduler")
        ),
        "Power Primitive (rgthree)": gives("value"),
        "Display Any (rgthree)": hands_on("source"),
        "Any Switch (rgthree)": hands_on("any_0{}", "any_{}"),
        "Context (rgthree)": RGTHREE_CONTEXT,
        "Context Big (rgthree)": RGTHREE_CONTEXT,
        "Context Switch (rgthree)": hands_on("ctx_0{}"),
        "SDXL Empty Latent Image (rgthree)": NodeType(
            Role.EMPTY_LATENT, ("latent", "clip_width", "clip_height")
        ),
        "Power Prompt - Simple (rgthree)": NodeType(
            Role.ENCODE, ("conditioning", "prompt"), {"clip": "opt_clip"}, ("prompt",)
        ),
        "Image Comparer (rgthree)": NodeType(
            Role.OUTPUT, inputs=("image_a", "image_b"), option="preview"
        ),
    }
)

EASY_LOADER_NAMES: Final = MappingProxyType(
    {
        "loras": "optional_lora_stack",
        "strength_model": "lora_model_strength",
        "strength_clip": "lora_clip_strength",
    }
)
EASY_LOADER_LOST: Final = (
    *("optional_controlnet_stack", "model_override", "clip_override", "vae_override"),
    *("positive_weight_interpretation", "negative_weight_interpretation", "a1111_prompt_style"),
)
EASY_DEFAULTS: Final = MappingProxyType(
    {"positive_weight_interpretation": "comfy", "negative_weight_interpretation": "comfy"}
)
EASY_SETTINGS: Final = NodeType(
    Role.PIPE,
    ("pipe",),
    {"pipe": "pipe"},
    (
        *("steps", "cfg", "sampler_name", "scheduler", "denoise", "seed", "latent", "guider"),
        *("start_at_step", "end_at_step", "add_noise", "return_with_leftover_noise"),
    ),
    lost=("image_to_latent", "optional_sampler", "optional_sigmas", "factor", "cfg_mode"),
)
EASY_SAMPLER: Final = NodeType(Role.SAMPLE, ("pipe", "image"), {"pipe": "pipe"}, lost=("xyPlot",))
EASY_PIPE: Final = (
    *("pipe", "model", "positive", "negative", "latent", "vae", "clip", "image", "seed"),
)

EASY: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("easy fullLoader", "easy a1111Loader", "easy comfyLoader", "easy fluxLoader"),
            NodeType(
                Role.LOADER,
                ("pipe", "model", "vae", "clip", "positive", "negative", "latent"),
                EASY_LOADER_NAMES,
                lost=EASY_LOADER_LOST,
                defaults=EASY_DEFAULTS,
            ),
        ),
        **dict.fromkeys(
            (
                *("easy preSampling", "easy preSamplingAdvanced", "easy preSamplingNoiseIn"),
                *("easy preSamplingCustom", "easy preSamplingDynamicCFG"),
            ),
            EASY_SETTINGS,
        ),
        **dict.fromkeys(
            ("easy kSampler", "easy kSamplerTiled", "easy kSamplerCustom", "easy kSamplerSDTurbo"),
            EASY_SAMPLER,
        ),
        "easy fullkSampler": NodeType(
            Role.SAMPLE,
            ("pipe", "image", "model", "positive", "negative", "latent", "vae", "clip", "seed"),
            {"pipe": "pipe"},
            lost=("xyPlot",),
        ),
        "easy loraStack": NodeType(
            Role.LORA_STACK,
            ("loras",),
            {
                "loras": "optional_lora_stack",
                "file": "lora_{}_name",
                "both": "lora_{}_strength",
                "model_strength": "lora_{}_model_strength",
                "clip_strength": "lora_{}_clip_strength",
                "count": "num_loras",
            },
        ),
        "easy loraStackApply": NodeType(
            Role.LORA_LIST, BOTH, {"loras": "lora_stack", "clip": "optional_clip"}, option="stack"
        ),
        "easy pipeIn": NodeType(
            Role.PIPE,
            ("pipe",),
            {"pipe": "pipe", "positive": "pos", "negative": "neg"},
            ("model", "positive", "negative", "latent", "vae", "clip", "image"),
        ),
        "easy pipeOut": NodeType(Role.PIPE, EASY_PIPE, {"pipe": "pipe"}),
        "easy pipeToBasicPipe": NodeType(Role.PIPE, ("pipe",), {"pipe": "pipe"}),
        "easy seed": gives("seed"),
        "easy globalSeed": gives("value"),
        **dict.fromkeys(("easy string", "easy int", "easy float", "easy boolean"), gives("value")),
        "easy positive": gives("text", text="positive"),
        "easy negative": gives("text", text="negative"),
        "easy showAnything": hands_on("anything"),
        "easy promptConcat": joins("separator", "prompt1", "prompt2"),
        "easy promptReplace": NodeType(Role.REPLACE, ("text",), {"text": "prompt"}),
        "easy ifElse": switches("boolean", "on_true", "on_false"),
        "easy anythingIndexSwitch": switches("index", "value{}"),
    }
)

PACK_NODES: Final[Mapping[str, NodeType]] = MappingProxyType({**EFFICIENCY, **RGTHREE, **EASY})
"""Types by the class names of nodes."""
