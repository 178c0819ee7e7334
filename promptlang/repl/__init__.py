"""The interactive session: the same language, a statement or a prompt at a time."""

from __future__ import annotations

from promptlang.repl.loop import Repl, converse

__all__ = ["Repl", "converse"]
