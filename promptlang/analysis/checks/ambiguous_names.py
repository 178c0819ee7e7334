"""Names that several files in the configured folders have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promptlang.analysis.world import World


def ambiguous_files(
    kind: str, name: str, known: Mapping[str, Path], world: World
) -> tuple[Path, ...]:
    """Return the files between which a name is ambiguous, empty if it is known or has none."""
    return () if name in known else world.shelf(kind).ambiguous.get(name, ())
