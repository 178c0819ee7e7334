"""Networks from configurations and weights: every weight comes from the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers.utils import logging as diffusers_logging
from torch import nn
from transformers.utils import logging as transformers_logging

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.source import Span

from .configurations import check_text_encoder, read_config
from .stored_weights import StoredWeight


def init_empty(kind: Any, folder: Path) -> Any:
    """Build a network by a folder's `config.json`, without memory for its weights.

    `kind` is a class of diffusers or transformers.
    """
    config = read_config(folder / "config.json")
    return build_empty(kind, config if hasattr(kind, "load_config") else check_text_encoder(config))


def build_empty(kind: Any, config: Mapping[str, Any]) -> Any:
    """Build a network by its configuration, without memory for its weights."""
    with init_empty_weights(include_buffers=False):
        if hasattr(kind, "load_config"):
            return kind.from_config(dict(config))
        return kind(kind.config_class.from_dict(dict(config)))


def check_weights(network: Any, stored: Mapping[str, StoredWeight], part: Path, span: Span) -> None:
    """Raise `PromptError` unless a file has every weight of a network, in its shape, as floats.

    `part` is the path of the component in messages: the model's path and the component's name.
    """
    wanted = network.state_dict()
    if len(stored) < len(wanted):
        raise PromptError(
            [complaints.model_part_incomplete(part, (len(stored), len(wanted)), span)]
        )
    for key, weight in stored.items():
        if not weight.fits(tuple(wanted[key].shape)):
            reason = f"`{key}` is {weight.shape} instead of {tuple(wanted[key].shape)}"
            raise PromptError([complaints.model_part_damaged(part, reason, span)])


def load_weights(
    network: Any, stored: Mapping[str, StoredWeight], part: Path, span: Span, dtype: torch.dtype
) -> Any:
    """Load weights into a network; raises `PromptError` as `check_weights` and `freeze` do."""
    check_weights(network, stored, part, span)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    state = {key: weight.read(shapes[key], dtype) for key, weight in stored.items()}
    network.load_state_dict(state, assign=True)
    return freeze(network, part, span)


def add_text_model_prefix(key: str) -> str:
    """Return the name of a text encoder's weight as transformers 4 and all other tools write it."""
    return key if key.startswith(("text_model.", "text_projection")) else f"text_model.{key}"


def freeze(network: Any, part: Path, span: Span) -> Any:
    """Set a network to evaluation mode, without gradients.

    Raises `PromptError` if a weight is infinite or not a number.
    """
    for name, parameter in network.named_parameters():
        if not torch.isfinite(parameter.detach().sum(dtype=torch.float32)):
            raise PromptError([complaints.model_part_not_finite(part, name, span)])
    return network.eval().requires_grad_(False)


def move_to(network: nn.Module, device: torch.device, dtype: torch.dtype | None = None) -> Any:
    """Move a network in place, without the advice that diffusers' own `to` logs."""
    return nn.Module.to(network, device, dtype)


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Keep the progress bars and the advice of both libraries off the terminal."""
    levels = diffusers_logging.get_verbosity(), transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    libraries: tuple[Any, ...] = diffusers_logging, transformers_logging
    for library in libraries:
        library.set_verbosity(library.CRITICAL)
        library.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(levels[0])
        transformers_logging.set_verbosity(levels[1])
        if bars:
            for library in libraries:
                library.enable_progress_bar()
