"""The output for the user, on a screen or in a file."""

from promptlang.terminal.screen import Terminal, open_terminal

__all__ = ["Terminal", "open_terminal"]
