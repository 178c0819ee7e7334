"""The writer for tools with bare names of tokens, which read ``BREAK`` in brackets as a word."""

from __future__ import annotations

from promptlang import ast
from promptlang.dialects.bracketed_breaks import move_breaks_out
from promptlang.dialects.writing import PromptWriter, WriteResult


class BareTokenWriter(PromptWriter):
    """A writer of tokens without angle brackets, and of each ``BREAK`` outside of brackets."""

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """Write a prompt after each ``BREAK`` is moved out of its brackets."""
        return super().write(move_breaks_out(prompt))

    def leaf(self, phrase: ast.Phrase) -> str:
        """Return a token's bare name; report a ``BREAK`` that no transformation moves out."""
        match phrase:
            case ast.Embedding(name):
                return self.text(ast.Text(name, span=phrase.span))
            case ast.Break() if self.ranges:
                self.report_unsupported(
                    "`BREAK` in brackets that cross or are never closed",
                    phrase,
                    "it is a word there",
                )
        return super().leaf(phrase)
