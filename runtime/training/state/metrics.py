"""What a training tells of its course, a line of JSON a step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...atomic_files import write_atomically

MetricsRow = dict[str, Any]


@dataclass(slots=True)
class Metrics:
    """Rows in memory, and a file that holds those that are safe: none is ahead of the last checkpoint."""

    file: Path
    rows: list[MetricsRow] = field(default_factory=list)
    written: int = 0

    def resume(self, done: int) -> None:
        """Go on after a step: what an earlier run told of later ones is forgotten."""
        self.rows = [row for row in self._read() if row["step"] <= done] if done else []
        write_atomically(self.file, "".join(map(_line, self.rows)).encode())
        self.written = len(self.rows)

    def add(self, step: int, **values: float) -> None:
        """A row more."""
        self.rows.append({"step": step, **values})

    def flush(self) -> None:
        """Write what is not written yet."""
        with self.file.open("a", encoding="utf-8") as stream:
            stream.writelines(map(_line, self.rows[self.written :]))
        self.written = len(self.rows)

    def series(self, name: str) -> list[tuple[int, float]]:
        """Steps, and one of their values."""
        return [(row["step"], row[name]) for row in self.rows if name in row]

    def _read(self) -> list[MetricsRow]:
        """All but a line that was broken off."""
        try:
            lines = self.file.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return [row for line in lines if (row := _row(line)) is not None]


def _row(line: str) -> MetricsRow | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def _line(row: MetricsRow) -> str:
    return json.dumps(row) + "\n"
