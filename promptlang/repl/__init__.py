"""The interactive session, which takes a statement or a prompt at a time."""

from __future__ import annotations

from promptlang.repl.loop import Repl, run_repl

__all__ = ["Repl", "run_repl"]
