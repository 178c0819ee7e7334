"""A LoRA to a file that kohya's tools, A1111, ComfyUI and diffusers read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ..files import write_whole
from .formats import LowRank


def write(file: Path, unet: Mapping[str, LowRank], metadata: Mapping[str, str]) -> None:
    """Write kohya's layout, whole or not at all; the same LoRA and metadata are the same bytes."""
    write_tensors(file, _kohya(unet), metadata)


def write_tensors(file: Path, contents: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors under the names they have, whole or not at all, with their hash beside what is told of them."""
    header, tensors = _split(save(dict(contents)))
    digest = hashlib.sha256(tensors).hexdigest()
    header["__metadata__"] = dict(sorted({**metadata, "sshs_model_hash": digest}.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_whole(file, len(text).to_bytes(8, "little") + text + tensors)


def _kohya(unet: Mapping[str, LowRank]) -> dict[str, Tensor]:
    tensors = {}
    for module, change in unet.items():
        key = "lora_unet_" + module.replace(".", "_")
        tensors[f"{key}.lora_down.weight"] = change.down.detach().contiguous()
        tensors[f"{key}.lora_up.weight"] = change.up.detach().contiguous()
        tensors[f"{key}.alpha"] = torch.tensor(change.alpha)
    return tensors


def _split(content: bytes) -> tuple[dict[str, object], bytes]:
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]
