"""The folders of a model's components in diffusers' layout: configurations, networks, weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import PickleError
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.source import Span

from ..devices import DevicePlacement
from .families import TextEncoderSpec
from .networks import freeze, init_empty, load_weights, silence_libraries
from .weight_files import UnsafePickleError, detect_layout, read_weight_file

Component = TypeVar("Component")


def read_component(part: Path, span: Span, read: Callable[[Path], Component]) -> Component:
    """Read a component's folder or file; raises `PromptError` if it is missing or damaged."""
    if not part.exists():
        raise PromptError([complaints.model_part_missing(part, span)])
    try:
        with silence_libraries():
            return read(part)
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        SafetensorError,
        PickleError,
    ) as error:
        problem = complaints.model_part_damaged(part, _first_line(error), span)
        raise PromptError([problem]) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, PickleError):  # torch advises to run the pickle, program or not
        error = UnsafePickleError()
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def read_json(file: Path) -> Any:
    """Read a configuration; raises OSError or ValueError if it cannot be read."""
    return json.loads(file.read_text("utf-8"))


def load_network(
    kind: Any, folder: Path, span: Span, dtype: Callable[[Mapping[str, Any]], torch.dtype]
) -> Any:
    """Load a network of diffusers, which knows the older names of its layers.

    `dtype` chooses the number format by the network's configuration. Raises `PromptError` if the
    folder is missing or damaged, or lacks a weight.
    """

    def load(folder: Path) -> Any:
        config = kind.load_config(str(folder), local_files_only=True)
        return _from_pretrained(kind, folder, dtype(config))

    network, info = read_component(folder, span, load)
    lacking, total = len(info["missing_keys"]), len(network.state_dict())
    if lacking:
        fits = total - lacking, total
        raise PromptError([complaints.model_part_incomplete(folder, fits, span)])
    return freeze(network, folder, span)


def load_text_encoder(
    folder: Path, spec: TextEncoderSpec, span: Span, placement: DevicePlacement
) -> Any:
    """Load a text encoder from a model's folder; raises `PromptError` as `load_network` does.

    Transformers' own loading is avoided: versions 4 and 5 name the weights differently, and 4 fills
    missing weights with random numbers.
    """
    part = folder / spec.component
    network = read_component(part, span, lambda folder: init_empty(spec.model_class, folder))
    state = read_component(part, span, _read_state)
    return load_weights(network, state, part, span, placement.dtype)


def _from_pretrained(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    for file in _list_weight_files(folder):
        detect_layout(file)
    half_only = not any(folder.glob("*model.safetensors*")) and any(
        folder.glob("*model.fp16.safetensors*")
    )
    return kind.from_pretrained(
        str(folder),
        torch_dtype=dtype,
        variant="fp16" if half_only else None,
        use_safetensors=any(folder.glob("*.safetensors")) or None,
        local_files_only=True,
        output_loading_info=True,
    )


def _read_state(part: Path) -> dict[str, Tensor]:
    """Read every tensor of a component's files."""
    state: dict[str, Tensor] = {}
    for file in _list_weight_files(part):
        state |= read_weight_file(file, mmap=True).tensors
    return state


def _list_weight_files(part: Path) -> list[Path]:
    """Return the file of weights or its shards, in full precision where there is a choice."""
    files = sorted(part.glob("*.safetensors")) or sorted(part.glob("*.bin"))
    return [file for file in files if ".fp16" not in file.name] or files
