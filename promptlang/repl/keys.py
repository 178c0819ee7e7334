"""The Enter key: it submits a line, or continues one that is incomplete."""

from __future__ import annotations

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from promptlang.syntax.parser import is_incomplete

INDENT = "    "
"""The indent by which a line continues the one before it."""


def bindings() -> KeyBindings:
    """Return the keys that differ from the usual ones."""
    keys = KeyBindings()

    @keys.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        press_enter(event.current_buffer)

    return keys


def press_enter(buffer: Buffer) -> None:
    """Accept the chosen completion, or else begin a new line, or else submit."""
    if buffer.complete_state and buffer.complete_state.current_completion:
        buffer.complete_state = None
    elif needs_more_input(buffer.text):
        buffer.cursor_position = len(buffer.text)
        buffer.insert_text(continuation(buffer.text))
    else:
        buffer.validate_and_handle()


def needs_more_input(text: str) -> bool:
    """Return whether the text is incomplete; a blank line ends everything but a long string."""
    if text.lstrip().startswith(":"):
        return False
    lines = text.split("\n")
    blank_at_end = len(lines) > 1 and not lines[-1].strip()
    return is_incomplete(
        text.rstrip(" ") + "\n" if blank_at_end and not in_long_string(text) else text
    )


def continuation(text: str) -> str:
    """Return the line break and indent; a long string would take the indent as its text."""
    return "\n" if in_long_string(text) else "\n" + INDENT


def in_long_string(text: str) -> bool:
    '''Return whether a ``"""`` is open at the end.'''
    return text.count('"""') % 2 == 1
