"""The output for the user, on a screen or in a file."""

from promptlang.terminal.plan_display import display_events
from promptlang.terminal.screen import Terminal, open_terminal

__all__ = ["Terminal", "display_events", "open_terminal"]
