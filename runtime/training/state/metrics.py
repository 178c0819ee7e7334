"""Metrics of a training by step, in a file of JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...atomic_files import write_atomically

MetricsRecord = dict[str, Any]


@dataclass(slots=True)
class Metrics:
    """Records in memory, and a file with those up to the last checkpoint."""

    file: Path
    records: list[MetricsRecord] = field(default_factory=list)
    written: int = 0
    """Number of records in the file."""

    def resume(self, step: int) -> None:
        """Read the file of an earlier run up to a step, and remove the later records from it."""
        self.records = [each for each in self._read() if each["step"] <= step] if step else []
        write_atomically(self.file, "".join(map(_to_line, self.records)).encode())
        self.written = len(self.records)

    def add(self, step: int, **values: float) -> None:
        """Add a record of values after a step."""
        self.records.append({"step": step, **values})

    def flush(self) -> None:
        """Append the new records to the file."""
        with self.file.open("a", encoding="utf-8") as stream:
            stream.writelines(map(_to_line, self.records[self.written :]))
        self.written = len(self.records)

    def series(self, name: str) -> list[tuple[int, float]]:
        """Return the steps with a value of a name, and their values."""
        return [(each["step"], each[name]) for each in self.records if name in each]

    def _read(self) -> list[MetricsRecord]:
        """Return the records of the file, without an incomplete last line."""
        try:
            lines = self.file.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return [record for line in lines if (record := _parse_line(line)) is not None]


def _parse_line(line: str) -> MetricsRecord | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None


def _to_line(record: MetricsRecord) -> str:
    return json.dumps(record) + "\n"
