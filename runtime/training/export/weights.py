"""Result files of a training: the last weights, or those of the lowest validation loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...atomic_files import copy_atomically


@dataclass(frozen=True, eq=False, slots=True)
class WeightFiles:
    """Files that the trained weights are written to."""

    result: Path
    """File or folder of the result."""
    report: Path
    """Folder of the report, which has the best weights."""
    write: Callable[[Path, Mapping[str, str]], None]
    """Function that writes the present weights with metadata."""
    metadata: Mapping[str, str]

    @property
    def best(self) -> Path:
        """Return the file of the weights with the lowest validation loss so far."""
        return self.report / f"best{self.result.suffix}"

    def save_best(self) -> None:
        """Write the present weights as the best ones."""
        self.write(self.best, self.metadata)

    def save_result(self, kept: str) -> None:
        """Write the result: the present weights, or the ``best`` ones if there are any."""
        if kept == "best" and self.best.exists():
            copy_atomically(self.best, self.result)
        else:
            self.write(self.result, self.metadata)
