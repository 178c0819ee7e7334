"""Sources, positions and spans of texts."""

from promptlang.source.source import Position, Source, Span

__all__ = ["Position", "Source", "Span"]
