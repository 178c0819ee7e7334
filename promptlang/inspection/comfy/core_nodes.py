"""Node types of ComfyUI itself: nodes.py and the modules of comfy_extras."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.node_types import ANY, NodeType, Role

LATENT_INPUT: Final = MappingProxyType({"latent": "latent_image"})
ADVANCED_NAMES: Final = MappingProxyType({"latent": "latent_image", "seed": "noise_seed"})


def changes(*outputs: str, **names: str) -> NodeType:
    """Return a type whose outputs are inputs that it changes, named as lost."""
    return NodeType(Role.THROUGH, outputs, names)


def hands_on(*inputs: str) -> NodeType:
    """Return a type that changes nothing."""
    return NodeType(Role.FIRST, (ANY,), inputs=inputs)


def loads(outputs: tuple[str, ...], *files: str) -> NodeType:
    """Return a type that loads a model, or parts of one."""
    return NodeType(Role.CHECKPOINT, outputs, inputs=files)


def encodes(*texts: str, lost: tuple[str, ...] = ()) -> NodeType:
    """Return a type that encodes texts for one prompt, the main one first."""
    return NodeType(
        Role.ENCODE, ("conditioning",), inputs=texts, lost=lost, defaults={"crop_w": 0, "crop_h": 0}
    )


def schedules(name: str = "", **lost: float) -> NodeType:
    """Return a type of noise levels, with the inputs that a scheduler's name does not say."""
    return NodeType(Role.SIGMAS, ("sigmas",), option=name, lost=tuple(lost), defaults=lost)


def samples_with(name: str, *outputs: str, **lost: str | float) -> NodeType:
    """Return a type of sampler with options, which are named unless they are the usual ones."""
    return NodeType(
        Role.SAMPLER, outputs or ("sampler",), option=name, lost=tuple(lost), defaults=lost
    )


def empty(*outputs: str, **names: str) -> NodeType:
    """Return a type of empty latents."""
    return NodeType(Role.EMPTY_LATENT, outputs or ("latent",), names)


CONTROL_NET: Final = changes("positive", "negative")
ANCESTRAL: Final[Mapping[str, float]] = MappingProxyType({"eta": 1.0, "s_noise": 1.0})

SAMPLING: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        "KSampler": NodeType(Role.SAMPLE, ("latent",), LATENT_INPUT),
        "KSamplerAdvanced": NodeType(Role.SAMPLE, ("latent",), ADVANCED_NAMES),
        "SamplerCustom": NodeType(
            Role.SAMPLE, ("latent", "denoised"), ADVANCED_NAMES, option="custom"
        ),
        "SamplerCustomAdvanced": NodeType(
            Role.SAMPLE, ("latent", "denoised"), LATENT_INPUT, option="guider"
        ),
        "BasicGuider": NodeType(
            Role.GUIDER, ("guider",), {"positive": "conditioning"}, option="basic"
        ),
        "CFGGuider": NodeType(Role.GUIDER, ("guider",)),
        "DualCFGGuider": NodeType(
            Role.GUIDER,
            ("guider",),
            {"positive": "cond1", "cfg": "cfg_conds"},
            lost=("cond2", "cfg_cond2_negative", "style"),
            defaults={"style": "regular"},
        ),
        "PerpNegGuider": NodeType(
            Role.GUIDER, ("guider",), lost=("empty_conditioning", "neg_scale")
        ),
        "BasicScheduler": NodeType(Role.SIGMAS, ("sigmas",)),
        "KarrasScheduler": schedules("karras", sigma_max=14.614642, sigma_min=0.0291675, rho=7.0),
        "ExponentialScheduler": schedules("exponential", sigma_max=14.614642, sigma_min=0.0291675),
        "PolyexponentialScheduler": NodeType(
            Role.SIGMAS, ("sigmas",), lost=("sigma_max", "sigma_min", "rho")
        ),
        "LaplaceScheduler": NodeType(
            Role.SIGMAS, ("sigmas",), lost=("sigma_max", "sigma_min", "mu", "beta")
        ),
        "VPScheduler": NodeType(Role.SIGMAS, ("sigmas",), lost=("beta_d", "beta_min", "eps_s")),
        "BetaSamplingScheduler": NodeType(Role.SIGMAS, ("sigmas",), lost=("alpha", "beta")),
        "SDTurboScheduler": schedules(),
        "AlignYourStepsScheduler": NodeType(Role.SIGMAS, ("sigmas",), lost=("model_type",)),
        "GITSScheduler": NodeType(Role.SIGMAS, ("sigmas",), lost=("coeff",)),
        "OptimalStepsScheduler": NodeType(Role.SIGMAS, ("sigmas",), lost=("model_type",)),
        "LTXVScheduler": NodeType(
            Role.SIGMAS, ("sigmas",), lost=("max_shift", "base_shift", "stretch", "terminal")
        ),
        "Flux2Scheduler": NodeType(Role.SIGMAS, ("sigmas",), lost=("width", "height")),
        "ManualSigmas": NodeType(Role.SIGMAS, ("sigmas",), lost=("sigmas",)),
        "SplitSigmas": NodeType(Role.SPLIT_SIGMAS, ("high_sigmas", "low_sigmas")),
        "SplitSigmasDenoise": NodeType(
            Role.SPLIT_SIGMAS, ("high_sigmas", "low_sigmas"), option="share"
        ),
        "FlipSigmas": changes("sigmas"),
        "SetFirstSigma": changes("sigmas"),
        "ExtendIntermediateSigmas": changes("sigmas"),
        "KSamplerSelect": NodeType(Role.SAMPLER, ("sampler",)),
        "SamplerEulerAncestral": samples_with("euler_ancestral", **ANCESTRAL),
        "SamplerEulerAncestralCFGPP": samples_with("euler_ancestral_cfg_pp", **ANCESTRAL),
        "SamplerEulerCFGpp": samples_with("euler_cfg_pp"),
        "SamplerDPMPP_2S_Ancestral": samples_with("dpmpp_2s_ancestral", **ANCESTRAL),
        "SamplerDPMPP_SDE": samples_with("dpmpp_sde", r=0.5, **ANCESTRAL),
        "SamplerDPMPP_2M_SDE": samples_with("dpmpp_2m_sde", solver_type="midpoint", **ANCESTRAL),
        "SamplerDPMPP_3M_SDE": samples_with("dpmpp_3m_sde", **ANCESTRAL),
        "SamplerLMS": samples_with("lms", order=4),
        "SamplerER_SDE": NodeType(Role.SAMPLER, ("sampler",), option="er_sde"),
        "SamplerSASolver": NodeType(Role.SAMPLER, ("sampler",), option="sa_solver"),
        "SamplerDPMAdaptative": NodeType(Role.SAMPLER, ("sampler",), option="dpm_adaptive"),
        "SamplerLCMUpscale": samples_with("lcm", scale_ratio=1.0, scale_steps=-1),
        "RandomNoise": NodeType(Role.NOISE, ("noise",), {"seed": "noise_seed"}),
        "DisableNoise": NodeType(Role.NOISE, ("noise",), option="none"),
    }
)

PROMPTS: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        "CLIPTextEncode": encodes("text"),
        "CLIPTextEncodeSDXL": encodes("text_g", "text_l", lost=("crop_w", "crop_h")),
        "CLIPTextEncodeSDXLRefiner": encodes("text", lost=("ascore",)),
        "CLIPTextEncodeFlux": encodes("t5xxl", "clip_l", lost=("guidance",)),
        "CLIPTextEncodeSD3": encodes("clip_g", "clip_l", "t5xxl", lost=("empty_padding",)),
        "CLIPTextEncodeHunyuanDiT": encodes("bert", "mt5xl"),
        "CLIPTextEncodePixArtAlpha": encodes("text"),
        "CLIPTextEncodeHiDream": encodes("llama", "t5xxl", "clip_g", "clip_l"),
        "CLIPTextEncodeLumina2": encodes("user_prompt", lost=("system_prompt",)),
        "TextEncodeQwenImageEdit": encodes("prompt", lost=("image",)),
        "TextEncodeQwenImageEditPlus": encodes("prompt", lost=("image1", "image2", "image3")),
        "ConditioningCombine": NodeType(
            Role.COMBINE, ("conditioning",), inputs=("conditioning_1", "conditioning_2")
        ),
        "ConditioningConcat": NodeType(
            Role.CONCAT, ("conditioning",), inputs=("conditioning_to", "conditioning_from")
        ),
        "ConditioningAverage": NodeType(Role.AVERAGE, ("conditioning",)),
        "ConditioningSetArea": NodeType(Role.AREA, ("conditioning",), option="pixels"),
        "ConditioningSetAreaPercentage": NodeType(Role.AREA, ("conditioning",), option="fractions"),
        "ConditioningSetAreaStrength": NodeType(Role.AREA, ("conditioning",)),
        "ConditioningZeroOut": NodeType(Role.ZERO, ("conditioning",)),
        "ConditioningSetMask": changes("conditioning"),
        "ConditioningSetTimestepRange": changes("conditioning"),
        "ConditioningSetDefaultCombine": changes("conditioning", conditioning="cond"),
        "ConditioningSetProperties": changes("conditioning", conditioning="cond_NEW"),
        "FluxGuidance": changes("conditioning"),
        "FluxDisableGuidance": changes("conditioning"),
        "ReferenceLatent": changes("conditioning"),
        "FluxKontextMultiReferenceLatentMethod": changes("conditioning"),
        "unCLIPConditioning": changes("conditioning"),
        "StyleModelApply": changes("conditioning"),
        "GLIGENTextBoxApply": changes("conditioning", conditioning="conditioning_to"),
        "ControlNetApply": changes("conditioning"),
        "ControlNetApplyAdvanced": CONTROL_NET,
        "ControlNetApplySD3": CONTROL_NET,
        "ControlNetInpaintingAliMamaApply": CONTROL_NET,
        "SD_4XUpscale_Conditioning": changes("positive", "negative", "latent"),
        "PairConditioningSetProperties": changes(
            "positive", "negative", positive="positive_NEW", negative="negative_NEW"
        ),
        "InpaintModelConditioning": changes("positive", "negative", "latent", latent="pixels"),
        "InstructPixToPixConditioning": changes("positive", "negative", "latent", latent="pixels"),
    }
)

MODELS: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        "CheckpointLoaderSimple": loads(("model", "clip", "vae"), "ckpt_name"),
        "CheckpointLoader": loads(("model", "clip", "vae"), "ckpt_name"),
        "unCLIPCheckpointLoader": loads(("model", "clip", "vae", "clip_vision"), "ckpt_name"),
        "ImageOnlyCheckpointLoader": loads(("model", "clip_vision", "vae"), "ckpt_name"),
        "DiffusersLoader": loads(("model", "clip", "vae"), "model_path"),
        "UNETLoader": loads(("model",), "unet_name"),
        "UnetLoaderGGUF": loads(("model",), "unet_name"),
        "UnetLoaderGGUFAdvanced": loads(("model",), "unet_name"),
        "CLIPLoader": loads(("clip",), "clip_name"),
        "CLIPLoaderGGUF": loads(("clip",), "clip_name"),
        "DualCLIPLoader": loads(("clip",), "clip_name1", "clip_name2"),
        "DualCLIPLoaderGGUF": loads(("clip",), "clip_name1", "clip_name2"),
        "TripleCLIPLoader": loads(("clip",), "clip_name1", "clip_name2", "clip_name3"),
        "VAELoader": loads(("vae",), "vae_name"),
        "LoraLoader": NodeType(Role.LORA, ("model", "clip")),
        "LoraLoaderModelOnly": NodeType(Role.LORA, ("model",)),
        "LoraModelLoader": NodeType(Role.LORA, ("model",)),
        "CLIPSetLastLayer": NodeType(Role.CLIP_SKIP, ("clip",)),
        **dict.fromkeys(
            (
                *("FreeU", "FreeU_V2", "HyperTile", "TomePatchModel", "PatchModelAddDownscale"),
                *("ModelSamplingDiscrete", "ModelSamplingContinuousEDM", "ModelSamplingFlux"),
                *("ModelSamplingContinuousV", "ModelSamplingStableCascade", "ModelSamplingSD3"),
                *(
                    "ModelSamplingAuraFlow",
                    "ModelSamplingLTXV",
                    "RescaleCFG",
                    "SkipLayerGuidanceSD3",
                ),
                *("PerturbedAttentionGuidance", "SelfAttentionGuidance", "DifferentialDiffusion"),
                *("DynamicThresholdingFull", "DynamicThresholdingSimple", "PerpNeg", "CFGNorm"),
                *("ModelComputeDtype", "TorchCompileModel", "IPAdapterApply", "IPAdapterAdvanced"),
                *(
                    "LoraSave",
                    "HypernetworkLoader",
                    "EasyCache",
                    "LazyCache",
                    "CFGZeroStar",
                    "Epsilon",
                ),
            ),
            changes("model"),
        ),
        "IPAdapter": changes("model"),
        "IPAdapterUnifiedLoader": changes("model", "ipadapter"),
        "ModelMergeSimple": changes("model", model="model1"),
        "ModelMergeBlocks": changes("model", model="model1"),
        "ModelMergeAdd": changes("model", model="model1"),
        "ModelMergeSubtract": changes("model", model="model1"),
        "CLIPMergeSimple": changes("clip", clip="clip1"),
        "ReplacePatch": changes("model"),
    }
)

PICTURES: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("EmptyLatentImage", "EmptySD3LatentImage", "EmptyHunyuanLatentVideo"),
                *("EmptyMochiLatentVideo", "EmptyLTXVLatentVideo", "EmptyCosmosLatentVideo"),
                *(
                    "EmptyHunyuanImageLatent",
                    "EmptyFlux2LatentImage",
                    "EmptyChromaRadianceLatentImage",
                ),
                "EmptyQwenImageLayeredLatentImage",
            ),
            empty(),
        ),
        "VAEDecode": NodeType(Role.DECODE, ("image",), {"latent": "samples"}),
        "VAEDecodeTiled": NodeType(Role.DECODE, ("image",), {"latent": "samples"}),
        "VAEEncode": NodeType(Role.IMAGE_LATENT, ("latent",), {"image": "pixels"}),
        "VAEEncodeTiled": NodeType(Role.IMAGE_LATENT, ("latent",), {"image": "pixels"}),
        "VAEEncodeForInpaint": NodeType(
            Role.IMAGE_LATENT, ("latent",), {"image": "pixels"}, option="inpaint"
        ),
        "SetLatentNoiseMask": changes("latent", latent="samples"),
        "LatentUpscale": NodeType(Role.SCALE, ("latent",), {"latent": "samples"}, option="to"),
        "LatentUpscaleBy": NodeType(
            Role.SCALE, ("latent",), {"latent": "samples", "factor": "scale_by"}, option="by"
        ),
        "ImageScale": NodeType(Role.SCALE, ("image",), option="to"),
        "ImageScaleBy": NodeType(Role.SCALE, ("image",), {"factor": "scale_by"}, option="by"),
        "ImageScaleToTotalPixels": NodeType(Role.SCALE, ("image",)),
        "ImageScaleToMaxDimension": NodeType(Role.SCALE, ("image",)),
        "ImageUpscaleWithModel": NodeType(Role.SCALE, ("image",)),
        "LatentFromBatch": changes("latent", latent="samples"),
        "RepeatLatentBatch": changes("latent", latent="samples"),
        "LatentComposite": changes("latent", latent="samples_to"),
        "LatentCompositeMasked": changes("latent", latent="destination"),
        "LatentBlend": changes("latent", latent="samples1"),
        "LatentRotate": changes("latent", latent="samples"),
        "LatentFlip": changes("latent", latent="samples"),
        "LatentCrop": changes("latent", latent="samples"),
        "InjectNoise": changes("latent", latent="samples"),
        "ImageCrop": changes("image"),
        "ImageInvert": changes("image"),
        "ImageSharpen": changes("image"),
        "ImageBlur": changes("image"),
        "ImageQuantize": changes("image"),
        "ImageBlend": changes("image", image="image1"),
        "ImageCompositeMasked": changes("image", image="destination"),
        "ImagePadForOutpaint": changes("image"),
        "ImageBatch": changes("image", image="image1"),
        "ImageFromBatch": changes("image"),
        "LoadImage": NodeType(Role.PICTURE, ("image", "mask")),
        "LoadImageOutput": NodeType(Role.PICTURE, ("image", "mask")),
        "LoadImageMask": NodeType(Role.PICTURE, ("mask",)),
        **dict.fromkeys(
            ("SaveImage", "SaveAnimatedWEBP", "SaveAnimatedPNG", "SaveImageWebsocket", "SaveWEBM"),
            NodeType(Role.OUTPUT, inputs=("images",)),
        ),
        "PreviewImage": NodeType(Role.OUTPUT, inputs=("images",), option="preview"),
    }
)

VALUES: Final[Mapping[str, NodeType]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("PrimitiveInt", "PrimitiveFloat", "PrimitiveString", "PrimitiveBoolean"),
                *("PrimitiveStringMultiline", "PrimitiveNode"),
            ),
            NodeType(Role.VALUE, ("value",)),
        ),
        "StringConcatenate": NodeType(
            Role.JOIN, ("text",), {"separator": "delimiter"}, ("string_a", "string_b")
        ),
        "StringReplace": NodeType(Role.REPLACE, ("text",), {"text": "string"}),
        "StringTrim": NodeType(Role.CHANGE, ("text",), {"text": "string"}),
        "CaseConverter": NodeType(Role.CHANGE, ("text",), {"text": "string"}),
        "PreviewAny": hands_on("source"),
        "Reroute": hands_on("value", ""),
        "ComfySwitchNode": NodeType(
            Role.SWITCH, (ANY,), {"select": "switch"}, ("on_true", "on_false")
        ),
    }
)

CORE_NODES: Final[Mapping[str, NodeType]] = MappingProxyType(
    {**SAMPLING, **PROMPTS, **MODELS, **PICTURES, **VALUES}
)
"""Types by the class names of nodes."""
