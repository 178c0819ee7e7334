"""Statements, and the program that consists of them."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.ast.node import Node
from promptlang.ast.prompts import Prompt
from promptlang.ast.values import Option, String, Value, Word

Operand = Word | String


@dataclass(frozen=True, slots=True)
class UseModel(Node):
    """``use model emoji``: the base model for what follows."""

    reference: Operand
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class UseVae(Node):
    """``use vae "kl-f8.safetensors"``"""

    reference: Operand


@dataclass(frozen=True, slots=True)
class UseLora(Node):
    """``use lora "downloads/ink.safetensors" as ink``"""

    reference: Operand
    name: Word | None


@dataclass(frozen=True, slots=True)
class UseTi(Node):
    """``use ti "downloads/style.pt" as <style>``"""

    reference: Operand
    name: Word | None


@dataclass(frozen=True, slots=True)
class UseWildcards(Node):
    """``use wildcards "lists"``: the folder that ``__animal__`` is looked up in."""

    folder: Operand


@dataclass(frozen=True, slots=True)
class Set(Node):
    """``set steps 30``: a default for what follows."""

    key: Word
    value: Value


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """``light="soft"``: what a `let` may be given."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Let(Node):
    """``let hero(light="soft") = a man in ${light} light``"""

    name: Word
    parameters: tuple[Parameter, ...]
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TrainLora(Node):
    """``train lora ink from "photos/ink" --rank 16``."""

    name: Word
    data: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class TrainDreambooth(Node):
    """``train dreambooth shivman from "photos/shiv" --prompt "a photo of sks man"``"""

    name: Word
    data: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class TrainTi(Node):
    """``train ti <shivstyle> from "photos/style" --vectors 2``"""

    name: Word
    data: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Ingredient(Node):
    """``ink:0.6``: an adapter and its strength."""

    name: Word
    weight: float


@dataclass(frozen=True, slots=True)
class Merge(Node):
    """``merge lora both from ink:0.6 wash:0.4`` or ``merge ti <both> from <a> <b>``"""

    kind: str
    name: Word
    ingredients: tuple[Ingredient, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Extract(Node):
    """``extract lora shiv from shivman --rank 16``"""

    name: Word
    model: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Convert(Node):
    """``convert ink to kohya``"""

    name: Operand
    format: Word
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Caption(Node):
    """``caption "photos"``"""

    data: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class CheckData(Node):
    """``check data "photos"``"""

    data: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Validate(Node):
    """``validate ink``"""

    name: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Plot(Node):
    """``plot ink``"""

    name: Operand
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Include(Node):
    """``include "base.pl"``"""

    file: String


@dataclass(frozen=True, slots=True)
class Picture(Node):
    """``a fox, <lora:ink:0.6> --seed 7``: a prompt on its own line, to be rendered."""

    prompt: Prompt
    options: tuple[Option, ...]
    forced: bool = False
    """True if it is written with ``render``."""


Training = TrainLora | TrainDreambooth | TrainTi

Statement = (
    UseModel
    | UseVae
    | UseLora
    | UseTi
    | UseWildcards
    | Set
    | Let
    | Training
    | Merge
    | Extract
    | Convert
    | Caption
    | CheckData
    | Validate
    | Plot
    | Include
    | Picture
)


@dataclass(frozen=True, slots=True)
class Program(Node):
    """A recipe, or what was typed at the REPL."""

    statements: tuple[Statement, ...]
