"""Networks from configurations and weights: every weight from the file, none left to chance."""

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
    """A network of a class of diffusers or transformers by a folder's `config.json`, without memory for its weights."""
    with init_empty_weights(include_buffers=False):
        if hasattr(kind, "load_config"):
            return kind.from_config(kind.load_config(str(folder)))
        return kind(kind.config_class.from_pretrained(str(folder), local_files_only=True))


def load_weights(
    network: Any, state: Mapping[str, Tensor], part: Path, span: Span, dtype: torch.dtype
) -> Any:
    """The network with its weights; raises `PromptError` unless the state has every one of them, in its shape.

    `part` is what messages call it: the path of the model, and in it the part's name.
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
    """Transformers 4 writes ``text_model.`` before a text encoder's names, 5 does not."""
    return key.removeprefix("text_model.")


def add_text_model_prefix(key: str) -> str:
    """A text encoder's name for a module or a weight, as transformers 4 and all other tools write it."""
    return key if key.startswith(("text_model.", "text_projection")) else f"text_model.{key}"


def freeze(network: Any, part: Path, span: Span) -> Any:
    """The network for use, not for change; raises `PromptError` where a weight is infinite or not a number."""
    for name, parameter in network.named_parameters():
        if not torch.isfinite(parameter.detach().sum(dtype=torch.float32)):
            raise PromptError([complaints.model_part_not_finite(part, name, span)])
    return network.eval().requires_grad_(False)


def move_to(network: nn.Module, device: torch.device, dtype: torch.dtype | None = None) -> Any:
    """In place; not diffusers' own `to`, which logs advice."""
    return nn.Module.to(network, device, dtype)


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Both libraries draw bars and log advice on the terminal, which is not theirs."""
    levels = diffusers_logging.get_verbosity(), transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity(library.CRITICAL)
        library.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(levels[0])
        transformers_logging.set_verbosity(levels[1])
        if bars:
            transformers_logging.enable_progress_bar()
            diffusers_logging.enable_progress_bar()
