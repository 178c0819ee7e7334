"""Sources, positions and spans: where a text comes from, and places in it."""

from promptlang.source.source import Position, Source, Span

__all__ = ["Position", "Source", "Span"]
