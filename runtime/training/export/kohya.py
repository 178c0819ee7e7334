"""Tensors of trained layers in the layout of kohya-ss/sd-scripts and LyCORIS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from promptlang.plan.training_config import Lora

from ...adapters.ldm_keys import ldm_names
from ...models.loader import BaseModel
from ...models.networks import add_text_model_prefix
from ..peft_layers import ADAPTER_NAME, PeftLayer

Tensors = dict[str, Tensor]


def module_names(base: BaseModel, component: str, modules: Iterable[str]) -> dict[str, str]:
    """Return kohya's names of modules by diffusers'; SDXL's UNet has those of its original code."""
    two = len(base.family.text_encoder_specs) > 1
    if component == "unet":
        original = ldm_names(base.unet) if two else {}
        return {
            module: f"lora_unet_{original.get(module, module).replace('.', '_')}"
            for module in modules
        }
    first = "lora_te1_" if two else "lora_te_"
    prefix = "lora_te2_" if component == "text_encoder_2" else first
    return {module: prefix + add_text_model_prefix(module).replace(".", "_") for module in modules}


def layer_tensors(
    names: Mapping[str, str], layers: Mapping[str, PeftLayer], method: Lora
) -> Tensors:
    """Return the tensors of layers with the alpha at which strength 1 is the trained state."""
    return {
        f"{names[module]}.{role}": tensor.detach().clone().contiguous()
        for module, layer in layers.items()
        for role, tensor in _roles(layer, method).items()
    }


def _roles(layer: PeftLayer, method: Lora) -> Tensors:
    match method.algo:
        case "loha":
            roles = _named(layer, "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
            return {**roles, "alpha": torch.tensor(method.alpha)}
        case "lokr":
            return _kronecker(layer, method)
        case _:
            return _low_rank(layer, method)


def _low_rank(layer: PeftLayer, method: Lora) -> Tensors:
    """Return the tensors of LoRA or DoRA.

    Readers scale by alpha / rank, so the alpha of a rank-stabilised LoRA is multiplied by √rank.
    """
    alpha = method.alpha * (method.rank**0.5 if method.rank_stabilised else 1.0)
    down, up = layer.lora_A[ADAPTER_NAME].weight, layer.lora_B[ADAPTER_NAME].weight
    roles = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(alpha)}
    if method.algo == "dora":
        magnitude = layer.lora_magnitude_vector[ADAPTER_NAME].weight
        roles["dora_scale"] = magnitude.reshape(-1, *[1] * (down.dim() - 1))
    return roles


def _kronecker(layer: PeftLayer, method: Lora) -> Tensors:
    """Return the tensors of LoKr.

    Readers do not scale the product of two full matrices: the first one has the scale in it.
    """
    roles = _named(layer, "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b")
    if "lokr_w1" in roles and "lokr_w2" in roles:
        roles["lokr_w1"] = roles["lokr_w1"] * (method.alpha / method.rank)
        return {**roles, "alpha": torch.tensor(float(method.rank))}
    return {**roles, "alpha": torch.tensor(method.alpha)}


def _named(layer: PeftLayer, *names: str) -> Tensors:
    return {
        name: getattr(layer, name)[ADAPTER_NAME]
        for name in names
        if ADAPTER_NAME in getattr(layer, name)
    }
