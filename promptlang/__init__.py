"""A language for personalised image generation.

    text ──parse──▶ Program ──check──▶ diagnostics ──plan──▶ Plan ──Backend.execute──▶ Event …

Nothing here imports torch: see `promptlang.backend` for what does.
"""

from promptlang.conversion import Converted, convert
from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.expand import Library
from promptlang.meaning import expand, resolve
from promptlang.parser import Parsed, parse, parse_prompt
from promptlang.plan import Resolved
from promptlang.session import Planned, Session
from promptlang.source import Position, Source, Span

__version__ = "0.1.0"

__all__ = [
    "Converted",
    "Diagnostic",
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
    "convert",
    "expand",
    "parse",
    "parse_prompt",
    "resolve",
]
