"""The dialect of AUTOMATIC1111's web UI, Forge and their forks.

Its prompts are read as promptlang's own; grammar/README.md lists the differences.
"""

from __future__ import annotations

import re
from dataclasses import replace

from promptlang import ast
from promptlang.diagnostics import dialects as messages
from promptlang.dialects import doubled_loras
from promptlang.dialects.a1111_differences import diagnose_differences
from promptlang.dialects.bare_token_writer import BareTokenWriter
from promptlang.dialects.reading import ReadResult
from promptlang.dialects.writing import WriteResult
from promptlang.source import Span
from promptlang.syntax.parser import parse_prompt

_LAST = re.compile(r"(?<!\s)\s*:\s*([-+]?(?:\d+\.?|\d*\.\d+))\s*\Z")


def read(span: Span, *, templated: bool = False) -> ReadResult:
    """Parse a prompt; text that means something else in promptlang is diagnosed."""
    prompt, mistakes = _read(span, templated=templated)
    return doubled_loras.use_last_strengths(prompt), (*mistakes, *diagnose_differences(prompt))


def _read(span: Span, *, templated: bool) -> ReadResult:
    """Parse a prompt without the number that A1111 takes for the weight of its only part."""
    prompt, mistakes = parse_prompt(span, templated=templated)
    last = _LAST.search(span.text)
    if last is None or len(prompt.parts) > 1:
        return prompt, mistakes
    place = span.source.span(span.start + last.start(), span.end)
    if float(last[1]) != 1:
        return prompt, (
            *mistakes,
            messages.read_as(
                f"`{last.group().strip()}`, by which A1111 weighs all of it,", "text", place
            ),
        )
    prompt, mistakes = parse_prompt(span.source.span(span.start, place.start), templated=templated)
    return replace(prompt, span=span), mistakes


_SPECIAL = re.compile(r"[\\()\[\]]")
_SEPARATOR = re.compile(r"[:|]")
_TAG = re.compile(r"<(?=\w+:)")
_WORD = re.compile(r"\b(?:AND|BREAK)\b")


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for A1111's prompt box."""
    return A1111Writer().write(prompt)


class A1111Writer(BareTokenWriter):
    """A writer of A1111's syntax."""

    dialect = "A1111"
    supported = frozenset(
        {
            ast.Emphasis,
            ast.Schedule,
            ast.Alternation,
            ast.Composition,
            ast.Break,
            ast.Lora,
            ast.Embedding,
            ast.Opening,
        }
    )

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """Write a prompt with each LoRA once."""
        prompt, lost = doubled_loras.merge_repeated_loras(prompt)
        for lora in lost:
            self.report_unsupported("LoRA with several strengths", lora, "the first one is kept")
        return super().write(prompt)

    def text(self, text: ast.Text) -> str:
        """Return words with their brackets escaped."""
        value = text.value
        if "#" in value:
            self.report_unsupported(
                "way to write `#`, which begins a comment", text, "it is left out"
            )
            value = value.replace("#", "")
        if _TAG.search(value):
            self.report_unsupported(
                "way to write `<word:`, which is a tag", text, "a space divides it"
            )
            value = _TAG.sub("< ", value)
        if _WORD.search(value):
            self.report_unsupported(
                "way to write `AND` or `BREAK` as words", text, "they are written small"
            )
            value = _WORD.sub(lambda word: word.group().lower(), value)
        value = _SPECIAL.sub(r"\\\g<0>", value)
        if self.square_depth or (self.has_step_changes and self.inside):
            return _SEPARATOR.sub(r"\\\g<0>", value)
        return value.replace("|", r"\|") if self.has_step_changes else value

    def leaf(self, phrase: ast.Phrase) -> str:
        """Return a tag or a break; A1111 reads tags before schedules."""
        match phrase:
            case ast.Lora() if any(
                isinstance(each, ast.Schedule | ast.Alternation) for each in self.inside
            ):
                self.report_unsupported(
                    "LoRA that comes and goes", phrase, "it holds at every step"
                )
                return super().leaf(phrase)
            case _:
                return super().leaf(phrase)

    def finish_part(self, text: str, part: ast.Part) -> str:
        """Return a part with its weight, or with ``:1`` after a text that ends in a number."""
        return (
            f"{text} :1"
            if part.weight is None and self.ends_in_number(text)
            else super().finish_part(text, part)
        )

    def needs_nesting(self, node: ast.Schedule) -> bool:
        """Return True for more than two branches, which A1111 nests."""
        return len(node.branches) > 2

    def period(self, node: ast.Alternation) -> str:
        """Return the closing bracket: A1111's alternations have no period."""
        if node.period is not None:
            self.report_unsupported(
                "alternation of more than a step at a time", node, "it changes every step"
            )
        return "]"
