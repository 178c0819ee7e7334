"""The syntax tree. Each node's docstring is the source text that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from promptlang.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A piece of a program. Nodes are equal when they say the same, wherever they stand."""

    span: Span = field(compare=False, repr=False)


# Prompts


@dataclass(frozen=True, slots=True)
class Text(Node):
    r"""``a fox \(red\)``: words, their escapes read."""

    value: str


@dataclass(frozen=True, slots=True)
class Emphasis(Node):
    """``(a cat:1.2)``: phrases that the model attends to more, or less, than their neighbours."""

    phrases: tuple[Phrase, ...]
    weight: float | None
    """None where no number is written, which means 1.1."""


@dataclass(frozen=True, slots=True)
class Deemphasis(Node):
    """``[a cat]``: phrases that the model attends to less, by a factor of 1.1."""

    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Lora(Node):
    """``<lora:ink:0.6>``: a LoRA and its strength on the text encoder and on the UNet."""

    name: str
    text_encoder: float
    unet: float


Phrase = Text | Emphasis | Deemphasis | Lora


@dataclass(frozen=True, slots=True)
class Prompt(Node):
    """``a fox, (red:1.2), <lora:ink>``: what a picture should show."""

    phrases: tuple[Phrase, ...]


# Values and options


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``30`` or ``0.5``; `value` is an int where it is written without a point."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Size(Node):
    """``512x768``: width and height."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class String(Node):
    '''``"low quality"`` or ``"""over lines"""``.'''

    value: str


@dataclass(frozen=True, slots=True)
class Word(Node):
    """``ddim``: a name."""

    value: str


Value = Number | Size | String | Word


@dataclass(frozen=True, slots=True)
class Option(Node):
    """``--steps 30``."""

    name: str
    value: Value | None


# Statements


@dataclass(frozen=True, slots=True)
class UseModel(Node):
    """``use model emoji``: the base model for what follows."""

    reference: Word | String


@dataclass(frozen=True, slots=True)
class Set(Node):
    """``set steps 30``: a default for what follows."""

    key: Word
    value: Value


@dataclass(frozen=True, slots=True)
class TrainLora(Node):
    """``train lora ink from "photos/ink" --rank 16``."""

    name: Word
    data: Word | String
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Picture(Node):
    """``a fox, <lora:ink:0.6> --seed 7``: a prompt on its own line, to be rendered."""

    prompt: Prompt
    options: tuple[Option, ...]


Statement = UseModel | Set | TrainLora | Picture


@dataclass(frozen=True, slots=True)
class Program(Node):
    """A recipe, or what was typed at the REPL."""

    statements: tuple[Statement, ...]


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it, in the order of the source; however deep they are nested."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(list(_children(node)))


def _children(node: Node) -> Iterator[Node]:
    for each in fields(node):
        value = getattr(node, each.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                yield child
