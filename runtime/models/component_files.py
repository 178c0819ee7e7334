"""The files of weights in a component's folder: one variant, whole or in shards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promptlang.files import as_object, is_file, parse_json, read_bytes

from .weight_files import WeightFileError

_NAME: Final = re.compile(
    r"(?:diffusion_pytorch_model|pytorch_model|model)((?:[.-][\w.-]+?)?)\.(safetensors|bin)"
)
"""A file's name as diffusers and transformers write it: variant and shard, and the ending."""

_SHARD: Final = re.compile(r"-(\d{5})-of-(\d{5})")
_INDEX: Final = re.compile(r"(?:diffusion_pytorch_model|pytorch_model|model)\.([\w.-]*?)\.?json")

VARIANTS: Final = ("", "fp32", "ema", "fp16", "bf16")
"""Variants in the order in which they are taken; others follow by their names, then `non_ema`."""

LAST_VARIANT: Final = "non_ema"

ENDINGS: Final = ("safetensors", "bin")
"""Endings in the order in which they are taken."""

OTHER_FORMATS: Final = {
    ".onnx": "ONNX",
    ".pb": "ONNX",
    ".msgpack": "Flax",
    ".h5": "TensorFlow",
    ".ot": "Rust",
    ".xml": "OpenVINO",
    ".gguf": "GGUF",
    ".mlmodelc": "Core ML",
    ".mlpackage": "Core ML",
}
"""Formats that are not read, by the endings of their files."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The files of one variant: a whole file, or shards by their numbers."""

    variant: str
    ending: str
    shards: int
    """The number of shards; 0 for a whole file."""
    files: tuple[tuple[int, Path], ...]

    @property
    def rank(self) -> tuple[bool, int, bool, int, str]:
        """The place in the order in which groups are taken, complete ones first."""
        known = VARIANTS.index(self.variant) if self.variant in VARIANTS else len(VARIANTS)
        late = self.variant == LAST_VARIANT
        incomplete = bool(self.missing)
        return incomplete, ENDINGS.index(self.ending), late, known, f"{self.variant}{self.shards}"

    @property
    def missing(self) -> list[int]:
        """The numbers of the shards that are not there."""
        held = {number for number, _ in self.files}
        return [number for number in range(1, min(self.shards, 10000) + 1) if number not in held]


def find_weight_files(folder: Path) -> list[Path]:
    """Return a component's file of weights, or its shards, of the best variant that is there.

    Names that are not diffusers' or transformers' (``openvino_model.bin``) are passed over. Raises
    `WeightFileError` if there are no weights, a shard is missing, or an index contradicts the
    files.
    """
    groups = sorted(_groups(folder), key=_rank)
    if not groups:
        raise WeightFileError(_no_weights(folder))
    group = groups[0]
    names = [file.name for _, file in sorted(group.files)]
    if group.missing:
        raise WeightFileError(
            f"of its {group.shards} files of weights only {_listed(names)} are there"
        )
    _check_index(folder, group, names)
    return [file for _, file in sorted(group.files)]


def _rank(group: _Group) -> tuple[bool, int, bool, int, str]:
    return group.rank


def _groups(folder: Path) -> Iterator[_Group]:
    found: dict[tuple[str, str, int], list[tuple[int, Path]]] = {}
    for file in sorted(folder.iterdir()):
        match = _NAME.fullmatch(file.name)
        if match is None or not is_file(file):
            continue
        shard = _SHARD.search(match[1])
        number, count = (int(shard[1]), int(shard[2])) if shard else (0, 0)
        variant = _SHARD.sub("", match[1]).strip(".-")
        found.setdefault((variant, match[2], count), []).append((number, file))
    for (variant, ending, count), files in found.items():
        yield _Group(variant, ending, count, tuple(files))


def _check_index(folder: Path, group: _Group, names: Sequence[str]) -> None:
    """Raise `WeightFileError` if a variant's index names other files than those that are there."""
    if not group.shards:
        return
    for file in sorted(folder.iterdir()):
        match = _INDEX.fullmatch(file.name)
        words = match[1].split(".") if match else []
        if "index" not in words or group.ending not in words:
            continue
        if ".".join(word for word in words if word not in ("index", group.ending)) != group.variant:
            continue
        weights = as_object(as_object(parse_json(read_bytes(file))).get("weight_map"))
        named = {str(value) for value in weights.values()}
        strange = sorted(named.symmetric_difference(names))
        if strange:
            raise WeightFileError(f"`{file.name}` and the files disagree about `{strange[0][:80]}`")


def _no_weights(folder: Path) -> str:
    others = sorted(
        {OTHER_FORMATS[file.suffix] for file in folder.iterdir() if file.suffix in OTHER_FORMATS}
    )
    if others:
        return f"it has weights for {', '.join(others)} only, not for PyTorch"
    return "it has no file of weights, such as `diffusion_pytorch_model.safetensors`"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:3])
