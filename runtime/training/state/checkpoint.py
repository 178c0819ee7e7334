"""Checkpoints: the state of an unfinished training on disk, verified before it is used."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from promptlang.files import UnreadableFileError, parse_json, read_safetensors_header

from ...atomic_files import remove, replacing
from ...hashes import hash_parts
from .metrics import MetricsRecord, parse_records, write_records
from .optimizer_state import restore_optimizer, serialize_optimizer

_DIGEST_KEY: Final = "digest"
"""Metadata key of the hash of everything else in the checkpoint."""

_METRICS: Final = "metrics"
"""Name of the tensor with the lines of the metrics, as bytes."""

_STATE_ERRORS: Final = (KeyError, ValueError, TypeError, RuntimeError, IndexError, AttributeError)
"""Errors of an optimizer that is given another one's state."""


class DamagedCheckpointError(Exception):
    """A checkpoint that cannot be trusted; the message is the reason."""


@dataclass(frozen=True, slots=True)
class BestWeights:
    """Weights with the lowest validation loss so far."""

    loss: float
    step: int
    sha256: str
    """Hash of their file, or of all files of their folder."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Number of finished steps, the smoothed loss, and the best weights among these steps."""

    done: int = 0
    loss: float = 0.0
    best: BestWeights | None = None

    def after(self, loss: float) -> Progress:
        """Return the progress after another step.

        The smoothed loss is the mean of the first twenty losses, then a moving average.
        """
        done = self.done + 1
        smoothed = self.loss + (loss - self.loss) * max(0.05, 1 / done)
        return replace(self, done=done, loss=smoothed)


@dataclass(frozen=True, eq=False, slots=True)
class TrainerState:
    """State that changes from step to step, except for the progress and the metrics."""

    parameters: Mapping[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: Sequence[Tensor] = ()
    """Values of the EMA, in the order of the parameters."""

    def tensors(self) -> dict[str, Tensor]:
        """Return parameters and averages by their names in a checkpoint."""
        parameters = {f"parameter.{name}": each.data for name, each in self.parameters.items()}
        return parameters | {f"average.{index}": each for index, each in enumerate(self.average)}


@dataclass(frozen=True, eq=False, slots=True)
class StoredState:
    """Content of a checkpoint."""

    progress: Progress
    tensors: Mapping[str, Tensor]
    optimizer: str
    """JSON of the optimizer's state."""
    scaler: dict[str, Any]
    records: Sequence[MetricsRecord] | None
    """Metrics up to the checkpoint; None in one of promptlang 0.1.0, beside which a file has them.
    """

    def restore(self, state: TrainerState) -> None:
        """Copy the content into a state, all of it or nothing.

        Raises:
            DamagedCheckpointError: if the content does not fit the state.
        """
        targets = state.tensors()
        for name, target in targets.items():
            if name not in self.tensors or self.tensors[name].shape != target.shape:
                raise DamagedCheckpointError(f"its tensor `{name}` does not fit")
        before = deepcopy(state.optimizer.state_dict()), deepcopy(state.scaler.state_dict())
        try:
            restore_optimizer(state.optimizer, self.tensors, self.optimizer)
            state.scaler.load_state_dict(self.scaler)
        except _STATE_ERRORS as error:
            state.optimizer.load_state_dict(before[0])
            state.scaler.load_state_dict(before[1])
            raise DamagedCheckpointError("its optimizer's state does not fit") from error
        for name, target in targets.items():
            target.copy_(self.tensors[name])


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """Checkpoint file of one training, valid for its fingerprint only."""

    folder: Path
    fingerprint: str

    @classmethod
    def beside(cls, file: Path, name: str, fingerprint: str) -> Checkpoint:
        """Return the checkpoint of a training by a name, in the folder of its result."""
        return cls(file.parent / f".{name}.training", fingerprint)

    @property
    def file(self) -> Path:
        """Return the safetensors file."""
        return self.folder / "checkpoint.safetensors"

    def save(
        self, state: TrainerState, progress: Progress, records: Sequence[MetricsRecord]
    ) -> None:
        """Write the state atomically, with a hash of all of it."""
        tensors, optimizer = serialize_optimizer(state.optimizer)
        lines = bytearray(write_records(records))
        stored = {
            **_unshared(tensors | state.tensors()),
            _METRICS: torch.frombuffer(lines, dtype=torch.uint8)
            if lines
            else torch.empty(0, dtype=torch.uint8),
        }
        metadata = {
            "key": self.fingerprint,
            "done": str(progress.done),
            "loss": repr(progress.loss),
            "best": json.dumps(progress.best and asdict(progress.best)),
            "optimizer": optimizer,
            "scaler": json.dumps(state.scaler.state_dict()),
        }
        metadata[_DIGEST_KEY] = _digest(stored, metadata)
        with replacing(self.file) as partial:
            save_file(stored, partial, metadata)

    def read(self, steps: int) -> StoredState | None:
        """Return the content, None without a checkpoint of this training; change nothing.

        Args:
            steps: Number of steps of the whole training.

        Raises:
            DamagedCheckpointError: if the file is damaged, or something else.
        """
        if not os.path.lexists(self.file):
            return None
        metadata, tensors = _read_file(self.file)
        verified = _DIGEST_KEY in metadata
        if not verified and _METRICS in tensors:
            raise DamagedCheckpointError("its hash is missing")
        if verified and metadata[_DIGEST_KEY] != _digest(tensors, metadata):
            raise DamagedCheckpointError("its data are not the ones that were written")
        if metadata.get("key") != self.fingerprint:
            return None
        try:
            return _parse(metadata, tensors, steps)
        except (KeyError, ValueError, TypeError) as error:
            raise DamagedCheckpointError("an entry is missing or not possible") from error

    def belongs_to_training(self) -> bool:
        """Return whether the file's header names this training, without reading the rest."""
        try:
            return read_safetensors_header(self.file).metadata.get("key") == self.fingerprint
        except UnreadableFileError:
            return False

    def remove(self) -> None:
        """Remove the checkpoint with its folder."""
        remove(self.folder)


def _read_file(file: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        metadata = dict(read_safetensors_header(file).metadata)
        with safe_open(str(file), "pt") as opened:
            return metadata, {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except UnreadableFileError as error:
        reason = str(error).removeprefix(f"`{file.name}` ").removeprefix("is damaged: ")
        raise DamagedCheckpointError(reason) from error
    except (OSError, SafetensorError) as error:
        raise DamagedCheckpointError(str(error)) from error


def _parse(metadata: Mapping[str, str], tensors: Mapping[str, Tensor], steps: int) -> StoredState:
    """Return the content of a checkpoint; raise KeyError, ValueError or TypeError."""
    best = json.loads(metadata.get("best", "null"))
    progress = Progress(
        int(metadata["done"]), float(metadata["loss"]), best and BestWeights(**best)
    )
    if not 0 <= progress.done <= steps or not isfinite(progress.loss):
        raise ValueError(progress)
    scaler = json.loads(metadata["scaler"])
    parse_json(metadata["optimizer"])
    records = None
    if _METRICS in tensors:
        records = parse_records(tensors[_METRICS].numpy().tobytes())
    return StoredState(progress, tensors, metadata["optimizer"], dict(scaler), records)


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the hash of names, dtypes, shapes and bytes of tensors, and of the other metadata."""
    entries = sorted((key, value) for key, value in metadata.items() if key != _DIGEST_KEY)
    return hash_parts(_pieces(tensors, entries))


def _pieces(
    tensors: Mapping[str, Tensor], entries: Sequence[tuple[str, str]]
) -> Iterator[bytes | memoryview]:
    yield json.dumps(entries).encode()
    for name, tensor in sorted(tensors.items()):
        yield json.dumps([name, str(tensor.dtype), [*tensor.shape]]).encode()
        yield tensor.cpu().reshape(-1).view(torch.uint8).numpy().data


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous tensors without shared memory, which safetensors does not store."""
    pointers: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        copied = tensor.data_ptr() in pointers or not tensor.is_contiguous()
        pointers.add(tensor.data_ptr())
        separate[name] = tensor.clone(memory_format=torch.contiguous_format) if copied else tensor
    return separate
