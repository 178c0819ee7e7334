"""The intended differences from A1111: warnings about prompts whose pictures differ."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as messages
from promptlang.syntax.visitor import Enter, Leave, visit_phrases

_ESCAPED_WEIGHT = re.compile(r"(?<!\\)(?:\\\\)*(?P<written>\\:\s*[+-]?[.\d]+\s*\))")
_BAR = re.compile(r"(?<!\\)(?:\\\\)*\|")


def diagnose_differences(prompt: ast.Prompt) -> Iterator[Diagnostic]:
    """Yield the differences of a prompt, part by part; grammar/README.md lists them."""
    for match in _ESCAPED_WEIGHT.finditer(
        prompt.span.source.text, prompt.span.start, prompt.span.end
    ):
        place = prompt.span.source.span(*match.span("written"))
        hint = (
            "A1111 takes the number for a weight all the same: "
            "without the backslash it is one here, too"
        )
        yield messages.read_as(f"`{place.text}`", "text and a bracket", place, hint)
    for part in prompt.parts:
        yield from _in_part(part)
    yield from _loras(prompt)


def _in_part(part: ast.Part) -> Iterator[Diagnostic]:
    weights = 0
    changing = any(isinstance(node, ast.Schedule | ast.Alternation) for node in ast.walk(part))
    for event in visit_phrases(part.phrases):
        match event:
            case Enter(ast.Emphasis() | ast.Deemphasis()):
                weights += 1
            case Leave(ast.Emphasis() | ast.Deemphasis()):
                weights -= 1
            case Enter(node):
                yield from _brackets(node)
            case ast.Break() if weights:
                hint = "A1111 takes it for a word there: put a bracket around each side"
                yield messages.read_as(
                    "`BREAK` in brackets", "the end of a chunk", event.span, hint
                )
            case ast.Text(span=span) if changing and _BAR.search(span.text):
                hint = (
                    "A1111 takes the whole prompt literally where one stands outside `[…]`; "
                    r"write `\|`"
                )
                yield messages.read_as("`|`", "text", span, hint)


def _brackets(node: ast.Node) -> Iterator[Diagnostic]:
    """Report brackets that A1111 reads as text: ``[a|b:5]``, ``[a:b:c:0.3,0.7]``."""
    hint = "A1111 takes it for text that weighs less"
    match node:
        case ast.Alternation(_, ast.Moment()):
            yield messages.read_as(
                "`:` and a number after `|`", "how long each turn lasts", node.span, hint
            )
        case ast.Schedule(branches) if len(branches) > 2:
            yield messages.read_as("this", f"{len(branches)} phases", node.span, hint)


def _loras(prompt: ast.Prompt) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for node in ast.walk(prompt):
        if isinstance(node, ast.Lora):
            if node.name in seen:
                twice = f"the LoRA `{node.name}`, which stands here twice,"
                yield messages.read_as(
                    twice, "A1111 has it: each time at the last strength", node.span
                )
            seen.add(node.name)
