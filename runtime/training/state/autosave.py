"""Periodic saving of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from .checkpoint import Checkpoint, Progress, TrainerState
from .metrics import MetricsRecord

SAVE_STEPS: Final = 50
SAVE_SECONDS: Final = 30.0
"""Seconds between two checkpoints, which a killed process loses at most."""

SAVE_SHARE: Final = 0.05
"""Largest share of the time that is spent on saving."""


@dataclass(slots=True)
class Autosave:
    """Checkpoint that is saved every `SAVE_STEPS` steps or `SAVE_SECONDS` seconds."""

    checkpoint: Checkpoint
    saved: Progress = field(default_factory=Progress)
    """Progress at the last save."""
    saved_at: float = field(default_factory=perf_counter)
    save_seconds: float = 0.0
    """Duration of the last save."""

    def due(self, progress: Progress) -> bool:
        """Return whether it is time for the next save."""
        seconds, steps = perf_counter() - self.saved_at, progress.done - self.saved.done
        often = seconds > SAVE_SECONDS or steps >= SAVE_STEPS
        return often and seconds * SAVE_SHARE >= self.save_seconds

    def save(
        self, state: TrainerState, progress: Progress, records: Sequence[MetricsRecord]
    ) -> None:
        """Write a checkpoint."""
        started = perf_counter()
        self.checkpoint.save(state, progress, records)
        self.saved, self.saved_at = progress, perf_counter()
        self.save_seconds = self.saved_at - started
