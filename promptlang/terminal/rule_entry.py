"""The entry of a diagnostic's code: its meaning, the reason, the remedy, and an example."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill, indent

from rich.text import Text

from promptlang.diagnostics import Rule

_INDENT = "  "
_WIDTH = 100
"""Columns of a paragraph at most: longer lines are hard to read."""


def render_rule(rule: Rule, width: int) -> Iterator[Text]:
    """Yield the entry of a code for a screen of `width` columns, one text below the other."""
    heading = f"{rule.severity.value}[{rule.code}]"
    yield Text.assemble((heading, "bold"), f": {rule.title} ", (f"({rule.kind})", "dim"))
    columns = min(width, _WIDTH)
    for name, text in (("Why", rule.why), ("How to mend it", rule.fix)):
        yield _heading(name)
        yield Text(fill(text, columns, initial_indent=_INDENT, subsequent_indent=_INDENT))
    for name, program in (("Example", rule.bad), ("Instead", rule.good)):
        if program:
            yield _heading(name)
            yield Text(indent(program, _INDENT))


def _heading(name: str) -> Text:
    return Text.assemble("\n", (f"{name}:", "cyan"))
