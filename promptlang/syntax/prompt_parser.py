"""The parser of prompts, by grammar/prompt.lark."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Transformer, v_args
from lark.lexer import Lexer

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.source import Span
from promptlang.syntax.lexer import Lexeme, lex


def parse_prompt(
    span: Span, *, divided: bool = True, templated: bool = True
) -> tuple[ast.Prompt, tuple[Diagnostic, ...]]:
    """Parse a span as a prompt; return it with the mistakes in its syntax.

    ``AND`` is a word unless the prompt is `divided`, as a negative prompt is not. Braces are
    characters unless it is `templated`, as another tool's prompt is not.
    """
    lexemes, diagnostics = lex(span, divided=divided, templated=templated)
    read: Any = _prompt_grammar().parse(lexemes)
    phrases, _ = read[0]
    phrases = phrases if len(read) == 1 else (_composition(span, read),)
    return ast.Prompt(phrases, span=span), tuple(diagnostics)


def _composition(span: Span, read: list[Any]) -> ast.Composition:
    """Build the composition; a part's span extends from one ``AND`` to the next."""
    ands = [each.span for each in read[1::2]]
    starts = [span.start, *(each.end for each in ands)]
    ends = [*(each.start for each in ands), span.end]
    parts = (
        ast.Part(
            phrases, None if weight is None else weight.node, span=span.source.span(start, end)
        )
        for (phrases, weight), start, end in zip(read[::2], starts, ends, strict=True)
    )
    return ast.Composition(tuple(parts), span=span)


class _Lexed(Lexer):
    """An adapter that passes the tokens of `lex` on to Lark."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, data: Any) -> Any:  # type: ignore[override]
        return iter(data)


@cache
def _prompt_grammar() -> Lark:
    grammar = resources.files("promptlang.grammar").joinpath("prompt.lark").read_text("utf-8")
    return Lark(
        grammar,
        parser="lalr",
        start="prompt",
        lexer=_Lexed,
        transformer=_Phrases(),
        maybe_placeholders=True,
    )


@v_args(inline=True)
class _Phrases(Transformer[Lexeme, "list[Any]"]):
    """A method for each rule of grammar/prompt.lark, in the order of the file."""

    def prompt(self, *rest: Any) -> list[Any]:
        return list(rest)

    def part(self, *rest: Any) -> tuple[tuple[ast.Phrase, ...], Lexeme | None]:
        *phrases, weight = rest
        return _present(phrases), weight

    def text(self, text: Lexeme) -> ast.Text:
        return ast.Text(str(text), span=text.span)

    def emphasis(self, opening: Lexeme, *rest: Any) -> ast.Emphasis:
        *phrases, weight, closing = rest
        number = None if weight is None else weight.node
        return ast.Emphasis(_present(phrases), number, span=opening.span.to(closing.span))

    def deemphasis(self, opening: Lexeme, *rest: Any) -> ast.Deemphasis:
        *phrases, closing = rest
        return ast.Deemphasis(_present(phrases), span=opening.span.to(closing.span))

    def range(self, mark: Lexeme) -> Any:
        return mark.node

    def schedule(self, opening: Lexeme, *rest: Any) -> ast.Schedule:
        tail = next(
            at for at, each in enumerate(rest) if isinstance(each, Lexeme) and each.type == "TAIL"
        )
        *moments, closing = rest[tail + 1 :]
        branches = _branches([opening, *rest[: tail + 1]])
        return ast.Schedule(
            branches, tuple(each.node for each in moments), span=opening.span.to(closing.span)
        )

    def alternation(self, opening: Lexeme, *rest: Any) -> ast.Alternation:
        *fields, tail, moment, closing = rest
        branches = _branches([opening, *fields, closing if tail is None else tail])
        period = None if moment is None else moment.node
        return ast.Alternation(branches, period, span=opening.span.to(closing.span))

    def branch(self, *phrases: ast.Phrase | None) -> tuple[ast.Phrase, ...]:
        return _present(phrases)

    def break_(self, word: Lexeme) -> ast.Break:
        return ast.Break(span=word.span)

    def tag(self, tag: Lexeme) -> Any:
        return tag.node


def _branches(fields: list[Any]) -> tuple[ast.Branch, ...]:
    """Build branches from marks and phrases in turn; a branch extends from mark to mark."""
    marked = zip(fields[::2], fields[1::2], fields[2::2], strict=False)
    return tuple(
        ast.Branch(phrases, span=_between(before, after)) for before, phrases, after in marked
    )


def _between(before: Lexeme, after: Lexeme) -> Span:
    return before.span.source.span(before.span.end, after.span.start)


def _present(phrases: Any) -> tuple[ast.Phrase, ...]:
    """Return the phrases without invalid tags, which are None."""
    return tuple(phrase for phrase in phrases if phrase is not None)
