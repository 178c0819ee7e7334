"""Entry points of the runtime: the one module of the language that imports it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from promptlang.plan.events import Event
from promptlang.plan.steps import Plan


class Backend(Protocol):
    """Executor of plans."""

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        """Run a plan and yield its events. Closing the generator stops it; trainings can resume."""
        ...


class BrokenLibraryError(ImportError):
    """A library is installed, but its import failed; the message says why."""


def load_backend() -> Backend:
    """Return the runtime, which takes seconds to import.

    Raises ImportError where its libraries are not installed, and `BrokenLibraryError` where they
    cannot be imported.
    """
    with naming_broken_libraries():
        from promptlang.runtime import Runtime

        backend: Backend = Runtime()
    return backend


@contextmanager
def naming_broken_libraries() -> Iterator[None]:
    """Turn the error of a library that cannot be imported into a `BrokenLibraryError`.

    Without a library of CUDA, PyTorch raises OSError; other damage shows in other exceptions.
    """
    try:
        yield
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise BrokenLibraryError(f"{type(error).__name__}: {error}") from error


ModelBuilder = Callable[[Path], Generator[Event, None, None]]
"""Function that makes the built-in model; downloads and checkpoints stay in the folder."""


def load_model_builder() -> ModelBuilder:
    """Return the program that makes the built-in model.

    Raises ImportError as `load_backend` does.
    """
    with naming_broken_libraries():
        from promptlang.runtime import emoji

        maker: ModelBuilder = emoji.make
    return maker


def tokenizer_folder() -> Path | None:
    """Return the folder of the built-in model's tokenizer; None if it is not installed.

    Like the functions below, it finds the files without importing the runtime.
    """
    merges = _shipped("emoji/model/tokenizer/merges.txt")
    return merges and merges.parent


def emoji_folder() -> Path | None:
    """Return the folder of the built-in model; None if it is not installed."""
    index = _shipped("emoji/model/model_index.json")
    return index and index.parent


def clip_merges() -> Path | None:
    """Return the gzipped merges file of CLIP's tokenizer; None if it is not installed."""
    return _shipped("models/families/config/merges.txt.gz")


def _shipped(name: str) -> Path | None:
    package = find_spec("promptlang.runtime")
    folders = (package.submodule_search_locations if package else None) or []
    return next((file for folder in folders if (file := Path(folder) / name).is_file()), None)
