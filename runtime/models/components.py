"""The folders of a model's components in diffusers' layout: configurations, networks, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import PickleError
from typing import Any, Final, TypeVar

import torch
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.files import UnreadableFileError, as_object, parse_json, read_bytes
from promptlang.source import Span

from ..devices import DevicePlacement
from .component_files import find_weight_files
from .configurations import (
    UnusableConfigError,
    WrongSettingError,
    check_text_encoder,
    read_config,
)
from .families import TextEncoderSpec, ldm
from .networks import build_empty, load_weights, silence_libraries
from .stored_weights import Places
from .tensor_store import TensorStore
from .weight_files import UnsafePickleError, read_weight_file

Component = TypeVar("Component")

MAX_REASON: Final = 240
"""Characters of a library's message that are shown."""


def read_component(part: Path, span: Span, read: Callable[[Path], Component]) -> Component:
    """Read a component's folder or file; raises `PromptError` if it is missing or damaged."""
    if not part.exists():
        raise PromptError([complaints.model_part_missing(part, span)])
    try:
        with silence_libraries():
            return read(part)
    except PromptError:
        raise
    except UnusableConfigError as error:
        raise PromptError([complaints.other_network(part, str(error), span)]) from error
    except WrongSettingError as error:
        problem = complaints.model_setting_wrong(part, error.setting, error.reason, span)
        raise PromptError([problem]) from error
    except Exception as error:  # the libraries raise nearly anything on a stranger's configuration
        problem = complaints.model_part_damaged(part, _first_line(error), span)
        raise PromptError([problem]) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, PickleError):  # torch advises to run the pickle, program or not
        error = UnsafePickleError()
    return (str(error).strip() or type(error).__name__).splitlines()[0][:MAX_REASON]


def read_json(file: Path) -> dict[str, Any]:
    """Read a configuration, an object of JSON; raises `UnreadableFileError`."""
    return as_object(parse_json(read_bytes(file)))


def load_network(
    kind: Any,
    folder: Path,
    span: Span,
    *,
    check: Callable[[Mapping[str, Any]], None],
    dtype: Callable[[Mapping[str, Any]], torch.dtype],
) -> Any:
    """Load a network of diffusers, also with the older names of its layers.

    `check` raises `UnusableConfigError` for a configuration that cannot be used, and `dtype`
    chooses the number format by it. Raises `PromptError` if the folder is missing or damaged, lacks
    a weight, or holds a tensor that the network does not take.
    """

    def build(folder: Path) -> Any:
        config = read_config(folder / "config.json")
        check(config)
        return build_empty(kind, config)

    network = read_component(folder, span, build)
    store = _read_store(folder, span)
    wanted = list(network.state_dict())
    places = read_component(
        folder, span, lambda _: ldm.place_diffusers(wanted, "", store.tensors.keys())
    )
    return _load(network, store, places, dtype(network.config))


def load_text_encoder(
    folder: Path, spec: TextEncoderSpec, span: Span, placement: DevicePlacement
) -> Any:
    """Load a text encoder from a model's folder; raises `PromptError` as `load_network` does.

    Transformers' own loading is avoided: versions 4 and 5 name the weights differently, and 4 fills
    missing weights with random numbers.
    """
    part = folder / spec.component

    def build(part: Path) -> Any:
        return build_empty(spec.model_class, check_text_encoder(read_config(part / "config.json")))

    network = read_component(part, span, build)
    store = _read_store(part, span)
    places = ldm.place_clip(network.state_dict(), "", store.tensors.keys())
    return _load(network, store, places, placement.dtype)


def _load(network: Any, store: TensorStore, places: Places, dtype: torch.dtype) -> Any:
    stored = store.take(places)
    loaded = load_weights(network, stored, store.path, store.span, dtype)
    store.refuse_leftovers(None, ())
    return loaded


def _read_store(part: Path, span: Span) -> TensorStore:
    """Read every tensor of a component's files."""

    def read(part: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
        tensors: dict[str, Tensor] = {}
        metadata: dict[str, str] = {}
        for file in find_weight_files(part):
            weights = read_weight_file(file, mmap=True)
            twice = next((key for key in weights.tensors if key in tensors), None)
            if twice is not None:
                raise UnreadableFileError(f"`{twice[:80]}` is in two files of weights")
            tensors |= weights.tensors
            metadata |= weights.metadata
        return tensors, metadata

    return TensorStore.of(part, *read_component(part, span, read), span)
