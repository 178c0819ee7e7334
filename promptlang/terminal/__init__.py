"""What the user sees on a screen, or in the file that stands in for one."""

from promptlang.terminal.screen import Terminal, open_terminal

__all__ = ["Terminal", "open_terminal"]
