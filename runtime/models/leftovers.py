"""Tensors of a file that no part of the model takes: harmless by a reason, or telling its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import torch
from torch import Tensor

from .quantisation import ACTIVATION_SCALES, SCALES

_BUFFERS: Final = (
    r"betas|(?:sqrt_|sqrt_one_minus_|log_one_minus_|sqrt_recip_|sqrt_recipm1_)?alphas_cumprod"
    r"|alphas_cumprod_prev|posterior_\w+|lvlb_weights|logvar|scale_factor"
)

HARMLESS: Final[Mapping[re.Pattern[str], str]] = {
    re.compile(rf"^(?:model\.)?(?:{_BUFFERS})$"): "numbers of the noise schedule",
    re.compile(r"^denoiser\.(?:sigmas|log_sigmas)$"): "noise levels of the noise schedule",
    re.compile(r"^model_ema\.|^ema\.|^unet_ema\."): "a running average beside the UNet",
    re.compile(r"^first_stage_model\.(?:loss|model_ema)\.|^loss\."): "the VAE's training",
    re.compile(r"\.(?:embeddings\.)?position_ids$|\.attn_mask$"): "constants of a text encoder",
    re.compile(
        r"^(?:cond_stage_model|conditioner\.embedders\.\d)\.(?:\w+\.)*"
        r"(?:logit_scale|text_projection(?:\.weight)?)$"
    ): "a text encoder's output for pictures",
    re.compile(
        r"^(?:cond_stage_model|conditioner\.embedders\.\d)\.(?:\w+\.)*(?:vision_model|visual)\."
    ): ("the half of CLIP for pictures"),
    re.compile(r"^cond_stage_model\.model\.transformer\.resblocks\.\d+\."): (
        "the text encoder's last layer, which Stable Diffusion 2 leaves out"
    ),
    re.compile(r"^safety_checker\."): "the safety checker",
    re.compile(
        r"^(?:optimizer_states|optimizer|lr_schedulers|callbacks|loops|hparams|hyper_parameters"
        r"|amp_scaling_state|native_amp_scaling_state)(?:\.|$)"
    ): "the state of a training",
    re.compile(r"^(?:global_step|epoch|iteration|step)$"): "the state of a training",
    re.compile(r"^(?:v_pred|ztsnr|edm_vpred\.sigma_(?:max|min))$"): "the kind of prediction",
    ACTIVATION_SCALES: "scales of the inputs of layers",
}
"""Why tensors may be left over, by the pattern of their keys."""

TELLING: Final[Mapping[re.Pattern[str], str]] = {
    re.compile(r"time_embed\.cond_proj|time_embedding\.cond_proj"): (
        "an LCM (a model distilled to few steps, whose UNet reads the guidance scale)"
    ),
    re.compile(r"motion_modules?\.|temporal_transformer|time_stack"): (
        "a model with motion modules (AnimateDiff)"
    ),
    re.compile(r"control_model|controlnet|input_hint_block|zero_convs"): (
        "a model with a ControlNet in it"
    ),
    re.compile(r"ip_adapter|image_proj|to_k_ip"): "a model with an IP-Adapter in it",
    re.compile(r"\.fuser\.|position_net"): "GLIGEN",
    re.compile(r"noise_augmentor|embedder\.model\."): "Stable Diffusion 2 unCLIP",
    re.compile(r"depth_model|depth_stage_key"): "Stable Diffusion 2 for depth",
    re.compile(r"low_scale_model"): "Stable Diffusion's upscaler",
    re.compile(r"lora_(?:up|down|unet|te)|lora_[AB]|hada_w|lokr_w"): "a model with a LoRA in it",
    re.compile(r"^bundle_emb\.|emb_params|string_to_param"): "a model with an embedding in it",
    re.compile(r"label_emb"): "a model whose UNet reads labels, as unCLIP's",
}
"""Kinds of models by the keys that are left over in them; the first that fits is named."""


def unexplained(left: Iterable[str]) -> Iterator[str]:
    """Yield the keys that no reason in `HARMLESS` covers."""
    for key in left:
        if not any(pattern.search(key) for pattern in HARMLESS):
            yield key


def telling_kind(key: str) -> str | None:
    """Return the kind of model that a left-over key tells, if it is known."""
    if key.endswith(SCALES):
        return None
    return next((kind for pattern, kind in TELLING.items() if pattern.search(key)), None)


def wrong_number(tensors: Mapping[str, Tensor], scheduler: Mapping[str, Any], vae: Any) -> str:
    """Return the key of a constant of the noise schedule or VAE that is not the family's.

    Files of the first tools hold the constants beside the weights. Cumulated products whose last
    one is zero are the family's, rescaled to zero terminal SNR, and pass.
    """
    factor = tensors.get("scale_factor")
    if factor is not None and factor.numel() == 1:
        stated = float(factor)
        if abs(stated - float(vae)) > 1e-4 * abs(stated):
            return "scale_factor"
    products = tensors.get("alphas_cumprod")
    if products is None or has_zero_terminal_snr(tensors):
        return ""
    count = int(scheduler["num_train_timesteps"])
    start, end = scheduler["beta_start"] ** 0.5, scheduler["beta_end"] ** 0.5
    betas = torch.linspace(start, end, count, dtype=torch.float64) ** 2
    own = torch.cumprod(1 - betas, 0)
    same = products.shape == own.shape and torch.allclose(products.double(), own, atol=1e-3)
    return "" if same else "alphas_cumprod"


def has_zero_terminal_snr(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether the file's cumulated products end in nothing but noise."""
    products = tensors.get("alphas_cumprod")
    if products is None or products.dim() != 1 or not products.numel():
        return False
    return bool(products[-1].double().abs() < 1e-6)
