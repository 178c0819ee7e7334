"""Prompts, and the templates in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from promptlang.ast.node import Node
from promptlang.ast.numbers import Amount, Moment


@dataclass(frozen=True, slots=True)
class Text(Node):
    r"""``a fox \(red\)``: words, their escapes read."""

    value: str


@dataclass(frozen=True, slots=True)
class Emphasis(Node):
    """``(a cat:1.2)``: phrases that the model attends to more, or less, than their neighbours."""

    phrases: tuple[Phrase, ...]
    weight: Amount | None
    """The factor; None if no number is written, which means 1.1."""


@dataclass(frozen=True, slots=True)
class Deemphasis(Node):
    """``[a cat]``: phrases that the model attends to less, by a factor of 1.1."""

    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Lora(Node):
    """``<lora:ink:0.6>``: a LoRA and its strength on the text encoder and on the UNet."""

    name: str
    text_encoder: Amount
    unet: Amount


@dataclass(frozen=True, slots=True)
class Embedding(Node):
    """``<painterly>``: a textual-inversion token, which stands for all its vectors."""

    name: str


@dataclass(frozen=True, slots=True)
class Trigger(Node):
    """``<trigger:ink>``: the trigger words that are stored in a LoRA."""

    name: str


@dataclass(frozen=True, slots=True)
class Area(Node):
    """``<area:0,0.5,0,1>``: where its part acts, as fractions of the picture."""

    left: float
    right: float
    top: float
    bottom: float
    feather: float


@dataclass(frozen=True, slots=True)
class Opening(Node):
    """``(`` in ``(a [b) c]`` or ``(a``: a bracket that crosses another, or that runs to the end."""

    bracket: str
    weight: Amount | None
    """The weight of a round bracket, None if no number is written."""
    closes: int = field(compare=False)
    """The end of the range in the source, by which brackets multiply.

    An `Opening` without a `Closing` has one beyond the end of the source.
    """
    closed: bool = True

    def children(self) -> Iterator[Node]:
        """Yield nothing: the weight is written at its `Closing`."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Closing(Node):
    """``)`` in ``(a [b) c]``: the end of an `Opening`."""

    bracket: str
    closes: int = field(compare=False)
    """The same place as the one of its `Opening`."""
    weight: Amount | None = None
    """The number before the bracket, which is the weight of its `Opening`, too."""


@dataclass(frozen=True, slots=True)
class Break(Node):
    """``BREAK``: what follows starts a new chunk of 75 tokens."""


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """``a cat`` in ``[a cat:a dog:0.5]``."""

    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Schedule(Node):
    """``[a cat:a dog:0.5]``: one branch after the other, each up to its moment."""

    branches: tuple[Branch, ...]
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Alternation(Node):
    """``[a cat|a dog]``: another branch every step, or every `period` steps."""

    branches: tuple[Branch, ...]
    period: Moment | None


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """``0.7::red``: one of a variant's texts, and how likely it is beside the others."""

    weight: float
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Variant(Node):
    """``{red|blue}``: one of several, or with ``2$$`` a number of them."""

    choices: tuple[Choice, ...]
    least: int = 1
    most: int | None = 1
    """The greatest number that is picked; None for as many as a wildcard has lines."""
    separator: str = ","

    @property
    def list(self) -> Wildcard | None:
        """The wildcard whose lines are the choices, as in ``{2$$__animal__}``."""
        match self.choices:
            case (Choice(_, (Wildcard() as only,)) as choice,):
                return only if choice.span.text.strip() == only.span.text else None
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Wildcard(Node):
    """``__animal__``: a line of a file."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """``hard`` in ``${hero(hard)}``."""

    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """``${hero(hard)}``: the piece of prompt that a `let` has named."""

    name: str
    arguments: tuple[Argument, ...] = ()


Template = Variant | Wildcard | Reference

Phrase = (
    Text
    | Emphasis
    | Deemphasis
    | Opening
    | Closing
    | Break
    | Schedule
    | Alternation
    | Lora
    | Embedding
    | Trigger
    | Area
    | Template
)


@dataclass(frozen=True, slots=True)
class Part(Node):
    """``a cat :0.6`` in ``a cat :0.6 AND a dog :0.4``."""

    phrases: tuple[Phrase, ...]
    weight: Amount | None
    """The factor; None if no number is written, which means 1."""


@dataclass(frozen=True, slots=True)
class Composition(Node):
    """``a cat :0.6 AND a dog :0.4``: prompts whose noise predictions add up."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Prompt(Node):
    """``a fox, (red:1.2), <lora:ink>``: what a picture should show."""

    phrases: tuple[Phrase, ...] | tuple[Composition]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The prompts that add up: one if there is no ``AND``."""
        match self.phrases:
            case (Composition(parts),):
                return parts
            case phrases:
                return (Part(phrases, None, span=self.span),)

    @property
    def templates(self) -> tuple[Template, ...]:
        """The outermost templates, in the order of the source."""
        found: list[Template] = []
        pending: list[Node] = [self]
        while pending:
            node = pending.pop()
            if isinstance(node, Template):
                found.append(node)
            else:
                pending += reversed(list(node.children()))
        return tuple(found)
