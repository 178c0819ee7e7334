"""The reduction of a prompt to the features of a dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from promptlang import ast
from promptlang.diagnostics import Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.amounts import (
    STEP_DEPENDENT_AMOUNTS,
    format_amount,
    round_amount,
    to_constant,
)
from promptlang.prompts.segments import DEEMPHASIS_FACTOR, EMPHASIS_FACTOR
from promptlang.source import Span
from promptlang.syntax.visitor import (
    BranchingNode,
    PhraseTransformer,
    WeightedNode,
    transform_phrases,
)

FEATURE_NAMES = {
    ast.Schedule: "prompt editing",
    ast.Alternation: "alternation",
    ast.Composition: "`AND`",
    ast.Break: "`BREAK`",
    ast.Lora: "LoRA tags",
    ast.Embedding: "textual-inversion tokens",
    ast.Trigger: "trigger words",
    ast.Area: "areas",
    ast.Variant: "variants",
    ast.Wildcard: "wildcards",
    ast.Reference: "named pieces",
}
"""The user's name for each feature."""

STEP_DEPENDENT_TYPES = frozenset({ast.Schedule, ast.Alternation, *STEP_DEPENDENT_AMOUNTS})
"""The types of nodes that change over the steps."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The reduced parts of a prompt, and the losses."""

    parts: tuple[ast.Part, ...]
    diagnostics: Diagnostics


def fit(prompt: ast.Prompt, dialect: str, supported: frozenset[type]) -> Fitted:
    """Remove or approximate each node of a type that a dialect does not support."""
    fitter = _Fitter(dialect, supported)
    parts = tuple(fitter.part(part) for part in prompt.parts)
    if len(parts) > 1 and ast.Composition not in supported:
        fitter.report_unsupported(
            ast.Composition,
            prompt.phrases[0].span,
            "the parts follow each other, without weights of their own",
        )
        parts = tuple(replace(part, weight=None) for part in parts)
    return Fitted(parts, fitter.diagnostics)


@dataclass(slots=True)
class _Fitter(PhraseTransformer):
    dialect: str
    supported: frozenset[type]
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    def part(self, part: ast.Part) -> ast.Part:
        return replace(
            part,
            phrases=transform_phrases(part.phrases, self),
            weight=self._weight(part.weight, part),
        )

    def report_unsupported(self, kind: type, span: Span, instead: str) -> None:
        self.diagnostics.add(
            messages.not_expressible(self.dialect, FEATURE_NAMES[kind], span, instead)
        )

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        if type(phrase) in FEATURE_NAMES and type(phrase) not in self.supported:
            return self._instead(phrase)
        match phrase:
            case ast.Lora(_, text_encoder, unet):
                fitted = self._amount(text_encoder, phrase.span), self._amount(unet, phrase.span)
                return (replace(phrase, text_encoder=fitted[0], unet=fitted[1]),)
            case ast.Opening(_, weight):
                return (replace(phrase, weight=self._weight(weight, phrase)),)
            case _:
                return (phrase,)

    def _instead(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        match phrase:
            case ast.Break():
                text, note = " ", "it is left out"
            case ast.Embedding(name):
                text, note = name, f"`{name}` stays as a word"
            case ast.Variant() | ast.Wildcard() | ast.Reference():
                text, note = phrase.span.text, "it stays as it is written: fill it in first"
            case _:
                text, note = "", "it is left out"
        self.report_unsupported(type(phrase), phrase.span, note)
        return (ast.Text(text, span=phrase.span),) if text else ()

    def _weight(self, weight: ast.Amount | None, node: ast.Node) -> ast.Amount | None:
        return None if weight is None else self._amount(weight, node.span)

    def _amount(self, amount: ast.Amount, span: Span) -> ast.Amount:
        if isinstance(amount, float | int) or type(amount) in self.supported:
            return amount
        kept = to_constant(amount)
        self.diagnostics.add(
            messages.not_expressible(
                self.dialect, "numbers that change", span, f"{format_amount(kept)} is kept"
            )
        )
        return kept

    def leave(self, node: WeightedNode | BranchingNode) -> Sequence[ast.Phrase]:
        match node:
            case ast.Emphasis(()) | ast.Deemphasis(()):
                return ()  # some tools would take its weight for text
            case ast.Emphasis(_, weight):
                plain = isinstance(weight, ast.Stages | ast.Turns) and len(weight.values) == 2
                fitted = (
                    weight
                    if plain and ast.Emphasis in self.supported
                    else self._weight(weight, node)
                )
                return (replace(node, weight=fitted),)
            case ast.Deemphasis():
                return (node,)
            case ast.Schedule() | ast.Alternation():
                if type(node) in self.supported:
                    return (node,)
                kept = next(
                    (branch for branch in node.branches if branch.phrases), node.branches[0]
                )
                self.report_unsupported(type(node), node.span, f"`{kept.span.text}` is kept")
                return kept.phrases

    def level(self, phrases: list[ast.Phrase]) -> list[ast.Phrase]:
        if ast.Opening not in self.supported:
            phrases = list(_uncrossed(phrases))
        return list(_merged(phrases))


def _merged(phrases: Sequence[ast.Phrase]) -> Iterator[ast.Phrase]:
    """Join adjacent texts."""
    texts: list[ast.Text] = []
    for phrase in phrases:
        if isinstance(phrase, ast.Text):
            texts.append(phrase)
            continue
        yield from _one(texts)
        texts.clear()
        yield phrase
    yield from _one(texts)


def _one(texts: list[ast.Text]) -> Iterator[ast.Text]:
    if texts:
        yield ast.Text("".join(text.value for text in texts), span=texts[0].span.to(texts[-1].span))


def _uncrossed(phrases: Sequence[ast.Phrase]) -> Iterator[ast.Phrase]:
    """Replace crossing brackets by a pair around each phrase with the product of the weights."""
    if not any(isinstance(phrase, ast.Opening) for phrase in phrases):
        yield from (phrase for phrase in phrases if not isinstance(phrase, ast.Closing))
        return
    opened = _Opened()
    for phrase in phrases:
        match phrase:
            case ast.Opening():
                opened.add(phrase)
            case ast.Closing(bracket, closes):
                opened.remove(bracket, closes)
            case _:
                yield opened.around(phrase)


class _Opened:
    """The open brackets of each kind with their products; the last one opened closes first."""

    def __init__(self) -> None:
        self._round: list[tuple[int, float]] = []
        self._square: list[tuple[int, float]] = []
        self._changing: dict[int, ast.Amount] = {}
        """The factors that change over the steps, by the places at which their brackets close."""

    def add(self, opening: ast.Opening) -> None:
        stack, factor = self._round, opening.weight
        if opening.bracket == "[":
            stack, factor = self._square, DEEMPHASIS_FACTOR
        elif factor is None:
            factor = EMPHASIS_FACTOR
        if not isinstance(factor, float | int):
            self._changing[opening.closes] = factor
            factor = 1.0
        stack.append((opening.closes, factor * stack[-1][1] if stack else factor))

    def remove(self, bracket: str, closes: int) -> None:
        """Remove the last bracket of a kind, if it is the one that closes here."""
        stack = self._square if bracket == "]" else self._round
        if stack and stack[-1][0] == closes:
            stack.pop()
            self._changing.pop(closes, None)

    def around(self, phrase: ast.Phrase) -> ast.Phrase:
        """Wrap a phrase in one bracket for all constants and one for each changing number."""
        constant = 1.0
        for stack in (self._round, self._square):
            constant *= stack[-1][1] if stack else 1.0
        for factor in (constant, *self._changing.values()):
            if factor != 1:
                kept = None if factor == EMPHASIS_FACTOR else round_amount(factor)
                phrase = ast.Emphasis((phrase,), kept, span=phrase.span)
        return phrase
