"""Templates filled in: drawn from a seed, or every way there is, one after the other.

What comes out still knows where it stands in the prompt: a variant's text at its own place, a wildcard's
line and a `let` at the place where they are used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import (
    missing_argument,
    too_many_arguments,
    unknown_let,
    unknown_wildcard,
)
from promptlang.diagnostics.templates import endless_expansion, expansion_too_long
from promptlang.source import Source
from promptlang.source.source_map import MappedPiece, SourceMap
from promptlang.syntax import templates
from promptlang.syntax.prompt_parser import parse_prompt

MAX_EXPANDED_LENGTH = 1_000_000
"""Characters that a prompt may come to: a `let` of `let`s doubles at each."""

MAX_WILDCARD_DEPTH = 32
"""Wildcard lines that name wildcards."""

Pieces = list[MappedPiece]


@dataclass(frozen=True, slots=True)
class LetDefinition:
    """A named piece of prompt, and the names that it may use itself: those above it."""

    parameters: tuple[ast.Parameter, ...]
    body: ast.Prompt
    lets: Mapping[str, LetDefinition] = field(default_factory=dict, repr=False)


def no_lines(_: str) -> Sequence[str]:
    """Where there are no wildcard files."""
    return ()


@dataclass(frozen=True, slots=True)
class Library:
    """What templates look up."""

    lets: Mapping[str, LetDefinition] = field(default_factory=dict)
    wildcards: Callable[[str], Sequence[str]] = no_lines
    """The lines that ``__pattern__`` stands for; none where there is no such file."""
    triggers: Mapping[str, str] = field(default_factory=dict)
    """The words that each LoRA was trained with."""


class TooLongError(ValueError):
    """The templates come to more text than any prompt has."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A prompt without templates, made from one that had some."""

    prompt: ast.Prompt
    diagnostics: tuple[Diagnostic, ...] = ()
    """What is wrong with it, at the places where its user wrote it."""


def sample_expansion(
    prompt: ast.Prompt, seed: int, library: Library, *, divided: bool = True
) -> Expansion:
    """The prompt with its templates filled in as the seed has it."""
    if not has_templates(prompt):
        return Expansion(prompt)
    found: list[Diagnostic] = []
    text = _joined(
        prompt,
        found,
        lambda: _Expander(library, found, random.Random(seed), _Budget()).sample(prompt),
    )
    read = _read(text, divided=divided)
    return replace(read, diagnostics=(*found, *read.diagnostics))


def enumerate_expansions(prompt: ast.Prompt, library: Library) -> Iterator[Expansion]:
    """Each way to fill in the templates, lazily: there may be more than anyone will wait for."""
    if has_templates(prompt):
        yield from map(_read, enumerate_texts(prompt, library))
    else:
        yield Expansion(prompt)


def enumerate_texts(prompt: ast.Prompt, library: Library) -> Iterator[SourceMap]:
    """The text of each way to fill in the templates. Raises TooLongError where one is longer than `MAX_EXPANDED_LENGTH`."""
    expander = _Expander(library, [], random.Random(0), _Budget())
    for pieces in expander.enumerate(
        prompt.span.source, (prompt.span.start, prompt.span.end), prompt.templates
    ):
        yield SourceMap.join(pieces, prompt.span)


def has_templates(prompt: ast.Prompt) -> bool:
    """Whether there is anything to fill in."""
    return templates.may_have_templates(prompt.span.text) and bool(prompt.templates)


def _read(text: SourceMap, *, divided: bool = True) -> Expansion:
    source = Source(text.text, text.source.name)
    prompt, found = parse_prompt(source.span(0, len(text.text)), divided=divided, templated=False)
    return Expansion(
        prompt,
        tuple(replace(each, span=text.span(each.span.start, each.span.end)) for each in found),
    )


def _joined(prompt: ast.Prompt, found: list[Diagnostic], fill: Callable[[], Pieces]) -> SourceMap:
    try:
        return SourceMap.join(fill(), prompt.span)
    except TooLongError:
        found.append(expansion_too_long(MAX_EXPANDED_LENGTH, prompt.span))
        return SourceMap.of(prompt.span)


@dataclass(slots=True)
class _Budget:
    """What all that fills in one prompt may still write."""

    left: int = MAX_EXPANDED_LENGTH

    def spend(self, text: str) -> None:
        self.left -= len(text) + 1  # an empty text is work, too
        if self.left < 0:
            raise TooLongError


class _Expander:
    def __init__(
        self, library: Library, found: list[Diagnostic], chance: random.Random, budget: _Budget
    ) -> None:
        self._library, self._found, self._rng, self._budget = library, found, chance, budget
        self._values: dict[str, str] = {}
        """The parameters of the `let` that is being filled in."""
        self._depth = 0
        self._written: ast.Wildcard
        """The one in the prompt that led to the lines that are being filled in."""

    # Drawn

    def sample(self, prompt: ast.Prompt) -> Pieces:
        return self._sample(
            prompt.span.source, (prompt.span.start, prompt.span.end), prompt.templates
        )

    def _sample(
        self, source: Source, edges: tuple[int, int], found: Sequence[ast.Template]
    ) -> Pieces:
        pieces, (start, end) = [], edges
        for template in found:
            pieces.append(self._literal(source, start, template.span.start))
            pieces += self._sample_template(template)
            start = template.span.end
        return [*pieces, self._literal(source, start, end)]

    def _literal(self, source: Source, start: int, end: int) -> MappedPiece:
        text = source.text[start:end]
        self._budget.spend(text)
        return MappedPiece(text, start, end)

    def _sample_template(self, template: ast.Template) -> Pieces:
        match template:
            case ast.Variant():
                return self._variant(template)
            case ast.Wildcard():
                lines = self._lines(template)
                return [
                    _opaque(
                        self._line(self._rng.choice(lines), template)
                        if lines
                        else template.span.text,
                        template,
                    )
                ]
            case ast.Reference():
                return [_opaque(self._let(template), template)]

    def _variant(self, variant: ast.Variant) -> Pieces:
        count = self._rng.randint(variant.least, variant.most)
        left, pieces = list(variant.choices), list[MappedPiece]()
        for index in range(min(count, len(left))):
            weights = [choice.weight for choice in left]
            picked = self._rng.choices(left, weights if any(weights) else None)[0]
            left = [choice for choice in left if choice is not picked]
            if index:
                pieces.append(MappedPiece(variant.separator, picked.span.start, picked.span.start))
            pieces += self._sample(
                picked.span.source, (picked.span.start, picked.span.end), picked.templates
            )
        return pieces

    def _line(self, line: str, wildcard: ast.Wildcard) -> str:
        """A wildcard's line, its own templates filled in."""
        self._budget.spend(line)
        if not templates.may_have_templates(line):
            return line
        if not self._depth:
            self._written = wildcard
        if self._depth >= MAX_WILDCARD_DEPTH:
            self._found.append(endless_expansion(self._written.pattern, self._written.span))
            return line
        span = Source(line).span(0, len(line))
        self._depth += 1
        text = _text(self._sample(span.source, (0, len(line)), templates.find_templates(span, [])))
        self._depth -= 1
        return text

    def _lines(self, wildcard: ast.Wildcard) -> Sequence[str]:
        lines = self._library.wildcards(wildcard.pattern)
        if not lines:
            self._found.append(unknown_wildcard(wildcard.pattern, wildcard.span))
        return lines

    def _let(self, reference: ast.Reference) -> str:
        if reference.name in self._values and not reference.arguments:
            return self._values[reference.name]
        let = self._known(reference)
        if let is None:
            return reference.span.text
        given = [
            _text(self._sample(a.span.source, (a.span.start, a.span.end), a.templates))
            for a in reference.arguments
        ]
        with_values = self._inside(let, given, reference)
        return reference.span.text if with_values is None else _text(with_values.sample(let.body))

    def _known(self, reference: ast.Reference) -> LetDefinition | None:
        let = self._library.lets.get(reference.name)
        if let is None:
            known = [*self._library.lets, *self._values]
            self._found.append(unknown_let(reference.name, known, reference.span))
        elif len(reference.arguments) > len(let.parameters):
            names = [each.name for each in let.parameters]
            self._found.append(too_many_arguments(reference.name, names, reference.span))
            return None
        return let

    def _inside(
        self, let: LetDefinition, given: list[str], reference: ast.Reference
    ) -> _Expander | None:
        """What fills in the body of a `let`: the same chance and length, its own names."""
        values = {each.name: each.default for each in let.parameters}
        values.update(zip(values, given, strict=False))
        missing = [name for name, value in values.items() if value is None]
        if missing:
            self._found.append(missing_argument(reference.name, missing[0], reference.span))
            return None
        inner = _Expander(
            replace(self._library, lets=let.lets), self._found, self._rng, self._budget
        )
        inner._values = {name: value for name, value in values.items() if value is not None}
        inner._depth = self._depth
        if self._depth:
            inner._written = self._written
        return inner

    # Every way

    def enumerate(
        self, source: Source, edges: tuple[int, int], found: Sequence[ast.Template]
    ) -> Iterator[Pieces]:
        """The last template changes fastest."""
        ways = [lambda template=template: self._enumerate_template(template) for template in found]
        starts = [edges[0], *(template.span.end for template in found)]
        ends = [*(template.span.start for template in found), edges[1]]
        literals = [MappedPiece(source.text[a:b], a, b) for a, b in zip(starts, ends, strict=True)]
        for filled in lazy_product(ways):
            pieces = [literals[0]]
            for inner, literal in zip(filled, literals[1:], strict=True):
                pieces += [*inner, literal]
            if sum(len(piece.text) for piece in pieces) > MAX_EXPANDED_LENGTH:
                raise TooLongError
            yield pieces

    def _enumerate_template(self, template: ast.Template) -> Iterator[Pieces]:
        match template:
            case ast.Variant():
                for count in range(template.least, template.most + 1):
                    for picked in permutations(template.choices, count):
                        yield from self._picked(template, picked)
            case ast.Wildcard():
                lines = self._library.wildcards(template.pattern) or [template.span.text]
                yield from (
                    [_opaque(text, template)]
                    for line in lines
                    for text in self._enumerate_line(line)
                )
            case ast.Reference():
                yield from ([_opaque(text, template)] for text in self._enumerate_let(template))

    def _picked(self, variant: ast.Variant, picked: Sequence[ast.Choice]) -> Iterator[Pieces]:
        ways = [
            lambda c=c: self.enumerate(c.span.source, (c.span.start, c.span.end), c.templates)
            for c in picked
        ]
        for filled in lazy_product(ways):
            pieces: Pieces = []
            for index, (choice, inner) in enumerate(zip(picked, filled, strict=True)):
                separator = (
                    [MappedPiece(variant.separator, choice.span.start, choice.span.start)]
                    if index
                    else []
                )
                pieces += [*separator, *inner]
            yield pieces

    def _enumerate_line(self, line: str) -> Iterator[str]:
        if not templates.may_have_templates(line) or self._depth >= MAX_WILDCARD_DEPTH:
            yield line
            return
        span = Source(line).span(0, len(line))
        self._depth += 1
        for pieces in self.enumerate(
            span.source, (0, len(line)), templates.find_templates(span, [])
        ):
            yield _text(pieces)
        self._depth -= 1

    def _enumerate_let(self, reference: ast.Reference) -> Iterator[str]:
        if reference.name in self._values and not reference.arguments:
            yield self._values[reference.name]
            return
        let = self._known(reference)
        ways = [
            lambda a=a: self.enumerate(a.span.source, (a.span.start, a.span.end), a.templates)
            for a in reference.arguments
        ]
        for given in lazy_product(ways):
            inner = (
                self._inside(let, [_text(each) for each in given], reference)
                if let is not None
                else None
            )
            if inner is None or let is None:
                yield reference.span.text
                return
            body = let.body.span
            yield from (
                _text(each)
                for each in inner.enumerate(body.source, (body.start, body.end), let.body.templates)
            )


def lazy_product(factories: Sequence[Callable[[], Iterator[Pieces]]]) -> Iterator[list[Pieces]]:
    """Each way of the first with each of the second and so on; nothing is made before it is asked for."""
    running = [way() for way in factories[:1]]
    now: list[Pieces] = []
    if not factories:
        yield []
    while running:
        step = next(running[-1], None)
        if step is None:
            running.pop()
            if now:
                now.pop()
            continue
        now.append(step)
        if len(now) == len(factories):
            yield list(now)
            now.pop()
        else:
            running.append(factories[len(now)]())


def _opaque(text: str, template: ast.Template) -> MappedPiece:
    return MappedPiece(text, template.span.start, template.span.end)


def _text(pieces: Pieces) -> str:
    return "".join(piece.text for piece in pieces)
