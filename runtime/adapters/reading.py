"""A LoRA's file to a LoRA that fits, or to a diagnostic: never half of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from promptlang import diagnostics
from promptlang.diagnostics import PromptError
from promptlang.plan import Adapter
from promptlang.source import Span

from ..models import BaseModel
from .layouts import Place, family, kind, places, sort
from .lora import Lora, LowRank


def read(adapter: Adapter, base: BaseModel, span: Span) -> Lora:
    """Load a LoRA for a model; raises `PromptError` unless every tensor in the file finds its module."""
    tensors, metadata = _load(adapter.file, span)
    found = _located(adapter.file, tensors, base, span)
    alphas = _Alphas(metadata)
    parts: dict[str, dict[str, LowRank]] = {"unet": {}, "text_encoder": {}}
    for place, keys in found.items():
        module = getattr(base, place.part).get_submodule(place.module)
        tensor = {role: tensors[key] for role, key in keys.items()}
        change = _change(tensor, module, alphas.of(place))
        if change is None:
            raise PromptError([diagnostics.lora_shape_differs(adapter.file, place.module, base.name, span)])
        if not all(torch.isfinite(each).all() for each in (change.down, change.up)):
            raise PromptError([diagnostics.lora_not_finite(adapter.file, place.module, span)])
        parts[place.part][place.module] = change
    return Lora(adapter.name, sha256(adapter.file), **parts)


def sha256(file: Path) -> str:
    """Of a safetensors file's tensors, without its header."""
    with file.open("rb") as stream:
        stream.seek(8 + int.from_bytes(stream.read(8), "little"))
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _load(file: Path, span: Span) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    try:
        with file.open("rb") as stream:
            beginning = stream.read(2)
    except OSError as error:
        raise PromptError([diagnostics.lora_missing(file, span)]) from error
    if beginning in (b"PK", b"\x80\x02"):
        raise PromptError([diagnostics.lora_is_a_pickle(file, span)])
    try:
        with safe_open(str(file), "pt") as opened:
            return {key: opened.get_tensor(key) for key in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise PromptError([diagnostics.lora_damaged(file, span)]) from error


def _located(file: Path, tensors: Mapping[str, Tensor], base: BaseModel, span: Span) -> dict[Place, dict[str, str]]:
    """Where each tensor belongs; raises `PromptError` if that is nowhere for a single one."""
    known = places({"unet": base.unet, "text_encoder": base.text_encoder})
    found, strange = sort(tensors, known)
    if found and not strange:
        return found
    if other := kind(tensors):
        problem = diagnostics.lora_of_another_kind(file, other, span)
    elif other := family(strange):
        problem = diagnostics.lora_of_another_family(file, other, base.name, span)
    else:
        problem = diagnostics.lora_does_not_fit(file, base.name, (len(found), len(found) + len(strange)), span)
    raise PromptError([problem])


def _change(tensor: Mapping[str, Tensor], module: nn.Module, alpha: float | None) -> LowRank | None:
    """The module's change in fp32; None where the tensors are not of its shape."""
    if not {"down", "up"} <= tensor.keys():
        return None
    down, up = tensor["down"].float(), tensor["up"].float()
    rank = down.shape[0] if down.dim() else 0
    wanted = (rank, *module.weight.shape[1:]), (module.weight.shape[0], rank, *[1] * (module.weight.dim() - 2))
    with suppress(RuntimeError):
        down, up = _same_rank(down, len(wanted[0])), _same_rank(up, len(wanted[1]))
    if not rank or (tuple(down.shape), tuple(up.shape)) != wanted:
        return None
    if "alpha" in tensor:
        alpha = float(tensor["alpha"])
    return LowRank(down.contiguous(), up.contiguous(), float(rank) if alpha is None else alpha)


def _same_rank(weight: Tensor, dimensions: int) -> Tensor:
    """A linear layer's weight may be stored as a convolution's of size 1, and the other way round."""
    if dimensions == 2 and weight.dim() == 4 and weight.shape[2:] == (1, 1):
        return weight[:, :, 0, 0]
    if dimensions == 4 and weight.dim() == 2:
        return weight[:, :, None, None]
    return weight


class _Alphas:
    """What diffusers writes into the header; kohya's layout has a tensor a module instead."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._config: Mapping[str, Any] = {}
        with suppress(ValueError):
            self._config = json.loads(metadata.get("lora_adapter_metadata", "{}"))

    def of(self, place: Place) -> float | None:
        """The module's alpha; None if it is not told."""
        pattern = self._config.get(f"{place.part}.alpha_pattern") or {}
        return pattern.get(place.module, self._config.get(f"{place.part}.lora_alpha"))
