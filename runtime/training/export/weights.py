"""Result files of a training: the last weights, or those of the lowest validation loss."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...atomic_files import copy_atomically, move, remove
from ...hashes import hash_files, list_files
from ..state.checkpoint import BestWeights

WEIGHTS_SUFFIX: Final = ".safetensors"
"""Suffix of results in a single file; all others are folders."""


@dataclass(frozen=True, eq=False, slots=True)
class WeightFiles:
    """Files that the trained weights are written to."""

    result: Path
    """File or folder of the result."""
    report: Path
    """Folder of the report, which has the best weights."""
    checkpoints: Path
    """Folder of the checkpoint, which has the best weights of its step if there are better ones."""
    write: Callable[[Path, Mapping[str, str]], None]
    """Function that writes the present weights with metadata."""
    metadata: Mapping[str, str]

    @property
    def is_folder(self) -> bool:
        """Return whether the weights are written as a folder."""
        return self.result.suffix != WEIGHTS_SUFFIX

    @property
    def best(self) -> Path:
        """Return the file of the weights with the lowest validation loss so far."""
        return self.report / f"best{self.result.suffix}"

    @property
    def earlier_best(self) -> Path:
        """Return the file of the best weights that the checkpoint names, where it is kept."""
        return self.checkpoints / self.best.name

    def save_best(self, *, keep: bool) -> str:
        """Write the present weights as the best ones, and return their hash.

        Args:
            keep: Keep the best weights so far, which the checkpoint names, until the next one.
        """
        if keep and self.best.exists():
            move(self.best, self.earlier_best)
        self.write(self.best, self.metadata)
        return hash_files(*list_files(self.best))

    def find_best(self, best: BestWeights) -> bool:
        """Return whether the best weights are there, unchanged; take back those of a checkpoint."""
        if hash_of(self.best) == best.sha256:
            return True
        if hash_of(self.earlier_best) == best.sha256:
            move(self.earlier_best, self.best)
            return True
        return False

    def forget_earlier_best(self) -> None:
        """Remove the best weights that the checkpoint no longer names."""
        remove(self.earlier_best)

    def save_result(self, best: BestWeights | None) -> None:
        """Write the result: the best weights if there are any to be kept, else the present ones.

        Raises OSError, also if the best weights have changed since they were written.
        """
        if best is None:
            self.write(self.result, self.metadata)
            return
        if hash_of(self.best) != best.sha256:
            reason = "it was changed during the training; run again"
            raise OSError(errno.EIO, reason, str(self.best))
        copy_atomically(self.best, self.result)


def hash_of(path: Path) -> str | None:
    """Return the hash of a file or of all files of a folder, None if it cannot be read."""
    try:
        return hash_files(*list_files(path)) if path.is_dir() or path.is_file() else None
    except OSError:
        return None
