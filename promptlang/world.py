"""What the language asks of the outside: which folders, models and adapters there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from promptlang.plan import PICTURE_ENDINGS


class World(Protocol):
    """Answers about files; tests have one without a disk."""

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder."""
        ...

    def has_pictures(self, folder: Path) -> bool:
        """Whether a folder holds at least one picture."""
        ...

    def is_model(self, folder: Path) -> bool:
        """Whether a folder holds a model in diffusers' layout."""
        ...

    def loras(self, folder: Path) -> dict[str, Path]:
        """The LoRA files of a folder, by the name a prompt calls them."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """The world of real files."""

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder."""
        return path.is_dir()

    def has_pictures(self, folder: Path) -> bool:
        """Whether a folder holds at least one picture."""
        return any(file.suffix.lower() in PICTURE_ENDINGS for file in folder.iterdir())

    def is_model(self, folder: Path) -> bool:
        """Whether a folder holds a model in diffusers' layout."""
        return (folder / "model_index.json").is_file()

    def loras(self, folder: Path) -> dict[str, Path]:
        """The LoRA files of a folder, by the name a prompt calls them."""
        return {file.stem: file for file in sorted(folder.glob("*.safetensors"))}


@dataclass(frozen=True, slots=True)
class Granted:
    """A world in which there is whatever one asks for."""

    def is_folder(self, path: Path) -> bool:  # noqa: ARG002
        """Whether there is a folder."""
        return True

    def has_pictures(self, folder: Path) -> bool:  # noqa: ARG002
        """Whether a folder holds at least one picture."""
        return True

    def is_model(self, folder: Path) -> bool:  # noqa: ARG002
        """Whether a folder holds a model in diffusers' layout."""
        return True

    def loras(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """The LoRA files of a folder, by the name a prompt calls them."""
        return {}
