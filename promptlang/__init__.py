"""A language for personalised image generation.

    text ──parse──▶ Program ──check──▶ diagnostics ──plan──▶ Plan ──Backend.execute──▶ Event …

Importing this package does not import torch; the runtime, which `promptlang.plan.backend` loads,
does. Each public name is imported at its first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptlang import ast
    from promptlang.analysis.world import Disk, World
    from promptlang.api.checking import check
    from promptlang.api.explaining import Explained, explain
    from promptlang.api.resolving import expand, resolve
    from promptlang.ast import walk
    from promptlang.diagnostics import Diagnostic, PromptError, Severity
    from promptlang.dialects.conversion import Converted, convert
    from promptlang.formatting import format_program as format  # noqa: A004
    from promptlang.plan.prompt import Resolved
    from promptlang.planning.session import Planned, Session
    from promptlang.prompts.expansion import Library
    from promptlang.source import Position, Source, Span
    from promptlang.syntax.parser import Parsed, parse, parse_prompt

__version__ = "0.1.0"

__all__ = [
    "Converted",
    "Diagnostic",
    "Disk",
    "Explained",
    "Library",
    "Parsed",
    "Planned",
    "Position",
    "PromptError",
    "Resolved",
    "Session",
    "Severity",
    "Source",
    "Span",
    "World",
    "ast",
    "check",
    "convert",
    "expand",
    "explain",
    "format",
    "parse",
    "parse_prompt",
    "resolve",
    "walk",
]

_HOMES = {
    "api.checking": ("check",),
    "api.explaining": ("Explained", "explain"),
    "api.resolving": ("expand", "resolve"),
    "ast": ("walk",),
    "dialects.conversion": ("Converted", "convert"),
    "diagnostics": ("Diagnostic", "PromptError", "Severity"),
    "prompts.expansion": ("Library",),
    "syntax.parser": ("Parsed", "parse", "parse_prompt"),
    "plan.prompt": ("Resolved",),
    "planning.session": ("Planned", "Session"),
    "source": ("Position", "Source", "Span"),
    "analysis.world": ("Disk", "World"),
}
"""By module the public names that live there."""


def __getattr__(name: str) -> Any:
    if name == "ast":
        return import_module("promptlang.ast")
    if name == "format":
        return import_module("promptlang.formatting").format_program
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"promptlang.{module}"), name)
    raise AttributeError(f"module 'promptlang' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
