"""Expansion of templates: sampled with a seed, or all expansions one after the other.

Spans in an expansion lead back to the prompt: a variant's text to its own place, a wildcard's
line and a `let` to the place where they are used.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from promptlang import ast
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics.names import (
    missing_argument,
    too_many_arguments,
    unknown_let,
    unknown_wildcard,
    unreadable_wildcard,
)
from promptlang.diagnostics.templates import endless_expansion, expansion_too_long, too_few_lines
from promptlang.files import UnreadableFileError
from promptlang.grammar import names
from promptlang.prompts.selection import (
    MAX_EXPANDED_LENGTH,
    ExhaustiveSelector,
    SeededSelector,
    Selector,
    TooLongError,
    weight_of,
    without_repetitions,
)
from promptlang.prompts.tasks import Task, lazy_product, mapped, run
from promptlang.source import Source, Span
from promptlang.source.source_map import MappedPiece, SourceMap
from promptlang.syntax import templates
from promptlang.syntax.prompt_parser import parse_prompt

REFERENCE_COST = 100
"""The characters that a `${name}` in a `let` counts as: an empty one takes time, too."""

MAX_WILDCARD_DEPTH = 32
"""The greatest depth of wildcards in the lines of wildcards."""

_REMARK = re.compile(rf"{names.COMMENT_START}.*", re.DOTALL)

Pieces = list[MappedPiece]


@dataclass(frozen=True, slots=True)
class LetDefinition:
    """A named piece of prompt, and the names that it may use itself: those above it."""

    parameters: tuple[ast.Parameter, ...]
    body: ast.Prompt
    lets: Mapping[str, LetDefinition] = field(default_factory=dict, repr=False)


def no_lines(_: str) -> Sequence[str]:
    """Return no lines, as if there were no wildcard files."""
    return ()


@dataclass(frozen=True, slots=True)
class Library:
    """The definitions and files that templates refer to."""

    lets: Mapping[str, LetDefinition] = field(default_factory=dict)
    wildcards: Callable[[str], Sequence[str]] = no_lines
    """Returns the lines that ``__pattern__`` stands for, none if there is no such list.

    A `WeightedLine` is drawn more or less often than the others. Raises `UnreadableFileError`.
    """
    triggers: Mapping[str, str] = field(default_factory=dict)
    """The trigger words of each LoRA."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A prompt without templates, made from one with templates."""

    prompt: ast.Prompt
    diagnostics: tuple[Diagnostic, ...] = ()
    """The mistakes in the expansion, with spans in the original prompt."""


def sample_expansion(
    prompt: ast.Prompt, seed: int, library: Library, *, divided: bool = True
) -> Expansion:
    """Return the expansion that a seed selects; ``AND`` is a word in it unless it is `divided`."""
    if not has_templates(prompt):
        return Expansion(prompt)
    diagnostics = Diagnostics()
    expander = _Expander(library, SeededSelector(_budget(prompt), random.Random(seed)), diagnostics)
    try:
        text = SourceMap.join(next(run(expander.expand(prompt))), prompt.span)
    except TooLongError:
        diagnostics.add(expansion_too_long(MAX_EXPANDED_LENGTH, prompt.span))
        text = SourceMap.of(prompt.span)
    read = _read(text, divided=divided)
    return replace(read, diagnostics=(*diagnostics, *read.diagnostics))


def enumerate_expansions(prompt: ast.Prompt, library: Library) -> Iterator[Expansion]:
    """Yield all expansions, lazily: there may be too many to wait for."""
    if has_templates(prompt):
        yield from map(_read, enumerate_texts(prompt, library))
    else:
        yield Expansion(prompt)


def enumerate_texts(prompt: ast.Prompt, library: Library) -> Iterator[SourceMap]:
    """Yield the texts of all expansions.

    Raises TooLongError for one that is longer than `MAX_EXPANDED_LENGTH`.
    """
    selector = ExhaustiveSelector(_budget(prompt))
    expander = _Expander(library, selector, Diagnostics())
    for pieces in run(expander.expand(prompt)):
        yield SourceMap.join(pieces, prompt.span)
        selector.left = _budget(prompt)


def _budget(prompt: ast.Prompt) -> int:
    """Return the characters that may be written for an expansion."""
    return MAX_EXPANDED_LENGTH + REFERENCE_COST * prompt.span.text.count("${")


def has_templates(prompt: ast.Prompt) -> bool:
    """Return whether a prompt has templates to expand."""
    return templates.may_have_templates(prompt.span.text) and bool(prompt.templates)


def _read(text: SourceMap, *, divided: bool = True) -> Expansion:
    source = Source(text.text, text.source.name)
    span = source.span(0, len(text.text))
    prompt, found = parse_prompt(span, divided=divided, templated=False)
    moved = (replace(each, span=text.span(each.span.start, each.span.end)) for each in found)
    return Expansion(prompt, tuple(moved))


@dataclass(frozen=True, slots=True)
class _Expander:
    """Expands templates with the names of one scope: the whole prompt, or the body of a `let`."""

    library: Library
    selector: Selector
    diagnostics: Diagnostics
    values: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the `let`."""
    depth: int = 0
    """The number of wildcards whose lines lead here."""
    outermost: ast.Wildcard | None = None
    """The first of these wildcards."""

    def expand(self, node: ast.Prompt | ast.Choice | ast.Argument) -> Task:
        """Yield the selected expansions of a node's text; its last template changes fastest.

        Raises TooLongError for one that is longer than `MAX_EXPANDED_LENGTH`.
        """
        return self._expand(node.span, node.templates)

    def _expand(self, span: Span, found: Sequence[ast.Template]) -> Task:
        product = lazy_product(_split(span, found), self._expand_item)
        while (filled := (yield product)) is not None:
            pieces = [piece for inner in filled for piece in inner]
            if sum(len(piece.text) for piece in pieces) > MAX_EXPANDED_LENGTH:
                raise TooLongError
            yield pieces

    def _expand_item(self, item: Span | ast.Template) -> Task:
        match item:
            case Span(start=start, end=end, text=text):
                self.selector.spend(text)
                yield [MappedPiece(text, start, end)]
            case ast.Variant() if item.list is not None:
                yield from self._picked_lines(item, item.list)
            case ast.Variant(choices, least, most):
                for picked in self.selector.picks(choices, least, most or len(choices)):
                    yield from self._joined(lazy_product(picked, self.expand), item.separator)
            case ast.Wildcard():
                yield from mapped(partial(_placed, item.span), self._wildcard(item))
            case ast.Reference():
                yield from mapped(partial(_placed, item.span), self._reference(item))

    def _joined(self, filled: Task, separator: str) -> Task:
        while (each := (yield filled)) is not None:
            pieces: Pieces = []
            for index, inner in enumerate(each):
                if index:
                    start = inner[0].start
                    pieces.append(MappedPiece(separator, start, start))
                pieces += inner
            yield pieces

    def _picked_lines(self, variant: ast.Variant, wildcard: ast.Wildcard) -> Task:
        """Yield the selections of different lines: ``{2$$__animal__}``."""
        found = self._lines(wildcard)
        if not found:
            yield _placed(wildcard.span, wildcard.span.text)
            return
        lines = without_repetitions(found)
        least, most = variant.least, len(lines) if variant.most is None else variant.most
        if least > len(lines):
            self.diagnostics.add(too_few_lines(wildcard.span, wildcard.pattern, least, len(lines)))

        def expand(line: str) -> Task:
            return mapped(partial(_placed, wildcard.span), self._line(line, wildcard))

        for picked in self.selector.picks(lines, min(least, len(lines)), min(most, len(lines))):
            yield from self._joined(lazy_product(picked, expand), variant.separator)

    def _wildcard(self, wildcard: ast.Wildcard) -> Task:
        lines = self._lines(wildcard)
        if not lines:
            yield wildcard.span.text
        for line in self.selector.lines(lines) if lines else ():
            yield from self._line(line, wildcard)

    def _lines(self, wildcard: ast.Wildcard) -> list[str]:
        """Return the lines of a list; an empty list and one that cannot be read are diagnosed."""
        pattern, span = wildcard.pattern, wildcard.span
        try:
            lines = list(self.library.wildcards(pattern))
        except UnreadableFileError as error:
            self.diagnostics.add(unreadable_wildcard(pattern, str(error), span))
            return []
        if not lines:
            self.diagnostics.add(unknown_wildcard(pattern, span))
        return [line for line in lines if weight_of(line)] or [str(line) for line in lines]

    def _line(self, line: str, wildcard: ast.Wildcard) -> Task:
        """Yield the expansions of a wildcard's line, which may have templates itself."""
        line = _REMARK.sub("", line).rstrip() if "#" in line else line
        self.selector.spend(line)
        outermost = self.outermost or wildcard
        if not templates.may_have_templates(line):
            yield line
        elif self.depth >= MAX_WILDCARD_DEPTH:
            self.diagnostics.add(endless_expansion(outermost.pattern, outermost.span))
            yield line
        else:
            span = Source(line).span(0, len(line))
            inner = replace(self, depth=self.depth + 1, outermost=outermost)
            yield from mapped(_text, inner._expand(span, templates.find_templates(span)[0]))

    def _reference(self, reference: ast.Reference) -> Task:
        if reference.name in self.values and not reference.arguments:
            self.selector.spend(self.values[reference.name])
            yield self.values[reference.name]
            return
        let = self._definition(reference)
        self.selector.spend(" " * REFERENCE_COST)
        if let is None:
            yield reference.span.text
            return
        product = lazy_product(reference.arguments, self.expand)
        while (given := (yield product)) is not None:
            inner = self._scope_of(let, [*map(_text, given)], reference)
            if inner is None:
                yield reference.span.text
                return
            yield from mapped(_text, inner.expand(let.body))

    def _definition(self, reference: ast.Reference) -> LetDefinition | None:
        name, span = reference.name, reference.span
        let = self.library.lets.get(name)
        if let is None:
            known = [*self.library.lets, *self.values]
            self.diagnostics.add(unknown_let(name, known, span))
        elif len(reference.arguments) > len(let.parameters):
            parameters = [each.name for each in let.parameters]
            self.diagnostics.add(too_many_arguments(name, parameters, span))
            return None
        return let

    def _scope_of(
        self, let: LetDefinition, given: list[str], reference: ast.Reference
    ) -> _Expander | None:
        """Return the expander of a `let`'s body; None if an argument is missing."""
        values = {each.name: each.default for each in let.parameters}
        values.update(zip(values, given, strict=False))
        missing = [name for name, value in values.items() if value is None]
        if missing:
            self.diagnostics.add(missing_argument(reference.name, missing[0], reference.span))
            return None
        known = {name: value for name, value in values.items() if value is not None}
        return replace(self, library=replace(self.library, lets=let.lets), values=known)


def _split(span: Span, found: Sequence[ast.Template]) -> Iterator[Span | ast.Template]:
    """Yield a text's templates and the spans before, between and after them."""
    start = span.start
    for template in found:
        yield span.source.span(start, template.span.start)
        yield template
        start = template.span.end
    yield span.source.span(start, span.end)


def _placed(span: Span, text: str) -> Pieces:
    """Return a text that replaces a span."""
    return [MappedPiece(text, span.start, span.end)]


def _text(pieces: Pieces) -> str:
    return "".join(piece.text for piece in pieces)
