"""Textual-inversion tokens without angle brackets.

These are ``embedding:name``, as in ComfyUI, and the name of a known token, as in A1111.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from promptlang import ast
from promptlang.source import Span
from promptlang.syntax.visitor import PhraseTransformer, transform_prompt


def read_bare_tokens(prompt: ast.Prompt, known: Collection[str]) -> ast.Prompt:
    """Return the prompt with its bare tokens: any after ``embedding:``, and the `known` names.

    The case of a name that stands alone is ignored, as in A1111.
    """
    return transform_prompt(prompt, _Tokens(known))


_TOKEN = re.compile(
    r"(?<!\w)embedding:(?P<named>[^\s,:()\[\]<>|]+)|(?<![\w-])(?P<alone>\w(?:[\w.-]*\w)?)(?!-)",
    re.I,
)


class _Tokens(PhraseTransformer):
    def __init__(self, known: Collection[str]) -> None:
        self._names = {name.casefold(): name for name in known}

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        return [*self._divided(phrase)] if isinstance(phrase, ast.Text) else (phrase,)

    def _divided(self, text: ast.Text) -> Iterator[ast.Phrase]:
        at = 0
        for match in _TOKEN.finditer(text.value):
            name = _stem(match["named"]) or self._names.get(match["alone"].casefold())
            if name is None:
                continue
            if match.start() > at:
                yield ast.Text(text.value[at : match.start()], span=_place(text, at, match.start()))
            yield ast.Embedding(name, span=_place(text, *match.span()))
            at = match.end()
        if at < len(text.value) or not at:
            yield ast.Text(text.value[at:], span=_place(text, at, len(text.value)))


def _stem(written: str | None) -> str | None:
    """Remove the suffix of a token's file, which ComfyUI accepts."""
    return written and re.sub(r"\.(?:safetensors|pt|bin)\Z", "", written)


def _place(text: ast.Text, start: int, end: int) -> Span:
    """Return the span of a part of a text, or of the whole text if it has escapes."""
    span = text.span
    return (
        span.source.span(span.start + start, span.start + end) if span.text == text.value else span
    )
