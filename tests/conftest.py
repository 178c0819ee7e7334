"""What every test may use: a world without a disk, and the screen a user sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings

from promptlang import Diagnostic, Session, Source
from promptlang.analysis.model_paths import ModelIndex

FOLDER = Path("recipe")

ROOT = Path(__file__).parent

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are too small to share
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # nor may a child's threads wait by spinning


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that need torch by their folder, and other tests fast that are not marked."""
    for item in items:
        if item.path.is_relative_to(ROOT / "runtime"):
            item.add_marker(pytest.mark.torch)
        elif not any(map(item.get_closest_marker, ("slow", "torch"))):
            item.add_marker(pytest.mark.fast)


settings.register_profile("same", derandomize=True)
settings.register_profile("search")
settings.load_profile("same")
"""The same examples at every run; ``--hypothesis-profile=search`` draws new ones."""


@dataclass(frozen=True)
class Memory:
    """A world that is what the test says."""

    folders: Collection[str] = ()
    empty: Collection[str] = ()
    models: Collection[str] = ()
    adapters: Collection[str] = field(default=())
    files: Collection[str] = ()
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    recipes: Mapping[str, str] = field(default_factory=dict)

    tokens_of: Mapping[str, Collection[str]] = field(default_factory=dict)
    triggers_of: Mapping[str, str] = field(default_factory=dict)

    tokens_there: Collection[str] = ()
    shelved: Mapping[str, ModelIndex] = field(default_factory=dict)

    def shelf(self, kind: str) -> ModelIndex:
        return self.shelved.get(kind, ModelIndex())

    def trained(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        return {}

    def embeddings(self, folder: Path) -> dict[str, Path]:
        return {name: folder / f"{name}.pt" for name in self.tokens_there}

    def tokens(self, file: Path) -> frozenset[str]:
        return frozenset(self.tokens_of.get(file.stem, ()))

    def triggers(self, file: Path) -> str:
        return self.triggers_of.get(file.stem, "")

    def is_folder(self, path: Path) -> bool:
        return str(path.relative_to(FOLDER)) in {*self.folders, *self.empty}

    def is_source(self, path: Path) -> bool:
        return self.is_folder(path)

    def has_pictures(self, source: Path) -> bool:
        return str(source.relative_to(FOLDER)) in self.folders

    def is_model(self, path: Path) -> bool:
        return str(path.relative_to(FOLDER)) in self.models

    def is_file(self, path: Path) -> bool:
        return str(path.relative_to(FOLDER)) in self.files

    def lines(self, folder: Path, pattern: str) -> Sequence[str]:
        return (
            self.lists.get(pattern, ()) if str(folder.relative_to(FOLDER)) in self.folders else ()
        )

    def read(self, file: Path) -> str | None:
        return self.recipes.get(file.as_posix())

    def loras(self, folder: Path) -> dict[str, Path]:
        return {name: folder / f"{name}.safetensors" for name in self.adapters}


WORLD = Memory(
    folders=["photos"],
    empty=["empty"],
    models=["models/sd", "downloads/dream.safetensors"],
    adapters=["ink", "ukiyo-e"],
    files=["downloads/wash.safetensors"],
    lists={"animal": ["fox", "owl"], "loop": ["a __loop__"]},
    recipes={
        "recipe/circle.pl": 'include "circle.pl"',
        "recipe/parts/base.pl": "set steps 7\nlet hero = a man",
    },
)


@pytest.fixture
def session() -> Session:
    return Session(FOLDER, "recipe", world=WORLD)


@pytest.fixture
def complaints(session: Session) -> Callable[[str], list[Diagnostic]]:
    """What is wrong with a program, in the order of its lines."""
    return lambda text: list(session.plan(Source(text, "recipe.pl")).diagnostics)
