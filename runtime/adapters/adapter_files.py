"""Adapters' files and PEFT folders, read as tensors, metadata and PEFT's configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import adapters as wrong
from promptlang.diagnostics.adapters import FileRef
from promptlang.files import UnreadableFileError, as_object, parse_json, read_text
from promptlang.inspection.adapter_kinds import detect_unsupported_algorithm
from promptlang.plan.formats import ADAPTER_CONFIG, NETWORKS, PICTURE_ENDINGS

from ..hashes import list_files
from ..models.weight_files import (
    DamagedFileError,
    ForeignFileError,
    OversizedPickleError,
    UnsafePickleError,
    WeightFileError,
    read_weight_file,
)
from .picture_embeddings import read_picture_embedding


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """The contents of an adapter's file or PEFT folder."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    peft_configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """PEFT's configurations by network; the key is ``""`` for a folder without subfolders."""


def load_adapter_file(subject: FileRef) -> AdapterFile:
    """Read a file or a PEFT folder.

    Raises `PromptError` if the file is not whole, or holds a value that is not a finite number.
    """
    if subject.file.is_dir():
        return _read_folder(subject)
    if subject.file.suffix.lower() in PICTURE_ENDINGS:
        return _read_picture(subject)
    contents = _read_file(subject.file, subject)
    beside = subject.file.with_name(ADAPTER_CONFIG)
    if subject.file.stem == "adapter_model" and beside.is_file():
        config = _read_config(beside, subject)
        return AdapterFile(contents.tensors, contents.metadata, {"": config})
    return contents


Stamp = tuple[tuple[Path, int, int], ...]
"""The path, the time of change in nanoseconds, and the size in bytes of each file."""


def stamp(subject: FileRef) -> Stamp:
    """Return a value that changes whenever the file, or a file of the folder, is written.

    Raises `PromptError` if the file is missing.
    """
    try:
        states = [(file, file.stat()) for file in list_files(subject.file)]
    except OSError as error:
        raise PromptError([wrong.missing(subject)]) from error
    return tuple((file, state.st_mtime_ns, state.st_size) for file, state in states)


def _read_folder(subject: FileRef) -> AdapterFile:
    """Read a PEFT folder, or a folder with a PEFT folder for each network."""
    if (subject.file / ADAPTER_CONFIG).is_file():
        tensors = _read_file(_weights(subject.file), subject).tensors
        return AdapterFile(tensors, {}, {"": _read_config(subject.file / ADAPTER_CONFIG, subject)})
    tensors = {}
    configs = {}
    for network in NETWORKS:
        folder = subject.file / network
        if folder.is_dir():
            configs[network] = _read_config(folder / ADAPTER_CONFIG, subject)
            inside = _read_file(_weights(folder), subject).tensors
            tensors |= {
                f"{network}.{key.removeprefix('base_model.model.')}": value
                for key, value in inside.items()
            }
    if not tensors:
        raise PromptError([wrong.missing_adapter_config(subject, ADAPTER_CONFIG)])
    return AdapterFile(tensors, {}, configs)


def _read_picture(subject: FileRef) -> AdapterFile:
    """Read a token that A1111 saved in a picture."""
    try:
        tensors = read_picture_embedding(subject.file)
    except UnreadableFileError as error:
        raise PromptError([wrong.unusable_file(subject, str(error), wrong.AGAIN)]) from error
    if tensors is None:
        raise PromptError([wrong.picture_without_vectors(subject)])
    for key, tensor in tensors.items():
        _check_values(key, tensor, subject)
    return AdapterFile(tensors)


def _weights(folder: Path) -> Path:
    file = folder / "adapter_model.safetensors"
    return file if file.is_file() else folder / "adapter_model.bin"


def _read_config(file: Path, subject: FileRef) -> Mapping[str, Any]:
    try:
        return as_object(parse_json(read_text(file)))
    except UnreadableFileError as error:
        raise PromptError([wrong.missing_adapter_config(subject, file.name)]) from error


def _read_file(file: Path, subject: FileRef) -> AdapterFile:
    try:
        weights = read_weight_file(file)
    except WeightFileError as error:
        raise PromptError([_diagnose(error, subject)]) from error
    except OSError as error:
        raise PromptError([wrong.missing(subject)]) from error
    unread = detect_unsupported_algorithm(weights.tensors)
    if unread is not None:
        raise PromptError([wrong.unsupported_algorithm(subject, unread)])
    for key, tensor in weights.tensors.items():
        _check_values(key, tensor, subject)
    return AdapterFile(weights.tensors, weights.metadata)


def _diagnose(error: WeightFileError, subject: FileRef) -> Diagnostic:
    match error:
        case DamagedFileError(layout=layout):
            return wrong.damaged(subject, layout)
        case ForeignFileError(signature=found):
            return wrong.wrong_file_type(subject, found.contents, found.remedy)
        case UnsafePickleError():
            return wrong.unsafe_pickle(subject)
        case OversizedPickleError():
            return wrong.oversized_pickle(subject)
        case _:
            return wrong.unusable_file(subject, str(error), "take another file")


_READABLE: Final = frozenset(
    {
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.float8_e4m3fn, torch.float8_e5m2),
    }
)
"""Numbers that have a meaning without a scale beside them."""


def _check_values(key: str, tensor: Tensor, subject: FileRef) -> None:
    if tensor.dtype not in _READABLE:
        whole = not tensor.is_complex() and not tensor.is_floating_point()
        if whole and (tensor.numel() == 1 or key.endswith(".reshape_weight")):
            return  # some trainers save alpha as a whole number
        kind = str(tensor.dtype).removeprefix("torch.")
        raise PromptError([wrong.quantized_without_scale(subject, key, kind)])
    if not torch.isfinite(tensor.float()).all():
        raise PromptError([wrong.not_finite(subject, key)])
