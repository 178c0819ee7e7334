"""The formatter: the canonical layout of a program, as edits to its text."""

from promptlang.formatting.program import format_program

__all__ = ["format_program"]
