"""Adapters written to files that kohya's tools, A1111, ComfyUI and diffusers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save
from torch import Tensor

from ..atomic_files import write_atomically
from ..hashes import hash_bytes
from .formats import LowRank

LEGACY_HASH_RANGE: Final = slice(0x100000, 0x110000)
"""The bytes that A1111's extension once hashed.

As in kohya's tools, the hash is that of a file with kohya's metadata only.
"""


def write_lora(file: Path, unet: Mapping[str, LowRank], metadata: Mapping[str, str]) -> None:
    """Write kohya's layout, whole or not at all; equal LoRAs and metadata give equal bytes."""
    write_tensors(file, _kohya(unet), metadata)


def write_tensors(file: Path, contents: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors under their names, whole or not at all, with their hashes in the metadata."""
    hashed = save(
        dict(contents), {name: each for name, each in metadata.items() if name.startswith("ss_")}
    )
    header, tensors = _split(hashed)
    hashes = {
        "sshs_model_hash": hash_bytes(tensors),
        "sshs_legacy_hash": hash_bytes(hashed[LEGACY_HASH_RANGE])[:8],
    }
    header["__metadata__"] = dict(sorted({**metadata, **hashes}.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_atomically(file, len(text).to_bytes(8, "little") + text + tensors)


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
