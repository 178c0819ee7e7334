"""Descriptions of adapters, from the headers of safetensors files and PEFT's configurations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from promptlang.inspection.families import detect_family
from promptlang.inspection.file_info import FileInfo, UnrecognizedFileError
from promptlang.inspection.headers import read_header
from promptlang.plan.formats import ADAPTER_CONFIG

SHOWN_METADATA: Final = (
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
"""Metadata that is shown."""

Shapes = Mapping[str, tuple[int, ...]]
"""The shapes of a file's tensors by key."""

TRAINING_RECORD_FILE: Final = "promptlang.json"
"""The file in which a folder trained by promptlang describes itself."""


def inspect_adapter(file: Path) -> FileInfo:
    """Describe a safetensors file; raises `UnrecognizedFileError` if its header is damaged."""
    shapes, metadata = _read_shapes(file)
    rows = [*_layout(shapes, metadata), *_metadata_rows(metadata)]
    return FileInfo("adapter" if _is_adapter(shapes) else "tensors", tuple(rows))


def inspect_folder(folder: Path) -> FileInfo:
    """Describe a PEFT folder, or a folder with a PEFT folder for each network.

    Raises `UnrecognizedFileError` for any other folder.
    """
    parts = sorted(
        file.parent for pattern in ("", "*/") for file in folder.glob(pattern + ADAPTER_CONFIG)
    )
    if not parts:
        raise UnrecognizedFileError(
            f"`{folder}` is a folder, and none of PEFT's: there is no `{ADAPTER_CONFIG}` in it"
        )
    shapes: dict[str, tuple[int, ...]] = {}
    for part in parts:
        shapes |= {
            f"{part.name}.{name}": each
            for name, each in _read_shapes(part / "adapter_model.safetensors")[0].items()
        }
    configuration, record = _json(parts[-1] / ADAPTER_CONFIG), _json(folder / TRAINING_RECORD_FILE)
    alphas = (configuration[name] for name in ("lora_alpha", "alpha") if name in configuration)
    rows = [
        *_layout(shapes, record),
        *(("alpha", f"{alpha:g}") for alpha in alphas if isinstance(alpha, float | int)),
    ]
    return FileInfo("adapter, a folder of PEFT's", (*rows, *_metadata_rows(record)))


def _read_shapes(file: Path) -> tuple[Shapes, Mapping[str, Any]]:
    tensors = read_header(file)
    metadata = tensors.pop("__metadata__", {})
    return {name: tuple(each["shape"]) for name, each in tensors.items()}, metadata


def _json(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _metadata_rows(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((name, str(metadata[name])) for name in SHOWN_METADATA if metadata.get(name))
    yield from (("tags", words) for words in _tags(metadata))


ALGORITHM_BY_KEY: Final = {
    "lora_down": "LoRA",
    "lora_A": "LoRA",
    "lora.down": "LoRA",
    "hada_w1_a": "LoHa",
    "lokr_w1": "LoKr",
    "dora_scale": "DoRA",
    "emb_params": "textual inversion",
    "clip_l": "textual inversion",
}
"""Algorithms by parts of their keys."""

DOWN_PROJECTIONS: Final = ("lora_down", "lora.down", "lora_A")
"""Parts of the keys of matrices whose height is the rank."""


def _is_adapter(shapes: Shapes) -> bool:
    return any(part in name for name in shapes for part in ALGORITHM_BY_KEY)


def _layout(shapes: Shapes, metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kinds = dict.fromkeys(
        kind for part, kind in ALGORITHM_BY_KEY.items() if any(part in name for name in shapes)
    )
    if kinds:
        yield "kind", ", ".join(kinds)
    family = detect_family(shapes, metadata)
    if family is not None:
        yield "for", family.name
    yield "tensors", str(len(shapes))
    downs = [
        shape[0]
        for name, shape in shapes.items()
        if any(part in name for part in DOWN_PROJECTIONS) and shape
    ]
    if downs:
        yield "modules", str(len(downs))
        yield "rank", ", ".join(map(str, sorted(set(downs))))


def _tags(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the most frequent tags of the captions, the best guess at the trigger words."""
    try:
        folders = json.loads(metadata["ss_tag_frequency"]).values()
        counted = sum((Counter(folder) for folder in folders), Counter[str]())
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    yield ", ".join(f"{tag.strip()} ({count})" for tag, count in counted.most_common(12))
