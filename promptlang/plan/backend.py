"""The doors to the runtime: the one place that names it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from promptlang.plan.events import Event
from promptlang.plan.steps import Plan


class Backend(Protocol):
    """Carries out plans."""

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        """Carry out a plan, telling of it as it goes. Closing the generator stops the work and loses nothing."""
        ...


def load_backend() -> Backend:
    """The runtime, which takes seconds to import. Raises ImportError where its libraries are not installed."""
    from promptlang.runtime import Runtime

    backend: Backend = Runtime()
    return backend


ModelBuilder = Callable[[Path], Generator[Event, None, None]]
"""Makes the built-in model, keeping its downloads and checkpoints in a folder."""


def load_model_builder() -> ModelBuilder:
    """The program that makes the built-in model. Raises ImportError where its libraries are not installed."""
    from promptlang.runtime import emoji

    maker: ModelBuilder = emoji.make
    return maker


def tokenizer_folder() -> Path | None:
    """The files of the built-in model's tokenizer, found without importing the runtime; None where they are not."""
    merges = _shipped("emoji/model/tokenizer/merges.txt")
    return merges and merges.parent


def emoji_folder() -> Path | None:
    """The built-in model, likewise."""
    index = _shipped("emoji/model/model_index.json")
    return index and index.parent


def clip_merges() -> Path | None:
    """What CLIP's tokenizer merges, packed, likewise."""
    return _shipped("models/families/config/merges.txt.gz")


def _shipped(name: str) -> Path | None:
    found = find_spec("promptlang.runtime")
    folders = (found.submodule_search_locations if found else None) or []
    return next((file for folder in folders if (file := Path(folder) / name).is_file()), None)
