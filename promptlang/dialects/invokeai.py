"""The dialect of InvokeAI: compel's, without LoRAs, which are chosen beside the prompt."""

from __future__ import annotations

from promptlang import ast
from promptlang.dialects import compel
from promptlang.dialects.compel_writing import CompelWriter
from promptlang.dialects.writing import WriteResult

read = compel.read


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for InvokeAI's prompt box."""
    return CompelWriter("InvokeAI", frozenset({ast.Break, ast.Embedding})).write(prompt)
