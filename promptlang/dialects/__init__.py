"""The prompts of other tools: each dialect is a module that reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from promptlang import ast
from promptlang.dialects import (
    a1111,
    comfy,
    compel,
    dynamicprompts,
    invokeai,
    native,
    novelai,
    prompt_control,
    sdcpp,
)
from promptlang.dialects.reading import ReadResult
from promptlang.dialects.writing import WriteResult
from promptlang.source import Span


class Dialect(Protocol):
    """A tool's way to write prompts."""

    def read(self, span: Span) -> ReadResult:
        """The prompt in a stretch of source. Every text is one; what is odd about it is said."""
        ...

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """The prompt as the tool would read it, and what of it cannot be written so."""
        ...


DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "promptlang": native,
        "a1111": a1111,
        "comfy": comfy,
        "prompt-control": prompt_control,
        "compel": compel,
        "invokeai": invokeai,
        "novelai": novelai,
        "sdcpp": sdcpp,
        "dynamicprompts": dynamicprompts,
    }
)
