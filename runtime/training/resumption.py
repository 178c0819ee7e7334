"""Files of an earlier run: verified before any is used, and set aside if they are damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.running import training_file_missing, training_file_set_aside
from promptlang.plan.steps import Train

from ..atomic_files import set_aside
from ..distributed import Processes
from .export.weights import WeightFiles, hash_of
from .state.checkpoint import BestWeights, DamagedCheckpointError, StoredState
from .trainer import Trainer

REPORT_FILES: Final = ("metrics.jsonl", "report.txt", "loss.png", "samples.png")

_ANEW: Final = "the training begins anew"


@dataclass(slots=True)
class Resumption:
    """Resumption of a training from its checkpoint."""

    step: Train
    trainer: Trainer
    weights: WeightFiles
    processes: Processes
    stored: StoredState | None = None
    """State of the earlier run, as long as nothing speaks against its use."""

    def run(self) -> Iterator[Diagnostic]:
        """Restore the state of an earlier run; yield a warning for each damaged file.

        A damaged checkpoint is not used, nor one whose best weights are damaged and are to be the
        result: the training begins anew, in all processes.
        """
        is_main = self.processes.is_main_process
        found = [*self._clear_folders()] if is_main else []
        found += self._read()
        if is_main:
            found += self._verify_best()
        agreed = self.processes.gather({0: self.stored is not None} if is_main else {})[0]
        if not agreed:
            self.stored = None
        found += self._restore()
        if is_main:
            found += self._restore_reports()
            yield from found

    def _clear_folders(self) -> Iterator[Diagnostic]:
        """Set aside folders in the places of files, and a file in the place of a folder."""
        for name in REPORT_FILES:
            if (self.step.report / name).is_dir():
                yield self._set_aside(self.step.report / name, "it is a folder", "it is made anew")
        folder = self.trainer.autosave.checkpoint.folder
        if os.path.lexists(folder) and not folder.is_dir():
            yield self._set_aside(folder, "it is not a folder", _ANEW)
        best = self.weights.best
        if os.path.lexists(best) and best.is_dir() is not self.weights.is_folder:
            yield self._set_aside(best, "it is of another kind", "it is made anew")

    def _read(self) -> Iterator[Diagnostic]:
        checkpoint = self.trainer.autosave.checkpoint
        try:
            self.stored = checkpoint.read(self.trainer.steps)
        except DamagedCheckpointError as error:
            if self.processes.is_main_process:
                yield self._set_aside(checkpoint.file, str(error), _ANEW)
        if self.stored is not None and self.stored.records is None:
            self.stored = self._completed(self.stored)

    def _completed(self, stored: StoredState) -> StoredState:
        """Return the state of a checkpoint of promptlang 0.1.0 with what its report says."""
        records = self.trainer.metrics.read(stored.progress.done)
        losses = [(each["validation"], each["step"]) for each in records if "validation" in each]
        if not losses:
            return replace(stored, records=records)
        loss, step = min(losses, key=itemgetter(0))
        best = BestWeights(loss, step, hash_of(self.weights.best) or "")
        return replace(stored, records=records, progress=replace(stored.progress, best=best))

    def _verify_best(self) -> Iterator[Diagnostic]:
        """Set damaged best weights aside; do not use the state if they are to be the result."""
        best = self.stored and self.stored.progress.best
        if not best or self.weights.find_best(best):
            return
        needed = self.step.config.optimisation.kept == "best"
        consequence = _ANEW if needed else "the training goes on, and they are not its result"
        file = self.weights.best
        if os.path.lexists(file):
            yield self._set_aside(file, "its data are not the ones that were written", consequence)
        else:
            yield training_file_missing(file, consequence, self.step.span)
        if needed:
            self.stored = None

    def _restore(self) -> Iterator[Diagnostic]:
        try:
            self.trainer.restore(self.stored)
        except DamagedCheckpointError as error:
            self.stored = None
            if self.processes.is_main_process:
                yield self._set_aside(self.trainer.autosave.checkpoint.file, str(error), _ANEW)

    def _restore_reports(self) -> Iterator[Diagnostic]:
        """Write the metrics of the earlier run anew, and set damaged samples aside."""
        done = self.trainer.progress.done
        self.trainer.metrics.resume(done, self.stored.records if self.stored else None)
        samples = self.trainer.samples
        if samples is not None:
            for file in samples.resume(done):
                yield self._set_aside(file, "it is no whole picture", "the sheet is without it")

    def _set_aside(self, path: Path, reason: str, consequence: str) -> Diagnostic:
        kept = set_aside(path, self.step.report)
        return training_file_set_aside(path, reason, kept, consequence, self.step.span)
