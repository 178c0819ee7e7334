"""An adapter's file or folder to tensors. Nothing in it is ever run; nothing absurd is ever unpacked."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn import ParameterDict

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import adapters as wrong
from promptlang.diagnostics.adapters import FileRef
from promptlang.plan.formats import ADAPTER_CONFIG, NETWORKS

OTHER_SIGNATURES: Final[Mapping[bytes, tuple[str, str]]] = {
    b"\x89PNG": ("a picture", "take the adapter itself, not its preview"),
    b"\xff\xd8\xff": ("a picture", "take the adapter itself, not its preview"),
    b"RIFF": ("a picture", "take the adapter itself, not its preview"),
    b"GIF8": ("a picture", "take the adapter itself, not its preview"),
    b"<!DOCTYPE": ("a web page", "the download failed: it may need a login"),
    b"<html": ("a web page", "the download failed: it may need a login"),
    b"version https://git-lfs": (
        "a pointer to a file in Git LFS",
        "fetch the file with `git lfs pull`",
    ),
}
"""By how their files begin, what people have under an adapter's name."""

PICKLE_SIGNATURES: Final = (b"PK", b"\x80\x02")

MAX_PICKLE_DEPTH = 8
"""Dictionaries within dictionaries, of a pickle."""


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """What is in a file. The keys of a pickle's inner dictionaries are joined by points."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    peft_configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """PEFT's, by the part of the model; that of a folder without parts is under ``""``."""


def load_adapter_file(subject: FileRef) -> AdapterFile:
    """Read a file or a PEFT folder; raises `PromptError` where it is no whole one, or a number in it is no number."""
    if subject.file.is_dir():
        return _folder(subject)
    contents = _file(subject.file, subject)
    beside = subject.file.with_name(ADAPTER_CONFIG)
    if subject.file.stem == "adapter_model" and beside.is_file():
        return AdapterFile(
            contents.tensors, contents.metadata, {"": _configuration(beside, subject)}
        )
    return contents


def list_files(path: Path) -> Iterator[Path]:
    """The file itself, or those of a folder; raises OSError where there is none."""
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
    else:
        path.stat()
        yield path


Stamp = tuple[tuple[Path, int, int], ...]
"""Of each file: its path, time of change in nanoseconds, and size in bytes."""


def stamp(subject: FileRef) -> Stamp:
    """What changes when a file, or one of a folder, is made anew; raises `PromptError` where there is none."""
    try:
        states = [(file, file.stat()) for file in list_files(subject.file)]
    except OSError as error:
        raise PromptError([wrong.missing(subject)]) from error
    return tuple((file, state.st_mtime_ns, state.st_size) for file, state in states)


def sha256(path: Path) -> str:
    """Of a safetensors file's tensors, without its header; of all of any other file, or of a folder's files."""
    digest = hashlib.sha256()
    for file in list_files(path):
        with file.open("rb") as stream:
            if file.suffix == ".safetensors":
                stream.seek(8 + int.from_bytes(stream.read(8), "little"))
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _folder(subject: FileRef) -> AdapterFile:
    """PEFT's: the folder itself, or one for each part of the model within it."""
    if (subject.file / ADAPTER_CONFIG).is_file():
        tensors = _file(_weights(subject.file), subject).tensors
        return AdapterFile(
            tensors, {}, {"": _configuration(subject.file / ADAPTER_CONFIG, subject)}
        )
    found: dict[str, Tensor] = {}
    configurations = {}
    for part in NETWORKS:
        folder = subject.file / part
        if folder.is_dir():
            configurations[part] = _configuration(folder / ADAPTER_CONFIG, subject)
            inside = _file(_weights(folder), subject).tensors
            found |= {
                f"{part}.{key.removeprefix('base_model.model.')}": value
                for key, value in inside.items()
            }
    if not found:
        raise PromptError([wrong.missing_adapter_config(subject, ADAPTER_CONFIG)])
    return AdapterFile(found, {}, configurations)


def _weights(folder: Path) -> Path:
    file = folder / "adapter_model.safetensors"
    return file if file.is_file() else folder / "adapter_model.bin"


def _configuration(file: Path, subject: FileRef) -> Mapping[str, Any]:
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PromptError([wrong.missing_adapter_config(subject, file.name)]) from error
    if not isinstance(config, dict):
        raise PromptError([wrong.missing_adapter_config(subject, file.name)])
    return config


def _file(file: Path, subject: FileRef) -> AdapterFile:
    try:
        with file.open("rb") as stream:
            beginning = stream.read(32)
    except OSError as error:
        raise PromptError([wrong.missing(subject)]) from error
    for signature, (what, remedy) in OTHER_SIGNATURES.items():
        if beginning.startswith(signature):
            raise PromptError([wrong.wrong_file_type(subject, what, remedy)])
    contents = (
        _pickle(file, subject)
        if beginning.startswith(PICKLE_SIGNATURES)
        else _safetensors(file, subject)
    )
    for key, tensor in contents.tensors.items():
        _check(key, tensor, subject)
    return contents


def _check(key: str, tensor: Tensor, subject: FileRef) -> None:
    if not tensor.is_floating_point():
        if tensor.numel() == 1 and not tensor.is_complex():
            return  # some trainers save alpha as a whole number
        raise PromptError(
            [wrong.quantized_without_scale(subject, key, str(tensor.dtype).removeprefix("torch."))]
        )
    if not torch.isfinite(tensor.float()).all():
        raise PromptError([wrong.not_finite(subject, key)])


def _safetensors(file: Path, subject: FileRef) -> AdapterFile:
    try:
        with safe_open(str(file), "pt") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            return AdapterFile(tensors, opened.metadata() or {})
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise PromptError([wrong.damaged(subject)]) from error


def _pickle(file: Path, subject: FileRef) -> AdapterFile:
    size = file.stat().st_size
    if _unpacked(file) > 2 * size + 4096:
        raise PromptError([wrong.oversized_pickle(subject)])
    try:
        # A stream, for torch goes by the name of a file.
        with (
            file.open("rb") as stream,
            torch.serialization.safe_globals([ParameterDict, OrderedDict]),
        ):
            loaded = torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise PromptError([wrong.unsafe_pickle(subject)]) from error
    except Exception as error:  # torch and the unpickler raise nearly anything on damaged bytes
        raise PromptError([wrong.damaged(subject, "PyTorch")]) from error
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    _flatten(loaded, "", tensors, metadata)
    if any(tensor.layout is not torch.strided for tensor in tensors.values()):
        raise PromptError([wrong.damaged(subject, "PyTorch")])
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * size + 4096:
        raise PromptError(
            [wrong.oversized_pickle(subject)]
        )  # a tensor may repeat one number a million times
    return AdapterFile(tensors, metadata)


def _unpacked(file: Path) -> int:
    """How much a zip archive comes to; torch does not compress, but others can."""
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(each.file_size for each in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return 0


def _flatten(
    value: Any, key: str, tensors: dict[str, Tensor], metadata: dict[str, str], depth: int = 0
) -> None:
    match value:
        case Tensor():
            tensors[key] = value.detach()
        case str():
            metadata[key] = value
        case Mapping() | ParameterDict() if depth < MAX_PICKLE_DEPTH:
            for name, inside in value.items():
                below = str(name) if not key or key == "state_dict" else f"{key}.{name}"
                _flatten(inside, below, tensors, metadata, depth + 1)
