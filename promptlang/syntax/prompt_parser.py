"""The parser of prompts, by grammar/prompt.lark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.source import Span
from promptlang.syntax.lexer import Lexeme, lex

if TYPE_CHECKING:
    from promptlang.syntax.lalr import LalrParser

_Phrases = list[ast.Phrase]
_Part = tuple[_Phrases, Lexeme | None]


def parse_prompt(
    span: Span, *, divided: bool = True, templated: bool = True
) -> tuple[ast.Prompt, tuple[Diagnostic, ...]]:
    """Parse a span as a prompt; return it with the mistakes in its syntax.

    ``AND`` is a word unless the prompt is `divided`, as a negative prompt is not. Braces are
    characters unless it is `templated`, as another tool's prompt is not.
    """
    lexemes, diagnostics = lex(span, divided=divided, templated=templated)
    return ast.Prompt(_phrases(span, lexemes), span=span), tuple(diagnostics)


def _phrases(
    span: Span, lexemes: Sequence[Lexeme]
) -> tuple[ast.Phrase, ...] | tuple[ast.Composition]:
    if all(lexeme.type == "PHRASE" for lexeme in lexemes):
        return tuple(lexeme.node for lexeme in lexemes)  # the same, without loading Lark
    read: list[Any] = _prompt_grammar().parse(lexemes)
    return tuple(read[0][0]) if len(read) == 1 else (_composition(span, read),)


def _composition(span: Span, read: list[Any]) -> ast.Composition:
    """Build the composition; a part's span extends from one ``AND`` to the next."""
    ands = [each.span for each in read[1::2]]
    starts = [span.start, *(each.end for each in ands)]
    ends = [*(each.start for each in ands), span.end]
    parts = (
        ast.Part(
            tuple(phrases),
            None if weight is None else weight.node,
            span=span.source.span(start, end),
        )
        for (phrases, weight), start, end in zip(read[::2], starts, ends, strict=True)
    )
    return ast.Composition(tuple(parts), span=span)


@cache
def _prompt_grammar() -> LalrParser:
    from promptlang.syntax.lalr import LalrParser

    grammar = resources.files("promptlang.grammar").joinpath("prompt.lark").read_text("utf-8")
    return LalrParser(grammar, "prompt", _RULES)


# A function for each rule of grammar/prompt.lark, in the order of the file


def _prompt(part: _Part) -> list[Any]:
    return [part]


def _composed(parts: list[Any], word: Lexeme, part: _Part) -> list[Any]:
    parts += word, part
    return parts


def _part(phrases: _Phrases, weight: Lexeme | None = None) -> _Part:
    return phrases, weight


def _more(phrases: _Phrases, phrase: ast.Phrase) -> _Phrases:
    phrases.append(phrase)
    return phrases


def _leaf(lexeme: Lexeme) -> Any:
    return lexeme.node


def _emphasis(opening: Lexeme, phrases: _Phrases, *end: Lexeme) -> ast.Emphasis:
    number: Any = end[0].node if len(end) == 2 else None
    return ast.Emphasis(tuple(phrases), number, span=opening.span.to(end[-1].span))


def _deemphasis(opening: Lexeme, phrases: _Phrases, closing: Lexeme) -> ast.Deemphasis:
    return ast.Deemphasis(tuple(phrases), span=opening.span.to(closing.span))


def _schedule(
    opening: Lexeme, fields: list[Any], tail: Lexeme, moments: list[Any], closing: Lexeme
) -> ast.Schedule:
    branches = _branches(opening, fields, tail)
    return ast.Schedule(branches, tuple(moments), span=opening.span.to(closing.span))


def _alternation(opening: Lexeme, fields: list[Any], *end: Any) -> ast.Alternation:
    branches = _branches(opening, fields, end[0])
    period = end[1][0] if len(end) == 3 else None
    return ast.Alternation(branches, period, span=opening.span.to(end[-1].span))


def _branches(opening: Lexeme, fields: list[Any], end: Lexeme) -> tuple[ast.Branch, ...]:
    """Build branches from phrases and marks in turn; a branch extends from mark to mark."""
    marks = [opening, *fields[1::2], end]
    return tuple(
        ast.Branch(tuple(phrases), span=_between(before, after))
        for phrases, before, after in zip(fields[::2], marks, marks[1:], strict=False)
    )


def _between(before: Lexeme, after: Lexeme) -> Span:
    return before.span.source.span(before.span.end, after.span.start)


def _first_branch(phrases: _Phrases) -> list[Any]:
    return [phrases]


def _next_branch(fields: list[Any], mark: Lexeme, phrases: _Phrases) -> list[Any]:
    fields += mark, phrases
    return fields


def _first_moment(moment: Lexeme) -> list[Any]:
    return [moment.node]


def _next_moment(moments: list[Any], moment: Lexeme) -> list[Any]:
    moments.append(moment.node)
    return moments


_RULES: Mapping[str, Callable[..., Any]] = {
    "prompt": _prompt,
    "composition": _composed,
    "part": _part,
    "phrases": list,
    "more": _more,
    "leaf": _leaf,
    "emphasis": _emphasis,
    "deemphasis": _deemphasis,
    "schedule": _schedule,
    "alternation": _alternation,
    "branches": _first_branch,
    "next_branch": _next_branch,
    "moments": _first_moment,
    "next_moment": _next_moment,
}
