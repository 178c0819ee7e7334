"""Metrics of a training by step, in a file of JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from promptlang.files import UnreadableFileError, parse_json, read_bytes

from ...atomic_files import write_atomically

MetricsRecord = dict[str, Any]

_MAX_BYTES: Final = 2**30
"""The largest file that is read, in bytes: some ten million steps."""


@dataclass(slots=True)
class Metrics:
    """Records in memory, and a file with those up to the last checkpoint."""

    file: Path
    records: list[MetricsRecord] = field(default_factory=list)
    written: int = 0
    """Number of records in the file."""

    def resume(self, step: int, records: Sequence[MetricsRecord] | None = None) -> None:
        """Take the records of an earlier run up to a step, and write the file anew with them.

        They are those of the checkpoint, or without any there, of the file.
        """
        self.records = [*(self.read(step) if records is None else records)] if step else []
        write_atomically(self.file, write_records(self.records))
        self.written = len(self.records)

    def add(self, step: int, **values: float) -> None:
        """Add a record of values after a step."""
        self.records.append({"step": step, **values})

    def flush(self) -> None:
        """Append the new records to the file, and flush it to disk."""
        with self.file.open("ab") as stream:
            stream.write(write_records(self.records[self.written :]))
            stream.flush()
            os.fsync(stream.fileno())
        self.written = len(self.records)

    def series(self, name: str) -> list[tuple[int, float]]:
        """Return the steps with a value of a name, and their values."""
        return [(each["step"], each[name]) for each in self.records if name in each]

    def read(self, step: int) -> list[MetricsRecord]:
        """Return the records of the file up to a step, without damaged lines."""
        try:
            records = parse_records(read_bytes(self.file, _MAX_BYTES))
        except UnreadableFileError:
            return []
        return [each for each in records if each["step"] <= step]


def parse_records(content: bytes) -> list[MetricsRecord]:
    """Return the records of JSON lines, without incomplete lines and values that are no numbers."""
    lines = content.decode("utf-8", errors="replace").split("\n")
    return [record for line in lines if (record := _parse_line(line)) is not None]


def write_records(records: Iterable[MetricsRecord]) -> bytes:
    """Return records as JSON lines."""
    return "".join(json.dumps(each) + "\n" for each in records).encode()


def _parse_line(line: str) -> MetricsRecord | None:
    try:
        record = parse_json(line)
    except UnreadableFileError:
        return None
    if isinstance(record, dict) and isinstance(record.get("step"), int):
        return record if all(map(_is_number, record.values())) else None
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
