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
    """The syntax of a tool's prompts."""

    def read(self, span: Span) -> ReadResult:
        """Parse a span; every text is a prompt, and mistakes are diagnosed."""
        ...

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """Return the prompt as the tool reads it, and the losses."""
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
