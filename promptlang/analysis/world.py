"""What the language asks of the outside: which folders, models and adapters there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from promptlang.analysis.model_paths import ModelIndex, ModelPaths, find_model_folders
from promptlang.datasets import sources
from promptlang.inspection.headers import bundled_tokens, trigger_words
from promptlang.plan.formats import EMBEDDING_ENDINGS, MODEL_INDEX, WEIGHT_ENDINGS


class World(Protocol):
    """Answers about files; tests have one without a disk."""

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder."""
        ...

    def is_source(self, path: Path) -> bool:
        """Whether pictures can be there: a folder, a list of files, or a pattern."""
        ...

    def has_pictures(self, source: Path) -> bool:
        """Whether there is at least one picture, also in a folder called like ``10_sks dog``."""
        ...

    def is_model(self, path: Path) -> bool:
        """Whether it is a folder with a model in diffusers' layout, or a file that may be one."""
        ...

    def loras(self, folder: Path) -> dict[str, Path]:
        """The LoRA files of a folder, by the name a prompt calls them."""
        ...

    def embeddings(self, folder: Path) -> dict[str, Path]:
        """The tokens' files of a folder, by the name that stands in angle brackets."""
        ...

    def trained(self, folder: Path) -> dict[str, Path]:
        """The models of a folder that were trained there, by their names."""
        ...

    def shelf(self, kind: str) -> ModelIndex:
        """The ``loras``, ``embeddings`` or ``models`` that lie outside of any recipe's folder."""
        ...

    def triggers(self, file: Path) -> str:
        """The trigger words stored in a LoRA; empty where there are none."""
        ...

    def tokens(self, file: Path) -> frozenset[str]:
        """The tokens that a LoRA brings along."""
        ...

    def is_file(self, path: Path) -> bool:
        """Whether there is a file."""
        ...

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:
        """The lines of the wildcard files of a folder whose name, without its end, matches."""
        ...

    def read(self, file: Path) -> str | None:
        """The text of a recipe, None where it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """The world of real files."""

    shelves: ModelPaths = field(default_factory=ModelPaths)

    def shelf(self, kind: str) -> ModelIndex:
        """The ``loras``, ``embeddings`` or ``models`` that lie outside of any recipe's folder."""
        return self.shelves.shelves[kind]

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder."""
        return path.is_dir()

    def is_source(self, path: Path) -> bool:
        """Whether pictures can be there: a folder, a list of files, or a pattern."""
        return sources.is_source(path)

    def has_pictures(self, source: Path) -> bool:
        """Whether there is at least one picture."""
        return any(
            isinstance(each, sources.MissingEntry) or each.files
            for each in sources.scan_source(source)
        )

    def is_model(self, path: Path) -> bool:
        """Whether it is a folder with a model in diffusers' layout, or a file that may be one."""
        return (path / MODEL_INDEX).is_file() or (
            path.suffix.lower() in WEIGHT_ENDINGS and path.is_file()
        )

    def loras(self, folder: Path) -> dict[str, Path]:
        """The LoRA files of a folder, and PEFT's folders, by the name a prompt calls them."""
        folders = [
            *find_model_folders(folder, "loras", "*/"),
            *find_model_folders(folder, "loras", "*/*/"),
        ]
        return {each.name: each for each in sorted(folders) if each.parent == folder} | {
            file.stem: file for file in sorted(folder.glob("*.safetensors"))
        }

    def embeddings(self, folder: Path) -> dict[str, Path]:
        """The tokens' files of a folder, by the name that stands in angle brackets."""
        return {
            file.stem: file
            for file in sorted(folder.glob("*"))
            if file.suffix.lower() in EMBEDDING_ENDINGS
        }

    def trained(self, folder: Path) -> dict[str, Path]:
        """The models of a folder that were trained there, by their names."""
        return {each.name: each for each in find_model_folders(folder, "models", "*/")}

    def triggers(self, file: Path) -> str:
        """The trigger words stored in a LoRA; empty where there are none."""
        return trigger_words(file)

    def tokens(self, file: Path) -> frozenset[str]:
        """The tokens that a LoRA brings along."""
        return bundled_tokens(file)

    def is_file(self, path: Path) -> bool:
        """Whether there is a file."""
        return path.is_file()

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:
        """The lines of the wildcard files of a folder whose name, without its end, matches."""
        found: list[str] = []
        for file in sorted(folder.glob(f"{pattern}.txt")) if ".." not in pattern else []:
            lines = (
                line.strip() for line in file.read_text("utf-8", errors="replace").splitlines()
            )
            found += [line for line in lines if line and not line.startswith("#")]
        return found

    def read(self, file: Path) -> str | None:
        """The text of a recipe, None where it cannot be read."""
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None


@dataclass(frozen=True, slots=True)
class PermissiveWorld:
    """A world in which there is whatever one asks for."""

    def shelf(self, kind: str) -> ModelIndex:  # noqa: ARG002
        """The ``loras``, ``embeddings`` or ``models`` that lie outside of any recipe's folder."""
        return ModelIndex()

    def is_folder(self, path: Path) -> bool:  # noqa: ARG002
        """Whether there is a folder."""
        return True

    def is_source(self, path: Path) -> bool:  # noqa: ARG002
        """Whether pictures can be there."""
        return True

    def has_pictures(self, source: Path) -> bool:  # noqa: ARG002
        """Whether there is at least one picture."""
        return True

    def is_model(self, path: Path) -> bool:  # noqa: ARG002
        """Whether it is a folder with a model in diffusers' layout, or a file that may be one."""
        return True

    def loras(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """The LoRA files of a folder, by the name a prompt calls them."""
        return {}

    def embeddings(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """The tokens' files of a folder, by the name that stands in angle brackets."""
        return {}

    def trained(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """The models of a folder that were trained there, by their names."""
        return {}

    def triggers(self, file: Path) -> str:  # noqa: ARG002
        """The trigger words stored in a LoRA."""
        return "something"

    def tokens(self, file: Path) -> frozenset[str]:  # noqa: ARG002
        """The tokens that a LoRA brings along."""
        return frozenset()

    def is_file(self, path: Path) -> bool:  # noqa: ARG002
        """Whether there is a file."""
        return True

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:  # noqa: ARG002
        """The lines of the wildcard files of a folder whose name, without its end, matches."""
        return ("something",)

    def read(self, file: Path) -> str | None:  # noqa: ARG002
        """The text of a recipe, None where it cannot be read."""
        return ""
