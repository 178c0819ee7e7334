"""Node types of further packs: Impact, Inspire, Comfyroll, KJNodes, WAS, tinyterra and others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.core_nodes import (
    ADVANCED_NAMES,
    LATENT_INPUT,
    changes,
    hands_on,
    loads,
)
from promptlang.inspection.comfy.node_types import ANY, NodeType, Role
from promptlang.inspection.comfy.pack_nodes import BOTH, PROMPT_ENDS, gives, joins, saves, switches

INSPIRE_LOST: Final = ("variation_seed", "variation_strength", "scheduler_func_opt")
BASIC_PIPE: Final = ("model", "clip", "vae", "positive", "negative")

IMPACT: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        **dict.fromkeys(("ImpactInt", "ImpactFloat", "ImpactBoolean"), gives("value")),
        "ImpactWildcardProcessor": gives("populated_text"),
        "ImpactWildcardEncode": NodeType(
            Role.TAGGED,
            ("model", "clip", "conditioning", "populated_text"),
            inputs=("populated_text",),
        ),
        "ImpactCombineConditionings": NodeType(
            Role.COMBINE, ("conditioning",), inputs=("conditioning{}",)
        ),
        "ImpactConcatConditionings": NodeType(
            Role.CONCAT, ("conditioning",), inputs=("conditioning{}",)
        ),
        "ImpactSwitch": switches("select", "input{}"),
        "LatentSwitch": switches("select", "latent{}"),
        "ImpactConditionalBranch": switches("cond", "tt_value", "ff_value"),
        "ToBasicPipe": NodeType(Role.PIPE, ("pipe",), inputs=BASIC_PIPE),
        "EditBasicPipe": NodeType(Role.PIPE, ("pipe",), {"pipe": "basic_pipe"}, BASIC_PIPE),
        "FromBasicPipe": NodeType(Role.PIPE, BASIC_PIPE, {"pipe": "basic_pipe"}),
        "FromBasicPipe_v2": NodeType(Role.PIPE, ("pipe", *BASIC_PIPE), {"pipe": "basic_pipe"}),
        "ImpactKSamplerBasicPipe": NodeType(
            Role.SAMPLE, ("pipe", "latent", "vae"), {**LATENT_INPUT, "pipe": "basic_pipe"}
        ),
        "ImpactKSamplerAdvancedBasicPipe": NodeType(
            Role.SAMPLE, ("pipe", "latent", "vae"), {**ADVANCED_NAMES, "pipe": "basic_pipe"}
        ),
        "ImpactNegativeConditioningPlaceholder": NodeType(Role.ZERO, ("conditioning",)),
        **dict.fromkeys(
            ("FaceDetailer", "FaceDetailerPipe", "DetailerForEach", "DetailerForEachDebug"),
            changes("image"),
        ),
        "IterativeLatentUpscale": changes("latent", "vae", latent="samples"),
        "IterativeImageUpscale": changes("image", image="pixels"),
        "UltimateSDUpscale": changes("image"),
        "UltimateSDUpscaleNoUpscale": changes("image", image="upscaled_image"),
        "PreviewBridge": NodeType(Role.FIRST, ("image", "mask"), inputs=("images",)),
        "KSampler //Inspire": NodeType(Role.SAMPLE, ("latent",), LATENT_INPUT, lost=INSPIRE_LOST),
        "KSamplerAdvanced //Inspire": NodeType(
            Role.SAMPLE, ("latent",), ADVANCED_NAMES, lost=INSPIRE_LOST
        ),
        "KSamplerPipe //Inspire": NodeType(
            Role.SAMPLE,
            ("latent", "vae"),
            {**LATENT_INPUT, "pipe": "basic_pipe"},
            lost=INSPIRE_LOST,
        ),
        "RandomNoise //Inspire": NodeType(Role.NOISE, ("noise",), {"seed": "noise_seed"}),
        "ScheduledCFGGuider //Inspire": NodeType(
            Role.GUIDER,
            ("guider", "sigmas"),
            {"cfg": "from_cfg"},
            lost=("to_cfg", "schedule"),
        ),
        "WildcardEncode //Inspire": NodeType(
            Role.TAGGED,
            ("model", "clip", "conditioning", "populated_text"),
            inputs=("populated_text",),
        ),
    }
)

CR_SWITCH: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        "CR Text Input Switch": switches("Input", "text1", "text2"),
        "CR Model Input Switch": switches("Input", "model1", "model2"),
        "CR Clip Input Switch": switches("Input", "clip1", "clip2"),
        "CR Latent Input Switch": switches("Input", "latent1", "latent2"),
        "CR Image Input Switch": switches("Input", "image1", "image2"),
        "CR Conditioning Input Switch": switches("Input", "conditioning1", "conditioning2"),
    }
)

COMFYROLL: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        **CR_SWITCH,
        "CR LoRA Stack": NodeType(
            Role.LORA_STACK,
            ("loras", "show_help"),
            {
                "loras": "lora_stack",
                "file": "lora_name_{}",
                "switch": "switch_{}",
                "model_strength": "model_weight_{}",
                "clip_strength": "clip_weight_{}",
            },
        ),
        "CR Apply LoRA Stack": NodeType(
            Role.LORA_LIST, (*BOTH, "show_help"), {"loras": "lora_stack"}, option="stack"
        ),
        "CR Load LoRA": NodeType(Role.LORA, BOTH),
        **dict.fromkeys(
            ("NunchakuFluxLoraLoader", "NunchakuQwenImageLoraLoader"),
            NodeType(Role.LORA, ("model",), {"strength_model": "lora_strength"}),
        ),
        "CR Seed": gives("seed", "show_help"),
        "CR Text": gives("text", "show_help"),
        "CR Prompt Text": gives("prompt", "show_help"),
        "CR Text Concatenate": joins("separator", "text1", "text2"),
        "CR Combine Prompt": joins("separator", "part1", "part2", "part3", "part4"),
        "CR Text Replace": NodeType(Role.REPLACE, ("text", "show_help")),
        **dict.fromkeys(
            ("CR SD1.5 Aspect Ratio", "CR SDXL Aspect Ratio"),
            NodeType(
                Role.EMPTY_LATENT,
                ("width", "height", "upscale_factor", "batch_size", "latent", "show_help"),
                {"dimensions": "aspect_ratio", "invert": "swap_dimensions"},
            ),
        ),
        "CR VAE Decode": NodeType(Role.DECODE, ("image",), {"latent": "samples"}),
        "CR Image Output": saves("images"),
        "CR Apply ControlNet": changes("conditioning"),
        "CR Apply Multi-ControlNet": changes(
            *PROMPT_ENDS, positive="base_positive", negative="base_negative"
        ),
    }
)

OTHERS: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        **dict.fromkeys(("INTConstant", "FloatConstant", "BOOLConstant"), gives("value")),
        **dict.fromkeys(("StringConstant", "StringConstantMultiline"), gives("string")),
        "JoinStrings": joins("delimiter", "string1", "string2"),
        "JoinStringMulti": joins("delimiter", "string_{}"),
        "LazySwitchKJ": switches("switch", "on_true", "on_false"),
        "EmptyLatentImagePresets": NodeType(Role.EMPTY_LATENT, ("latent", "width", "height")),
        "ConditioningMultiCombine": NodeType(
            Role.COMBINE, ("conditioning",), inputs=("conditioning_{}",)
        ),
        "ShowText|pysssss": hands_on("text"),
        "StringFunction|pysssss": NodeType(Role.STRING_FUNCTION, ("text",)),
        "LoraLoaderBlockWeight //Inspire": NodeType(
            Role.LORA, (*BOTH, "vector"), lost=("block_vector", "A", "B")
        ),
        "Lora Loader (LoraManager)": NodeType(
            Role.LORA_LIST, BOTH, {"loras": "lora_stack"}, option="active"
        ),
        "Lora Stacker (LoraManager)": NodeType(
            Role.LORA_STACK, ("loras",), {"loras": "lora_stack"}, option="active"
        ),
        "Prompt (LoraManager)": NodeType(
            Role.ENCODE, ("conditioning", "text"), inputs=("text",), lost=("trigger_words",)
        ),
        "LoraTagLoader": NodeType(Role.TAGGED, BOTH, inputs=("text",)),
        **dict.fromkeys(
            ("PCTextEncode", "PCLazyTextEncode"),
            NodeType(Role.ENCODE, ("conditioning",), inputs=("text",), option="prompt-control"),
        ),
        "PCLazyLoraLoader": changes(*BOTH),
        "WanVideoSampler": NodeType(
            Role.SAMPLE,
            ("latent", "denoised"),
            {
                "pipe": "text_embeds",
                "latent": "image_embeds",
                "sampler_name": "scheduler",
                "scheduler": "",
            },
            lost=("shift", "riflex_freq_index"),
        ),
        "WanVideoTextEncode": NodeType(
            Role.LOADER,
            ("pipe",),
            {"positive": "positive_prompt", "negative": "negative_prompt"},
        ),
        "WanVideoEmptyEmbeds": NodeType(Role.EMPTY_LATENT, ("latent",), lost=("num_frames",)),
        "WanVideoDecode": NodeType(Role.DECODE, ("image",), {"latent": "samples"}),
        "WanVideoModelLoader": loads(("model",), "model"),
        "LoraLoader|pysssss": NodeType(Role.LORA, (*BOTH, "example")),
        "CheckpointLoader|pysssss": loads(("model", "clip", "vae", "example"), "ckpt_name"),
        "Checkpoint Loader with Name (Image Saver)": loads(
            ("model", "clip", "vae", "ckpt_name"), "ckpt_name"
        ),
        "Seed Generator (Image Saver)": gives("seed"),
        "Int Literal (Image Saver)": gives("int"),
        "Float Literal (Image Saver)": gives("float"),
        "String Literal (Image Saver)": gives("string"),
        "Cfg Literal (Image Saver)": gives("cfg"),
        "Width/Height Literal (Image Saver)": gives("size"),
        "Input Parameters (Image Saver)": gives(
            *("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
            sampler_name="sampler",
        ),
        "Sampler Selector (Image Saver)": gives("sampler_name", "sampler_name"),
        "Scheduler Selector (Image Saver)": gives("scheduler", "scheduler"),
        **dict.fromkeys(("Seed Generator", "Seed Everywhere"), gives("seed")),
        "Int Literal": gives("int"),
        "Float Literal": gives("float"),
        "String Literal": gives("string"),
        "Cfg Literal": gives("cfg"),
        "Sampler Selector": gives("sampler_name", "sampler_name"),
        "Scheduler Selector": gives("scheduler", "scheduler"),
        "Text Multiline": gives("text"),
        "Text Multiline (Code Compatible)": gives("text"),
        "Text String": gives("text", "text_b", "text_c", "text_d"),
        "Text to String": hands_on("text"),
        "String to Text": hands_on("string"),
        "Text to Console": hands_on("text"),
        "Text to Conditioning": NodeType(Role.ENCODE, ("conditioning",), inputs=("text",)),
        "Text Concatenate": NodeType(
            Role.JOIN,
            ("text",),
            {"separator": "delimiter", "clean": "clean_whitespace"},
            ("text_a", "text_b", "text_c", "text_d"),
        ),
        "Text Find and Replace": NodeType(Role.REPLACE, ("text",)),
        "Text Find and Replace Input": NodeType(Role.REPLACE, ("text",)),
        "Seed": gives("seed", "seed", "seed", "seed"),
        "KSampler (WAS)": NodeType(Role.SAMPLE, ("latent",), LATENT_INPUT),
        "Latent Upscale by Factor (WAS)": NodeType(
            Role.SCALE, ("latent",), {"latent": "samples"}, option="by"
        ),
        "Image Save": saves("images"),
        **dict.fromkeys(
            (
                *("Image Saver", "Image Saver Simple", "SaveImageWithMetaData", "SaveImagePlus"),
                *("VHS_VideoCombine", "Save image with extra metadata [Crystools]"),
                *("Save Image w/Metadata", "SDPromptSaver", "SaveImageExtended", "easy imageSave"),
            ),
            saves("images", "image"),
        ),
        **dict.fromkeys(
            ("Int", "Integer", "Float", "String", "Bool", "DF_Integer", "DF_Float"),
            hands_on("Value", "value"),
        ),
        "DF_Text": hands_on("Text"),
        "DF_Text_Box": hands_on("Text"),
        "Constant Number": NodeType(Role.FIRST, (ANY, ANY, ANY), inputs=("number",)),
        **dict.fromkeys(("Number to Int", "Number to Float", "Number to Seed"), hands_on("number")),
        "Text _O": gives("text"),
        "Concat Text _O": joins("separator", "text1", "text2"),
        "Replace Text _O": NodeType(Role.REPLACE, ("text",), {"find": "old", "replace": "new"}),
        "seed _O": gives("seed"),
        "int _O": gives("int_"),
        "float _O": gives("float_"),
        "ttN text": gives("text"),
        "ttN int": gives("int", "int", "int"),
        "ttN float": gives("float", "float", "float"),
        "ttN seed": gives("seed"),
        "ttN concat": joins("delimiter", "text1", "text2", "text3"),
        "ttN pipeLoader_v2": NodeType(
            Role.LOADER,
            (
                *("pipe", "model", "positive", "negative", "latent", "vae", "clip", "seed"),
                *("width", "height", "pos_string", "neg_string"),
            ),
            {"loras": "optional_lora_stack", "pos_string": "positive", "neg_string": "negative"},
            lost=("optional_controlnet_stack", "prepend_positive", "prepend_negative"),
        ),
        "ttN pipeKSampler_v2": NodeType(
            Role.SAMPLE,
            ("pipe", "model", "positive", "negative", "latent", "vae", "clip", "image", "seed"),
            {
                "pipe": "pipe",
                "model": "optional_model",
                "positive": "optional_positive",
                "negative": "optional_negative",
                "latent": "optional_latent",
            },
            lost=("lora_name", "upscale_method", "adv_xyPlot", "input_image_override"),
        ),
        "ttN KSampler_v2": NodeType(
            Role.SAMPLE,
            ("model", "positive", "negative", "latent", "vae", "clip", "image", "seed"),
            lost=("lora_name", "upscale_method", "adv_xyPlot", "input_image_override"),
        ),
        "ttN pipeIN": NodeType(
            Role.PIPE,
            ("pipe",),
            {"positive": "pos", "negative": "neg"},
            ("model", "positive", "negative", "latent", "vae", "clip", "image", "seed"),
        ),
        "ttN pipeOUT": NodeType(
            Role.PIPE,
            (*("model", "positive", "negative", "latent", "vae", "clip", "image"), "seed", "pipe"),
            {"pipe": "pipe"},
        ),
        "ttN imageOutput": saves("image"),
        "Switch any [Crystools]": switches("boolean", "on_true", "on_false"),
        **dict.fromkeys(
            (
                *("Primitive string [Crystools]", "Primitive string multiline [Crystools]"),
                *("Primitive integer [Crystools]", "Primitive float [Crystools]"),
            ),
            NodeType(Role.FIRST, (ANY,), inputs=("string", "int", "float", "value")),
        ),
    }
)

MORE_PACK_NODES: Final[Mapping[str, NodeType]] = MappingProxyType({**IMPACT, **COMFYROLL, **OTHERS})
"""Types by the class names of nodes."""
