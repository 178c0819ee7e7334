"""What holds at a place in a program: the settings, the base model, and the LoRAs by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from promptlang import ast
from promptlang.plan import EMOJI, Model
from promptlang.world import World

ADAPTERS = "adapters"
"""The folder, beside a recipe, that trained LoRAs are kept in and found in."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the statements so far have established."""

    folder: Path
    """Where relative paths start."""
    model: Model = EMOJI
    settings: Mapping[str, ast.Value] = field(default_factory=dict)
    loras: Mapping[str, Path] = field(default_factory=dict)
    embeddings: Mapping[str, Path] = field(default_factory=dict)

    def path(self, operand: ast.Word | ast.String) -> Path:
        """A file or folder that the program names."""
        return self.folder / Path(operand.value).expanduser()

    def after(self, statement: ast.Statement) -> Scope:
        """What holds for the statements that follow."""
        match statement:
            case ast.UseModel(reference):
                return replace(self, model=self.find_model(reference))
            case ast.Set(key, value):
                return replace(self, settings={**self.settings, key.value: value})
            case ast.TrainLora(name):
                return replace(self, loras={**self.loras, name.value: self.adapter(name.value)})
            case ast.Picture():
                return self

    def find_model(self, reference: ast.Word | ast.String) -> Model:
        """The built-in model for its name, or else the one in a folder."""
        if isinstance(reference, ast.Word) and reference.value == EMOJI.name:
            return EMOJI
        folder = self.path(reference)
        return Model(folder.name, folder)

    def adapter(self, name: str) -> Path:
        """The file of the LoRA that is trained under a name."""
        return self.folder / ADAPTERS / f"{name}.safetensors"


@dataclass(frozen=True, slots=True)
class Scoped:
    """A statement, and what holds where it stands."""

    statement: ast.Statement
    scope: Scope


def initial(folder: Path, world: World) -> Scope:
    """What holds before a program's first statement: nothing but the LoRAs that are already there."""
    return Scope(folder, loras=world.loras(folder / ADAPTERS))


def scoped(program: ast.Program, scope: Scope) -> Iterator[Scoped]:
    """Each statement with what holds where it stands."""
    for statement in program.statements:
        yield Scoped(statement, scope)
        scope = scope.after(statement)
