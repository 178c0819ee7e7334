"""PEFT's layers as the tensors of a file in the layout of kohya's and LyCORIS' tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor

from promptlang.plan.training_config import Lora

from ...adapters.ldm_keys import ldm_names
from ...models.loader import BaseModel
from ...models.networks import add_text_model_prefix
from ..peft_layers import ADAPTER_NAME

Tensors = dict[str, Tensor]


def module_names(base: BaseModel, part: str, modules: Iterable[str]) -> dict[str, str]:
    """What the modules of a part are called there; of a model with two text encoders as its authors call them."""
    two = len(base.family.text_encoder_specs) > 1
    if part == "unet":
        original = ldm_names(base.unet) if two else {}
        return {
            module: f"lora_unet_{original.get(module, module).replace('.', '_')}"
            for module in modules
        }
    start = "lora_te2_" if part == "text_encoder_2" else "lora_te1_" if two else "lora_te_"
    return {module: start + add_text_model_prefix(module).replace(".", "_") for module in modules}


def layer_tensors(
    called: Mapping[str, str], layers: Mapping[str, BaseTunerLayer], method: Lora
) -> Tensors:
    """Every layer's tensors, and the alpha at which strength 1 is what was trained."""
    return {
        f"{called[module]}.{role}": tensor.detach().clone().contiguous()
        for module, layer in layers.items()
        for role, tensor in _roles(layer, method).items()
    }


def _roles(layer: BaseTunerLayer, method: Lora) -> Tensors:
    match method.algo:
        case "loha":
            roles = _named(layer, "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
            return {**roles, "alpha": torch.tensor(method.alpha)}
        case "lokr":
            return _kronecker(layer, method)
        case _:
            return _low_rank(layer, method)


def _low_rank(layer: BaseTunerLayer, method: Lora) -> Tensors:
    """Readers scale by alpha / rank, so that alpha grows by √rank where it was alpha / √rank."""
    alpha = method.alpha * (method.rank**0.5 if method.rank_stabilised else 1.0)
    down, up = layer.lora_A[ADAPTER_NAME].weight, layer.lora_B[ADAPTER_NAME].weight
    roles = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(alpha)}
    if method.algo == "dora":
        one = [1] * (down.dim() - 1)
        roles["dora_scale"] = layer.lora_magnitude_vector[ADAPTER_NAME].weight.reshape(-1, *one)
    return roles


def _kronecker(layer: BaseTunerLayer, method: Lora) -> Tensors:
    """Readers do not scale the product of two whole matrices: there the scale goes into the first one."""
    roles = _named(layer, "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b")
    if "lokr_w1" in roles and "lokr_w2" in roles:
        roles["lokr_w1"] = roles["lokr_w1"] * (method.alpha / method.rank)
        return {**roles, "alpha": torch.tensor(float(method.rank))}
    return {**roles, "alpha": torch.tensor(method.alpha)}


def _named(layer: BaseTunerLayer, *names: str) -> Tensors:
    return {
        name: getattr(layer, name)[ADAPTER_NAME]
        for name in names
        if ADAPTER_NAME in getattr(layer, name)
    }
