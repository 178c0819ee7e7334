"""The syntax tree. Each node's docstring is the source text that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from promptlang.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A piece of a program. Nodes are equal when they say the same, wherever they stand."""

    span: Span = field(compare=False, repr=False)


# Numbers that change over the steps


@dataclass(frozen=True, slots=True)
class Moment(Node):
    """``0.5``, a fraction of the steps, or ``12``, a step: written with a point or without."""

    value: float
    fraction: bool


@dataclass(frozen=True, slots=True)
class Stages(Node):
    """``[1.1:1.3:0.5]``: one number after the other, each up to its moment."""

    values: tuple[float, ...]
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Turns(Node):
    """``[1.1|1.3]``: another number every step, or every `period` steps."""

    values: tuple[float, ...]
    period: Moment | None


@dataclass(frozen=True, slots=True)
class Curve(Node):
    """``0@0,1@0.5``: linear from each point to the next, level before the first and after the last."""

    values: tuple[float, ...]
    moments: tuple[Moment, ...]


Amount = float | Stages | Turns | Curve


# Prompts


@dataclass(frozen=True, slots=True)
class Text(Node):
    r"""``a fox \(red\)``: words, their escapes read."""

    value: str


@dataclass(frozen=True, slots=True)
class Emphasis(Node):
    """``(a cat:1.2)``: phrases that the model attends to more, or less, than their neighbours."""

    phrases: tuple[Phrase, ...]
    weight: Amount | None
    """None where no number is written, which means 1.1."""


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
    """A round bracket's, None where no number is written."""
    closes: int = field(compare=False)
    """Where it ends in the source, or for one without a `Closing` beyond the end: brackets multiply in this order."""
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Closing(Node):
    """``)`` in ``(a [b) c]``: the end of an `Opening`."""

    bracket: str
    closes: int = field(compare=False)
    """As that of its `Opening`."""
    weight: Amount | None = None
    """The number before it, which is that of its `Opening`."""


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


# Templates: what stands for one of several texts


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
    most: int = 1
    separator: str = ","


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
    """None where no number is written, which means 1."""


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
        """The prompts that add up: one, where there is no ``AND``."""
        match self.phrases:
            case (Composition(parts),):
                return parts
            case phrases:
                return (Part(phrases, None, span=self.span),)

    @property
    def templates(self) -> tuple[Template, ...]:
        """What is to be filled in before the prompt means anything; those in no other, in order."""
        found: list[Template] = []
        pending: list[Node] = [self]
        while pending:
            node = pending.pop()
            if isinstance(node, Template):
                found.append(node)
            else:
                pending += reversed(list(children(node)))
        return tuple(found)


# Values and options


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``30`` or ``0.5``; `value` is an int where it is written without a point."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Percentage(Node):
    """``50%``."""

    value: float
    """As a fraction: 0.5."""


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


@dataclass(frozen=True, slots=True)
class Range(Node):
    """``1..4``, or ``0..1/5``: five values from 0 to 1."""

    first: int | float
    last: int | float
    count: int | None = None
    """How many values; None for every whole number between."""


@dataclass(frozen=True, slots=True)
class Scheduled(Node):
    """``[3:7:0.5]`` as an option's value."""

    value: Stages | Turns | Curve


Single = Number | Percentage | Size | String | Word | Range | Scheduled


@dataclass(frozen=True, slots=True)
class List(Node):
    """``3,5,7``: on a prompt, a picture for each."""

    values: tuple[Single, ...]


Value = Single | List


@dataclass(frozen=True, slots=True)
class Option(Node):
    """``--steps 30``, ``--every`` or ``--no-grid``."""

    name: str
    value: Value | None
    negated: bool = False


# Statements

Operand = Word | String


@dataclass(frozen=True, slots=True)
class UseModel(Node):
    """``use model emoji``: the base model for what follows."""

    reference: Operand


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
    """``ink:0.6``: an adapter and how much of it."""

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
    """Whether it is written with ``render``."""


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


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it, in the order of the source; however deep they are nested."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(list(children(node)))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order of the source."""
    if isinstance(node, Opening):
        return  # its weight is written where it closes
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, tuple):
            yield from (child for child in value if isinstance(child, Node))
        elif isinstance(value, Node):
            yield value
