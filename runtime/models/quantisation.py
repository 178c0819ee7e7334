"""Quantised files: scaled fp8 is multiplied out exactly, every other kind is named.

Scaled fp8 stores a weight as `stored · scale`, the scale beside the weight under one of
`SCALES`; ComfyUI, kohya's musubi-tuner and llm-compressor write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from promptlang.files import UnreadableFileError, as_object, as_text, parse_json

SCALES: Final = (".scale_weight", ".weight_scale")
"""Endings of the scale of a weight, in the place of ``.weight``."""

PLAIN_DTYPES: Final = frozenset({torch.float64, torch.float32, torch.float16, torch.bfloat16})
FP8_DTYPES: Final = frozenset(
    {torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz}
)

ACTIVATION_SCALES: Final = re.compile(
    r"(?:^|\.)(?:scaled_fp8|scale_input|input_scale|comfy_quant)$"
)
"""Keys that matter only to a multiplication in fp8: weights are multiplied out here instead."""

QUANTISED_KEYS: Final[Mapping[re.Pattern[str], str]] = {
    re.compile(r"\.quant_state\.bitsandbytes__nf4$"): "bitsandbytes (nf4)",
    re.compile(r"\.quant_state\.bitsandbytes__fp4$"): "bitsandbytes (fp4)",
    re.compile(r"\.(?:absmax|quant_map|nested_absmax|nested_quant_map)$"): "bitsandbytes (4 bits)",
    re.compile(r"\.(?:SCB|weight_format)$"): "bitsandbytes (int8)",
    re.compile(r"\.(?:wscales|smooth_factor|smooth_orig|smooth)$"): "SVDQuant",
    re.compile(r"\.g_idx$"): "GPTQ",
    re.compile(r"\.(?:qweight|qzeros)$"): "GPTQ or AWQ",
    re.compile(r"\.weight_packed$"): "compressed-tensors",
    re.compile(r"(?:\._data|\._scale|\._shift)$"): "quanto",
    re.compile(r"weight_(?:qdata|zero_point)$|tensor_impl"): "torchao",
    re.compile(r"\.weight_scale_2$"): "NVFP4",
    re.compile(r"\.weight_scale_inv$"): "fp8 in blocks",
    re.compile(r"\.(?:zero_point|zero_points)$"): "whole numbers with zero points",
}
"""Kinds of quantisation by the keys that only they have; the first that fits is named."""

METHODS: Final[Mapping[str, str]] = {
    "bitsandbytes": "bitsandbytes",
    "bitsandbytes_4bit": "bitsandbytes (4 bits)",
    "bitsandbytes_8bit": "bitsandbytes (int8)",
    "gguf": "GGUF",
    "torchao": "torchao",
    "quanto": "quanto",
    "gptq": "GPTQ",
    "awq": "AWQ",
    "svdquant": "SVDQuant",
}
"""Names of the `quant_method` in a component's configuration."""

HEADER_KEY: Final = "_quantization_metadata"
"""ComfyUI's record, in a file's metadata, of the format of each layer."""


class QuantisedError(ValueError):
    """Weights in a quantisation that is not read; the message is its name."""


@dataclass(frozen=True, eq=False, slots=True)
class Quantisation:
    """The scales of a file's weights."""

    scales: Mapping[str, tuple[str, Tensor]] = field(default_factory=dict)
    """The key of the scale and the scale itself, by the key of the weight."""

    def scale(self, key: str, weight: Tensor) -> Tensor | None:
        """Return a weight's scale in a shape that broadcasts, or None for a plain weight.

        Raises `QuantisedError` for a scale that is not of the whole weight or of its rows.
        """
        if key not in self.scales:
            return None
        name, scale = self.scales[key]
        if scale.numel() == 1:
            return scale.reshape(())
        rows = weight.shape[0] if weight.dim() else 0
        if scale.numel() == rows and scale.shape[0] == rows:
            return scale.reshape(rows, *[1] * (weight.dim() - 1))
        raise QuantisedError(f"fp8 in blocks (`{name}` is {list(scale.shape)})")


def find_quantisation(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Quantisation:
    """Return the scales of a file's weights.

    Raises `QuantisedError` with the kind of a quantisation that is not read.
    """
    for name in (*_named_formats(tensors, metadata), *_kinds(tensors)):
        raise QuantisedError(name)
    scales: dict[str, tuple[str, Tensor]] = {}
    for key, scale in tensors.items():
        ending = next((ending for ending in SCALES if key.endswith(ending)), None)
        weight = f"{key.removesuffix(ending)}.weight" if ending else ""
        if not ending or weight not in tensors:
            continue
        if weight in scales:
            raise QuantisedError(f"two scales for one weight (`{scales[weight][0]}`, `{key}`)")
        if scale.dtype not in PLAIN_DTYPES or not scale.numel():
            raise QuantisedError(f"scales of the kind {dtype_name(scale.dtype)} (`{key}`)")
        scales[weight] = key, scale
    if any(key.endswith("scaled_fp8") for key in tensors):
        _check_scaled(tensors, scales)
    return Quantisation(scales)


def _check_scaled(tensors: Mapping[str, Tensor], scales: Mapping[str, object]) -> None:
    """Raise `QuantisedError` if a matrix of a file of scaled fp8 lacks its scale."""
    for key, tensor in tensors.items():
        if tensor.dtype in FP8_DTYPES and tensor.dim() > 1 and key not in scales:
            raise QuantisedError(f"scaled fp8, but `{key}` has no scale")


def check_plain(key: str, tensor: Tensor) -> None:
    """Raise `QuantisedError` for a weight whose numbers are neither floats nor fp8."""
    if tensor.dtype not in PLAIN_DTYPES | FP8_DTYPES:
        raise QuantisedError(f"{dtype_name(tensor.dtype)} (`{key}`)")


def configured_method(config: Mapping[str, Any]) -> str | None:
    """Return the name of the quantisation that a component's configuration states, if any."""
    stated = config.get("quantization_config")
    if stated is None:
        return None
    method = stated.get("quant_method") if isinstance(stated, dict) else None
    return METHODS.get(str(method).lower(), str(method)) if method else "an unknown method"


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a number format without torch's prefix."""
    return str(dtype).removeprefix("torch.")


def _kinds(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    for pattern, name in QUANTISED_KEYS.items():
        if any(pattern.search(key) for key in tensors):
            yield name


def _named_formats(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Iterator[str]:
    """Yield the formats that ComfyUI's records name, other than scaled fp8."""
    texts = [
        bytes(tensor.flatten().to(torch.uint8).tolist())
        for key, tensor in tensors.items()
        if key.endswith(".comfy_quant") and tensor.numel() < 4096
    ]
    layers: list[object] = []
    try:
        layers += [parse_json(text) for text in texts]
        stated = as_object(parse_json(metadata.get(HEADER_KEY, "{}"))).get("layers", {})
        layers += as_object(stated).values()
    except UnreadableFileError:
        yield "an unreadable record of its format"
        return
    for layer in layers:
        name = as_text(layer.get("format")) if isinstance(layer, dict) else None
        if not str(name).startswith("float8_"):
            yield str(name or "an unknown format")
        elif isinstance(layer, dict) and layer.get("group_size"):
            yield "fp8 in blocks"
