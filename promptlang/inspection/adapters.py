"""What a safetensors file tells in its header, which is JSON before the tensors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from promptlang.inspection.findings import Findings, NothingKnownError

LONGEST: Final = 100_000_000
"""Bytes of a header, as safetensors itself has it."""

SHOWN: Final = (
    "modelspec.title",
    "modelspec.architecture",
    "modelspec.trigger_phrase",
    "modelspec.license",
    "ss_output_name",
    "ss_base_model_version",
    "ss_sd_model_name",
    "ss_network_module",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_learning_rate",
    "ss_steps",
    "ss_num_train_images",
    "sshs_model_hash",
)
"""What of the metadata is worth a line."""


def inspect_adapter(file: Path) -> Findings:
    """Raises `NothingKnownError` where the header is damaged or absurd."""
    header = _header(file)
    metadata = header.pop("__metadata__", {})
    shapes = {name: tuple(each["shape"]) for name, each in header.items()}
    rows = [*_layout(shapes), *((name, str(metadata[name])) for name in SHOWN if metadata.get(name))]
    rows += (("tags", words) for words in _tags(metadata))
    return Findings("adapter" if _is_adapter(shapes) else "tensors", tuple(rows))


def _header(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(LONGEST, file.stat().st_size):
            raise NothingKnownError(f"`{file.name}` is damaged: its header is longer than the file")
        text = stream.read(length)
    try:
        header: dict[str, Any] = json.loads(text)
        ends = [each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise NothingKnownError(f"`{file.name}` is damaged: its header cannot be read") from error
    if max(ends, default=0) + 8 + length > file.stat().st_size:
        raise NothingKnownError(f"`{file.name}` is damaged: its end is missing")
    return header


KINDS: Final = {
    "lora_down": "LoRA",
    "lora_A": "LoRA",
    "lora.down": "LoRA",
    "hada_w1_a": "LoHa",
    "lokr_w1": "LoKr",
    "dora_scale": "DoRA",
    "emb_params": "textual inversion",
    "clip_l": "textual inversion",
}
"""What a tensor's name gives away."""


DOWN: Final = ("lora_down", "lora.down", "lora_A")
"""The part of a LoRA whose height is its rank."""


def _is_adapter(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return any(part in name for name in shapes for part in KINDS)


def _layout(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    kinds = dict.fromkeys(kind for part, kind in KINDS.items() if any(part in name for name in shapes))
    if kinds:
        yield "kind", ", ".join(kinds)
    yield "tensors", str(len(shapes))
    downs = [shape[0] for name, shape in shapes.items() if any(part in name for part in DOWN) and shape]
    if downs:
        yield "modules", str(len(downs))
        yield "rank", ", ".join(map(str, sorted(set(downs))))


def _tags(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The most frequent words of the captions, which are the best guess at what calls the adapter up."""
    try:
        folders = json.loads(metadata["ss_tag_frequency"]).values()
        counted = sum((Counter(folder) for folder in folders), Counter[str]())
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    yield ", ".join(f"{tag.strip()} ({count})" for tag, count in counted.most_common(12))
