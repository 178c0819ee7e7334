"""The outside of a program: the folders, models and adapters that exist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from promptlang.analysis.model_paths import ModelIndex, ModelPaths, find_model_folders
from promptlang.analysis.wildcard_lists import find_lines
from promptlang.datasets import sources
from promptlang.files import UnreadableFileError, is_file, is_folder, list_folder, read_text
from promptlang.inspection.headers import bundled_tokens, trigger_words
from promptlang.plan.formats import (
    EMBEDDING_ENDINGS,
    MODEL_INDEX,
    RECIPE_ENDING,
    WEIGHT_ENDINGS,
)


class World(Protocol):
    """Answers about files; tests use a world without a disk."""

    def is_folder(self, path: Path) -> bool:
        """Return whether a folder is at this path."""
        ...

    def is_source(self, path: Path) -> bool:
        """Return whether a path may name pictures: a folder, a list of files, or a pattern."""
        ...

    def has_pictures(self, source: Path) -> bool:
        """Return whether a source has a picture, also in a folder named like ``10_sks dog``."""
        ...

    def is_model(self, path: Path) -> bool:
        """Return whether a path is a folder in diffusers' layout, or a file that may be a model."""
        ...

    def loras(self, folder: Path) -> dict[str, Path]:
        """Return the LoRA files in a folder by their names in prompts."""
        ...

    def embeddings(self, folder: Path) -> dict[str, Path]:
        """Return the files of tokens in a folder by the names in angle brackets."""
        ...

    def trained(self, folder: Path) -> dict[str, Path]:
        """Return the models that were trained into a folder by their names."""
        ...

    def shelf(self, kind: str) -> ModelIndex:
        """Return the ``loras``, ``embeddings`` or ``models`` in the configured folders."""
        ...

    def triggers(self, file: Path) -> str:
        """Return the trigger words that the file of a LoRA stores, empty if it stores none."""
        ...

    def tokens(self, file: Path) -> frozenset[str]:
        """Return the names of the tokens that the file of a LoRA holds."""
        ...

    def is_file(self, path: Path) -> bool:
        """Return whether a file is at this path."""
        ...

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:
        """Return the lines of the wildcard lists in a folder whose names match a pattern.

        Raises `UnreadableFileError` if a list cannot be read.
        """
        ...

    def read(self, file: Path) -> str | None:
        """Return the text of a recipe, None if there is none.

        Raises `UnreadableFileError` if the file is not a recipe, or cannot be read.
        """
        ...


_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
"""Control characters that no recipe has."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The world of real files."""

    shelves: ModelPaths = field(default_factory=ModelPaths)

    def shelf(self, kind: str) -> ModelIndex:
        """Return the ``loras``, ``embeddings`` or ``models`` in the configured folders."""
        return self.shelves.shelves[kind]

    def is_folder(self, path: Path) -> bool:
        """Return whether a folder is at this path."""
        return is_folder(path)

    def is_source(self, path: Path) -> bool:
        """Return whether a path may name pictures: a folder, a list of files, or a pattern."""
        return sources.is_source(path)

    def has_pictures(self, source: Path) -> bool:
        """Return whether a source has a picture."""
        try:
            return any(
                isinstance(each, sources.MissingEntry) or each.files
                for each in sources.scan_source(source)
            )
        except UnreadableFileError:  # a list, of which its reader says what is wrong
            return True

    def is_model(self, path: Path) -> bool:
        """Return whether a path is a folder in diffusers' layout, or a file that may be a model."""
        return is_file(path / MODEL_INDEX) or (
            path.suffix.lower() in WEIGHT_ENDINGS and is_file(path)
        )

    def loras(self, folder: Path) -> dict[str, Path]:
        """Return the LoRA files and PEFT folders in a folder by their names in prompts."""
        folders = [
            *find_model_folders(folder, "loras", "*/"),
            *find_model_folders(folder, "loras", "*/*/"),
        ]
        return {each.name: each for each in sorted(folders) if each.parent == folder} | {
            file.stem: file
            for file in list_folder(folder)
            if file.suffix == ".safetensors" and is_file(file)
        }

    def embeddings(self, folder: Path) -> dict[str, Path]:
        """Return the files of tokens in a folder by the names in angle brackets."""
        return {
            file.stem: file
            for file in list_folder(folder)
            if file.suffix.lower() in EMBEDDING_ENDINGS and is_file(file)
        }

    def trained(self, folder: Path) -> dict[str, Path]:
        """Return the models that were trained into a folder by their names."""
        return {each.name: each for each in find_model_folders(folder, "models", "*/")}

    def triggers(self, file: Path) -> str:
        """Return the trigger words that the file of a LoRA stores, empty if it stores none."""
        return trigger_words(file)

    def tokens(self, file: Path) -> frozenset[str]:
        """Return the names of the tokens that the file of a LoRA holds."""
        return bundled_tokens(file)

    def is_file(self, path: Path) -> bool:
        """Return whether a file is at this path."""
        return is_file(path)

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:
        """Return the lines of the wildcard lists in a folder whose names match a pattern."""
        return find_lines(folder, pattern)

    def read(self, file: Path) -> str | None:
        """Return the text of a recipe; raises `UnreadableFileError` if it is none."""
        text = read_text(file)
        if file.resolve().suffix.lower() != RECIPE_ENDING or _NO_TEXT.search(text):
            raise UnreadableFileError(f"`{file.name}` is not a recipe")
        return text


@dataclass(frozen=True, slots=True)
class PermissiveWorld:
    """A world in which every file and name exists."""

    def shelf(self, kind: str) -> ModelIndex:  # noqa: ARG002
        """Return the ``loras``, ``embeddings`` or ``models`` in the configured folders."""
        return ModelIndex()

    def is_folder(self, path: Path) -> bool:  # noqa: ARG002
        """Return whether a folder is at this path."""
        return True

    def is_source(self, path: Path) -> bool:  # noqa: ARG002
        """Return whether a path may name pictures."""
        return True

    def has_pictures(self, source: Path) -> bool:  # noqa: ARG002
        """Return whether a source has a picture."""
        return True

    def is_model(self, path: Path) -> bool:  # noqa: ARG002
        """Return whether a path is a folder in diffusers' layout, or a file that may be a model."""
        return True

    def loras(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """Return the LoRA files in a folder by their names in prompts."""
        return {}

    def embeddings(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """Return the files of tokens in a folder by the names in angle brackets."""
        return {}

    def trained(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """Return the models that were trained into a folder by their names."""
        return {}

    def triggers(self, file: Path) -> str:  # noqa: ARG002
        """Return the trigger words that the file of a LoRA stores."""
        return "something"

    def tokens(self, file: Path) -> frozenset[str]:  # noqa: ARG002
        """Return the names of the tokens that the file of a LoRA holds."""
        return frozenset()

    def is_file(self, path: Path) -> bool:  # noqa: ARG002
        """Return whether a file is at this path."""
        return True

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:  # noqa: ARG002
        """Return the lines of the wildcard lists in a folder whose names match a pattern."""
        return ("something",)

    def read(self, file: Path) -> str | None:  # noqa: ARG002
        """Return the text of a recipe, None if it cannot be read."""
        return ""
