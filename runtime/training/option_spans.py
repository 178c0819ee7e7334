"""Places of training options in the source text, which diagnostics point at."""

from __future__ import annotations

from collections.abc import Callable

from promptlang.source import Span

OptionSpans = Callable[[str], Span]
"""Function from an option's name, such as ``base-precision``, to its span in the source.

An option that a setting or a default provides has the span of the whole statement.
"""
