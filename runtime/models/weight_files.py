"""Tensors from safetensors files and pickles, of models and of adapters alike.

Nothing in a file is executed, and nothing is unpacked to far more than the size of the file.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import ParameterDict

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import models as complaints
from promptlang.diagnostics.files import file_access_failed
from promptlang.files import is_file
from promptlang.plan.formats import PICKLE_STARTS
from promptlang.source import Span


@dataclass(frozen=True, slots=True)
class FileSignature:
    """The first bytes of a kind of file that is not a file of weights."""

    start: bytes
    contents: str
    """The kind of file, as messages name it."""
    remedy: str


_TAKE_THE_FILE: Final = "take the file of weights itself, not its preview"
_LOGIN: Final = "the download failed: it may need a login"

OTHER_SIGNATURES: Final = (
    FileSignature(b"\x89PNG", "a picture", _TAKE_THE_FILE),
    FileSignature(b"\xff\xd8\xff", "a picture", _TAKE_THE_FILE),
    FileSignature(b"GIF8", "a picture", _TAKE_THE_FILE),
    FileSignature(b"RIFF", "a picture", _TAKE_THE_FILE),
    FileSignature(b"BM", "a picture", _TAKE_THE_FILE),
    FileSignature(
        b"GGUF",
        "a quantised file in the format GGUF, which cannot be used yet",
        "take the file in safetensors",
    ),
    FileSignature(b"<!DOCTYPE", "a web page", _LOGIN),
    FileSignature(b"<html", "a web page", _LOGIN),
    FileSignature(
        b"version https://git-lfs",
        "a pointer to a file in Git LFS",
        "fetch the file with `git lfs pull`",
    ),
)
"""Kinds of files that people mistake for weights."""

PICKLE_SIGNATURES: Final = (b"PK", *PICKLE_STARTS)
"""The first bytes of a zip archive of torch's, and of pickles of the protocols 2 to 5."""

MAX_PICKLE_DEPTH: Final = 8
"""Dictionaries within dictionaries, of a pickle."""

SPARE_BYTES: Final = 4096
"""A pickle's tensors may have twice the size of the file and this many bytes more."""


Layout = Literal["safetensors", "PyTorch"]


class WeightFileError(ValueError):
    """A file from which no tensors can be read; the message is the reason, in words."""


class DamagedFileError(WeightFileError):
    """A file that is cut short, or something else under the name."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(f"it is not a whole {layout} file")
        self.layout = layout


class ForeignFileError(WeightFileError):
    """A file of another kind."""

    def __init__(self, signature: FileSignature) -> None:
        super().__init__(f"it is {signature.contents}")
        self.signature = signature


class UnsafePickleError(WeightFileError):
    """A pickle that holds more than tensors."""

    def __init__(self) -> None:
        super().__init__("beside weights it holds objects, which could run any program")


class OversizedPickleError(WeightFileError):
    """A pickle that would fill the memory."""

    def __init__(self) -> None:
        super().__init__("it would unpack to far more than its size")


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """The contents of a file. The keys of a pickle's inner dictionaries are joined by points."""

    file: Path
    tensors: dict[str, Tensor]
    metadata: Mapping[str, str]


def read_weights(file: Path, span: Span) -> Weights:
    """Read a model's file, mapped into memory where possible.

    Raises `PromptError` if the file is missing, damaged, hostile, or of another kind.
    """
    try:
        return read_weight_file(file, mmap=True)
    except WeightFileError as error:
        raise PromptError([_diagnose(error, file, span)]) from error
    except FileNotFoundError as error:
        raise PromptError([complaints.weights_missing(file, span)]) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise PromptError([file_access_failed(file, reason, span)]) from error


def read_weight_file(file: Path, *, mmap: bool = False) -> Weights:
    """Read a safetensors file or a pickle of tensors.

    `mmap` maps the tensors of a zipped pickle from the file instead of reading them: such tensors
    must be copied before the file can change. Raises `WeightFileError`, or OSError if the file
    cannot be opened.
    """
    if detect_layout(file) == "PyTorch":
        return _read_pickle(file, mmap=mmap)
    return _read_safetensors(file)


def detect_layout(file: Path) -> Layout:
    """Return the layout of a file of weights by its first bytes, and ``safetensors`` in doubt.

    Raises `ForeignFileError` for a file of another kind, `OversizedPickleError` for a compressed
    pickle, and OSError if the file cannot be opened.
    """
    if file.exists() and not is_file(file):
        raise OSError(f"`{file.name}` is not a regular file")  # a pipe would never end
    with file.open("rb") as stream:
        start = stream.read(32)
    # A header's length may begin with the bytes of any signature, so safetensors come first.
    if start[4:9] == b"\0\0\0\0{":
        return "safetensors"
    for signature in OTHER_SIGNATURES:
        if start.startswith(signature.start):
            raise ForeignFileError(signature)
    if not start.startswith(PICKLE_SIGNATURES):
        return "safetensors"
    if _is_compressed(file):
        raise OversizedPickleError
    return "PyTorch"


def _diagnose(error: WeightFileError, file: Path, span: Span) -> Diagnostic:
    match error:
        case ForeignFileError(signature=found):
            return complaints.weights_not_readable(file, str(error), span, found.remedy)
        case UnsafePickleError():
            return complaints.unsafe_weights_pickle(file, span)
        case OversizedPickleError():
            return complaints.oversized_weights_pickle(file, span)
        case DamagedFileError():
            return complaints.weights_damaged(file, span)
        case _:
            return complaints.weights_not_readable(file, str(error), span)


def _read_safetensors(file: Path) -> Weights:
    try:
        with safe_open(str(file), "pt") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            return Weights(file, tensors, opened.metadata() or {})
    except Exception as error:  # the reader and torch raise nearly anything on damaged bytes
        raise DamagedFileError("safetensors") from error


def _read_pickle(file: Path, *, mmap: bool) -> Weights:
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    try:
        with warnings.catch_warnings():
            # Torch warns about pickles that another program has written, and of nested tensors.
            warnings.simplefilter("ignore")
            _flatten(_load_pickle(file, mmap=mmap), "", tensors, metadata)
    except pickle.UnpicklingError as error:
        raise UnsafePickleError from error
    except Exception as error:  # torch and the unpickler raise nearly anything on damaged bytes
        raise DamagedFileError("PyTorch") from error
    for key, tensor in tensors.items():
        if not _holds_numbers(tensor):
            raise WeightFileError(f"`{key[:80]}` is a nested or sparse tensor, or has no numbers")
    # A tensor may repeat one number a million times.
    unpacked = sum(each.numel() * each.element_size() for each in tensors.values())
    if unpacked > 2 * file.stat().st_size + SPARE_BYTES:
        raise OversizedPickleError
    return Weights(file, tensors, metadata)


def _holds_numbers(tensor: Tensor) -> bool:
    """Return whether a tensor is a dense array; a nested, sparse or meta tensor is not."""
    return tensor.layout is torch.strided and not tensor.is_nested and not tensor.is_meta


def _load_pickle(file: Path, *, mmap: bool) -> Any:
    """Unpickle with torch, which is allowed to make tensors and dictionaries only."""
    with torch.serialization.safe_globals([ParameterDict, OrderedDict]):
        # Torch takes any file named `.safetensors` for one, so that it is given a stream.
        if mmap and file.suffix != ".safetensors" and zipfile.is_zipfile(file):
            return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        with file.open("rb") as stream:
            return torch.load(stream, map_location="cpu", weights_only=True)


def _is_compressed(file: Path) -> bool:
    """Return whether a zip archive is smaller than its contents; torch never compresses."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(each.file_size > each.compress_size for each in archive.infolist())
    except zipfile.BadZipFile:
        return False


def _flatten(
    value: Any, key: str, tensors: dict[str, Tensor], metadata: dict[str, str], depth: int = 0
) -> None:
    """Collect the tensors and the texts of dictionaries and lists.

    ``state_dict.`` is left out of keys, and a place in a list is a number: ``320.0.linear.weight``.
    """
    match value:
        case Tensor():
            tensors[key] = value.detach()
        case str():
            metadata[key] = value
        case Mapping() | ParameterDict() if depth < MAX_PICKLE_DEPTH:
            for name, inside in value.items():
                below = str(name) if not key or key == "state_dict" else f"{key}.{name}"
                _flatten(inside, below, tensors, metadata, depth + 1)
        case list() | tuple() if depth < MAX_PICKLE_DEPTH:
            for place, inside in enumerate(value):
                _flatten(inside, f"{key}.{place}", tensors, metadata, depth + 1)
