"""Descriptions of adapters, from the headers of safetensors files and PEFT's configurations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from promptlang.files import (
    Json,
    SafetensorsHeader,
    UnreadableFileError,
    as_integer,
    as_number,
    as_object,
    as_text,
    is_file,
    is_folder,
    parse_json,
    read_safetensors_header,
    read_text,
)
from promptlang.inspection.adapter_kinds import (
    detect_other_kind,
    detect_unsupported_algorithm,
    name_peft_algorithm,
)
from promptlang.inspection.families import Shapes, detect_family, detect_model_family
from promptlang.inspection.file_info import FileInfo, UnrecognizedFileError
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

PEFT_WEIGHTS: Final = "adapter_model.safetensors"

TRAINING_RECORD_FILE: Final = "promptlang.json"
"""The file in which a folder trained by promptlang describes itself."""


def inspect_adapter(file: Path) -> FileInfo:
    """Describe a safetensors file; raises `UnreadableFileError` if its header is damaged."""
    header = read_safetensors_header(file)
    shapes = _shapes(header)
    other = detect_other_kind(shapes)
    rows = [
        *_layout(shapes, header.metadata, algorithms=other is None),
        *_metadata_rows(header.metadata),
    ]
    kind = re.sub(r"^(?:an?|the) ", "", other.name) if other else _kind(shapes)
    return FileInfo(kind, tuple(rows))


def inspect_folder(folder: Path) -> FileInfo:
    """Describe a PEFT folder, or a folder with a PEFT folder for each network.

    Raises `UnrecognizedFileError` for any other folder, and `UnreadableFileError`.
    """
    parts = [each for each in (folder, *_subfolders(folder)) if is_file(each / ADAPTER_CONFIG)]
    if not parts:
        raise UnrecognizedFileError(
            f"`{folder}` is a folder, and none of PEFT's: there is no `{ADAPTER_CONFIG}` in it"
        )
    shapes: dict[str, tuple[int, ...]] = {}
    rows: list[tuple[str, str]] = []
    for part in parts:
        weights = part / PEFT_WEIGHTS
        if is_file(weights):
            found = _shapes(read_safetensors_header(weights))
            shapes |= {f"{part.name}.{name}": shape for name, shape in found.items()}
        else:
            rows.append(("missing", f"`{PEFT_WEIGHTS}` in `{part.name}`"))
    configuration = _read_object(parts[-1] / ADAPTER_CONFIG)
    record = _texts(_read_object(folder / TRAINING_RECORD_FILE))
    peft_type = as_text(configuration.get("peft_type"))
    alpha = as_number(configuration.get("lora_alpha", configuration.get("alpha")))
    rows += [
        *([("kind", name_peft_algorithm(peft_type))] if peft_type else []),
        *_layout(shapes, record, algorithms=not peft_type),
        *([("alpha", f"{alpha:g}")] if alpha is not None else []),
        *_metadata_rows(record),
    ]
    return FileInfo("adapter, a folder of PEFT's", tuple(rows))


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if is_folder(each))
    except OSError as error:
        raise UnreadableFileError(f"`{folder}` cannot be listed: {error.strerror}") from error


def _shapes(header: SafetensorsHeader) -> dict[str, tuple[int, ...]]:
    return {name: entry.shape for name, entry in header.tensors.items()}


def _read_object(file: Path) -> Mapping[str, Json]:
    """Return the object in a file beside the weights, empty if the file is missing.

    Raises `UnreadableFileError`.
    """
    if not is_file(file):
        return {}
    try:
        return as_object(parse_json(read_text(file)))
    except UnreadableFileError as error:
        raise UnreadableFileError(f"`{file.name}` is damaged: {error}") from error


def _texts(content: Mapping[str, Json]) -> Mapping[str, str]:
    return {name: value for name, value in content.items() if isinstance(value, str)}


def _metadata_rows(metadata: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((name, metadata[name]) for name in SHOWN_METADATA if metadata.get(name))
    yield from (("tags", words) for words in _tags(metadata))


ALGORITHM_BY_KEY: Final = {
    "lora_down": "LoRA",
    "lora_A": "LoRA",
    "lora.down": "LoRA",
    "hada_w1_a": "LoHa",
    "lokr_w1": "LoKr",
    "dora_scale": "DoRA",
    "magnitude": "DoRA",
    ".lora_E": "AdaLoRA",
    ".lora_embedding_A": "LoRA",
    ".oft_": "OFT",
    ".boft_": "BOFT",
    ".a1.weight": "GLoRA",
    ".glora_": "GLoRA",
    ".on_input": "IA3",
    ".ia3_l": "IA3",
    ".hra_u": "HRA",
    ".ln_tuning_": "tuned layer norms",
    ".diff\n": "differences",
    ".diff_b\n": "differences",
    ".set_weight": "new weights",
}
"""Algorithms by parts of their keys, each of which ends with a line's end."""

DOWN_PROJECTIONS: Final = ("lora_down", "lora.down", "lora_A")
"""Parts of the keys of matrices whose height is the rank."""


def _kind(shapes: Shapes) -> str:
    return "adapter" if any(_algorithms(shapes)) else "tensors"


def _algorithms(shapes: Shapes) -> Iterator[str]:
    unread = detect_unsupported_algorithm(shapes)
    if unread is not None:
        yield unread
    keys = "".join(f"{key}\n" for key in shapes)
    yield from (name for part, name in ALGORITHM_BY_KEY.items() if part in keys)


def _layout(
    shapes: Shapes, metadata: Mapping[str, str], *, algorithms: bool
) -> Iterator[tuple[str, str]]:
    names = [*_algorithms(shapes)] if algorithms else []
    if names:
        yield "kind", ", ".join(dict.fromkeys(names))
    family = detect_model_family(shapes) or detect_family(shapes, metadata)
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


def _tags(metadata: Mapping[str, str]) -> Iterator[str]:
    """Yield the most frequent tags of the captions, the best guess at the trigger words."""
    try:
        folders = as_object(parse_json(metadata.get("ss_tag_frequency", "{}")))
    except UnreadableFileError:
        return
    counts: Counter[str] = Counter()
    for folder in folders.values():
        for tag, value in folder.items() if isinstance(folder, dict) else ():
            counts[tag.strip()] += as_integer(value) or 0
    if counts:
        yield ", ".join(f"{tag} ({count})" for tag, count in counts.most_common(12))
