"""The prompts of other tools: each dialect is a module that reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from promptlang import ast
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


_MODULES: Final = (
    ("promptlang", "native"),
    ("a1111", "a1111"),
    ("comfy", "comfy"),
    ("prompt-control", "prompt_control"),
    ("compel", "compel"),
    ("invokeai", "invokeai"),
    ("novelai", "novelai"),
    ("sdcpp", "sdcpp"),
    ("dynamicprompts", "dynamicprompts"),
)
"""The name of each dialect, and its module."""

DIALECTS: Mapping[str, Dialect]
"""The dialects by name; they are loaded at the first use, since few prompts are converted."""


@cache
def _load() -> Mapping[str, Dialect]:
    modules = {name: import_module(f"{__name__}.{module}") for name, module in _MODULES}
    return MappingProxyType(modules)


def __getattr__(name: str) -> Any:
    if name == "DIALECTS":
        return _load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
