"""Networks from configurations and weights: every weight comes from the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers.utils import logging as diffusers_logging
from torch import Tensor, nn
from transformers.utils import logging as transformers_logging

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.source import Span


def init_empty(kind: Any, folder: Path) -> Any:
    """Build a network by a folder's `config.json`, without memory for its weights.

    `kind` is a class of diffusers or transformers.
    """
    with init_empty_weights(include_buffers=False):
        if hasattr(kind, "load_config"):
            return kind.from_config(kind.load_config(str(folder)))
        return kind(kind.config_class.from_pretrained(str(folder), local_files_only=True))


def load_weights(
    network: Any, state: Mapping[str, Tensor], part: Path, span: Span, dtype: torch.dtype
) -> Any:
    """Load weights into a network.

    `part` is the path of the component in messages: the model's path and the component's name.
    Raises `PromptError` unless the state has every weight in its shape.
    """
    wanted = network.state_dict()
    found = {_plain(key): value for key, value in state.items()}
    taken = {key: found[_plain(key)] for key in wanted if _plain(key) in found}
    if len(taken) < len(wanted):
        raise PromptError([complaints.model_part_incomplete(part, (len(taken), len(wanted)), span)])
    for key, value in taken.items():
        if value.shape != wanted[key].shape:
            reason = f"`{key}` is {tuple(value.shape)} instead of {tuple(wanted[key].shape)}"
            raise PromptError([complaints.model_part_damaged(part, reason, span)])
    # A copy: what is mapped from a file changes, or crashes, with the file.
    network.load_state_dict(
        {key: value.to(dtype, copy=True) for key, value in taken.items()}, assign=True
    )
    return freeze(network, part, span)


def _plain(key: str) -> str:
    """Remove ``text_model.``, which transformers 4 writes before names and 5 does not."""
    return key.removeprefix("text_model.")


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
