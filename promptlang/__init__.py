"""A language for personalised image generation.

    text ──parse──▶ Program ──check──▶ diagnostics ──plan──▶ Plan ──Backend.execute──▶ Event …

Nothing here imports torch: see `promptlang.backend` for what does. Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptlang import ast
    from promptlang.ast import walk
    from promptlang.checking import check
    from promptlang.conversion import Converted, convert
    from promptlang.diagnostics import Diagnostic, PromptError, Severity
    from promptlang.explanation import Explained, explain
    from promptlang.filling import Library
    from promptlang.formatting import format_program as format  # noqa: A004
    from promptlang.meaning import expand, resolve
    from promptlang.parser import Parsed, parse, parse_prompt
    from promptlang.plan import Resolved
    from promptlang.session import Planned, Session
    from promptlang.source import Position, Source, Span
    from promptlang.world import Disk, World

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
    "checking": ("check",),
    "conversion": ("Converted", "convert"),
    "ast": ("walk",),
    "diagnostics": ("Diagnostic", "PromptError", "Severity"),
    "explanation": ("Explained", "explain"),
    "filling": ("Library",),
    "meaning": ("expand", "resolve"),
    "parser": ("Parsed", "parse", "parse_prompt"),
    "plan": ("Resolved",),
    "session": ("Planned", "Session"),
    "source": ("Position", "Source", "Span"),
    "world": ("Disk", "World"),
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
