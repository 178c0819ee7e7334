"""The canonical layout of a program, as edits to its text: what no edit names stays byte for byte."""

from promptlang.formatting.program import format_program

__all__ = ["format_program"]
