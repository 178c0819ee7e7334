"""The dialect of Dynamic Prompts (sd-dynamic-prompts): A1111's prompts with templates.

The templates are promptlang's own, except for variables, wrappers and samplers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as messages
from promptlang.diagnostics.templates import FOREIGN_TEMPLATE
from promptlang.dialects import a1111
from promptlang.dialects.reading import ReadResult
from promptlang.dialects.writing import WriteResult
from promptlang.grammar import names
from promptlang.source import Span

_ONLY_THERE = re.compile(
    r"""
      \$\{\s*(?P<name>[^\W\d]\w*)\s*(?P<variable>[=:])
    | (?P<wrapper>%\{)
    | (?P<sampler>(?<![\w$])\{\s*[@!~]|(?<!\w)__[@!~])
    | (?P<arguments>(?<!\w)__[\w*/-]+\()
    | (?P<invalid>(?<!\w)__(?:[^_\n{}|$@!~()=]|_(?!_))+__)
    """,
    re.VERBOSE,
)
_WILDCARD = re.compile(names.WILDCARD)
_CALLED = {
    "variable": "a variable of its own",
    "wrapper": "a wrapper",
    "sampler": "a way of choosing",
    "arguments": "a wildcard with arguments",
    "invalid": "a wildcard with brackets, quotes or `: # <` in its name",
}


def read(span: Span) -> ReadResult:
    r"""Parse a template; a backslash before a brace, ignored by the tool, escapes it here."""
    prompt, mistakes = a1111.read(span, templated=True)
    others = (each for each in mistakes if not FOREIGN_TEMPLATE.matches(each))
    return prompt, (*others, *_only_there(span), *_variables(prompt))


def _only_there(span: Span) -> Iterator[Diagnostic]:
    for match in _ONLY_THERE.finditer(span.source.text, span.start, span.end):
        assert match.lastgroup is not None
        if _WILDCARD.fullmatch(match.group()):
            continue
        name = match["name"]
        hint = f"`let {name} = …` on a line above it says the same" if name else None
        what = f"`{match.group()}`, {_CALLED[match.lastgroup]},"
        yield messages.read_as(what, "text", span.source.span(*match.span()), hint)


def _variables(prompt: ast.Prompt) -> Iterator[Diagnostic]:
    for node in ast.walk(prompt):
        if isinstance(node, ast.Reference):
            what = f"`{node.span.text}`, {_CALLED['variable']},"
            yield messages.read_as(
                what, "a piece that `let` names", node.span, f"write `let {node.name} = …` above it"
            )


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for the extension's prompt box."""
    return _DynamicPromptsWriter().write(prompt)


_TEMPLATE = re.compile(r"[{}]|\$(?=\{)|__")


class _DynamicPromptsWriter(a1111.A1111Writer):
    dialect = "Dynamic Prompts"
    supported = a1111.A1111Writer.supported | {ast.Variant, ast.Wildcard, ast.Reference}

    def text(self, text: ast.Text) -> str:
        value = super().text(text)
        if _TEMPLATE.search(value):
            self.report_unsupported(
                "way to write `{`, `}` or `__` as characters", text, "they are left out"
            )
            value = _TEMPLATE.sub("", value)
        return value

    def leaf(self, phrase: ast.Phrase) -> str:
        """Return a leaf; a `let`'s name becomes a variable, which the text itself has to set."""
        if isinstance(phrase, ast.Reference):
            self.report_unsupported(
                f"value for `{phrase.name}` yet",
                phrase,
                f"set it there with `${{{phrase.name}=…}}`",
            )
        return super().leaf(phrase)
