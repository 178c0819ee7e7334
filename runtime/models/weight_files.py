"""Files of tensors, read without running anything that is in them."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.diagnostics.files import file_access_failed
from promptlang.source import Span

OTHER_SIGNATURES: Final[Mapping[bytes, str]] = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"RIFF": "a picture",
    b"BM": "a picture",
    b"GGUF": "a quantised file in the format GGUF, which cannot be used yet",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "only what Git LFS leaves in the place of a file: `git lfs pull` fetches it",
}
"""How files begin that people take for models."""

PICKLE_SIGNATURES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """What a file holds."""

    file: Path
    tensors: dict[str, Tensor]
    metadata: Mapping[str, str]


def read_weights(file: Path, span: Span) -> Weights:
    """A safetensors file, or a pickle of tensors only; raises `PromptError` where it is neither, or damaged."""
    try:
        with file.open("rb") as stream:
            beginning = stream.read(32)
    except FileNotFoundError as error:
        raise PromptError([complaints.weights_missing(file, span)]) from error
    except OSError as error:
        raise PromptError([file_access_failed(file, error.strerror or str(error), span)]) from error
    for head, what in OTHER_SIGNATURES.items():
        if beginning.startswith(head):
            raise PromptError([complaints.not_a_weights_file(file, what, span)])
    return (
        _pickle(file, span) if beginning.startswith(PICKLE_SIGNATURES) else _safetensors(file, span)
    )


def _safetensors(file: Path, span: Span) -> Weights:
    try:
        with safe_open(str(file), "pt") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            return Weights(file, tensors, opened.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise PromptError([complaints.weights_damaged(file, span)]) from error


def _pickle(file: Path, span: Span) -> Weights:
    """The reader of torch, told to make nothing but tensors."""
    try:
        zipped = zipfile.is_zipfile(file)
        if zipped and _is_compressed(file):
            raise PromptError([complaints.weights_damaged(file, span)])
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about pickles that torch itself would not have written
            loaded = torch.load(file, map_location="cpu", weights_only=True, mmap=zipped or None)
    except pickle.UnpicklingError as error:
        raise PromptError([complaints.unsafe_weights_pickle(file, span)]) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise PromptError([complaints.weights_damaged(file, span)]) from error
    return Weights(file, _tensors(loaded), {})


def _is_compressed(file: Path) -> bool:
    """It never compresses: what is small on disk and large in memory was not written by it."""
    with zipfile.ZipFile(file) as archive:
        return any(each.file_size > each.compress_size for each in archive.infolist())


def _tensors(loaded: Any) -> dict[str, Tensor]:
    """Those of a checkpoint, by name; those of a textual inversion under the name of their dictionary."""
    found = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    flat = {}
    for key, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, Tensor):
            flat[str(key)] = value
        elif isinstance(value, dict):
            flat |= {
                f"{key}.{name}": each for name, each in value.items() if isinstance(each, Tensor)
            }
    return flat
