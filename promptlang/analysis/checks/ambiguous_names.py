"""Names that several files of the configured folders have: what several rules ask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promptlang.analysis.world import World


def ambiguous_files(
    kind: str, name: str, known: Mapping[str, Path], world: World
) -> tuple[Path, ...]:
    """The files of a name that stands for none of them; nothing where it is known, or where there is no such file."""
    return () if name in known else world.shelf(kind).ambiguous.get(name, ())
