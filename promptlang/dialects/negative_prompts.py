"""A1111's negative prompts, in which the tags of LoRAs are words."""

from __future__ import annotations

from collections.abc import Sequence

from promptlang import ast
from promptlang.diagnostics import Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects import a1111
from promptlang.dialects.reading import ReadResult
from promptlang.source import Span
from promptlang.syntax.visitor import PhraseTransformer, transform_prompt


def read(span: Span) -> ReadResult:
    """Parse the negative prompt of an infotext; A1111 looks for tags in the prompt alone."""
    prompt, mistakes = a1111.read(span)
    words = _TagsAsWords()
    return transform_prompt(prompt, words), (*mistakes, *words.diagnostics)


class _TagsAsWords(PhraseTransformer):
    def __init__(self) -> None:
        self.diagnostics = Diagnostics()

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        if not isinstance(phrase, ast.Lora):
            return (phrase,)
        what = f"`{phrase.span.text}` in a negative prompt"
        hint = "A1111 looks for LoRAs in the prompt alone"
        self.diagnostics.add(messages.read_as(what, "words", phrase.span, hint))
        return (ast.Text(phrase.span.text, span=phrase.span),)
