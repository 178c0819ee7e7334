"""A time line: rows of values that change over the steps, scaled to the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

ON, PARTLY, OFF = "█", "▒", "·"
LEVELS = "▁▂▃▄▅▆▇█"

NAME, REMARK = 30, 24
"""The cells of a name and of a remark at most, and a third and a quarter of the screen at most."""
MIN_COLUMNS = 8
"""The cells of the steps at least."""
COLUMN_GAP = 2


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A value for each step: a flag, or a strength."""

    name: str
    values: Sequence[bool] | Sequence[float]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows over a number of steps, as a table that fits the console."""

    rows: Sequence[TimelineRow]
    steps: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a table with a column for each step, or for several if there are too many."""
        remarks = min(
            max(cell_len(row.remark) for row in self.rows), REMARK, options.max_width // 4
        )
        names = min(max(cell_len(row.name) for row in self.rows), NAME, options.max_width // 3)
        room = max(
            MIN_COLUMNS,
            options.max_width - names - COLUMN_GAP - (remarks + COLUMN_GAP if remarks else 0),
        )
        each = -(-self.steps // room)
        columns = -(-self.steps // each)
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True, width=names)
        table.add_column(self._scale(columns), no_wrap=True)
        if remarks:
            table.add_column("", width=remarks)
        for row in self.rows:
            cells = Text(row.name, "cyan"), Text(_drawn(row.values, each))
            remark = (Text(row.remark),) if remarks else ()
            table.add_row(*cells, *remark)
        yield table
        if each > 1:
            yield Text(f"{each} steps a column", "dim")

    def _scale(self, columns: int) -> str:
        """Return ``1   step   20``, shortened on narrow screens."""
        between = columns - 1 - len(str(self.steps))
        if columns == 1 or between < 0:
            return "1"
        return f"1{('step' if between > 5 else '').center(between)}{self.steps}"


def _drawn(values: Sequence[bool] | Sequence[float], each: int) -> str:
    """Return a character for every `each` steps."""
    groups = [values[at : at + each] for at in range(0, len(values), each)]
    if all(isinstance(value, bool) for value in values):
        return "".join(ON if all(group) else PARTLY if any(group) else OFF for group in groups)
    greatest = max(map(abs, values)) or 1
    strengths = [max(map(abs, group)) for group in groups]
    return "".join(LEVELS[round(each / greatest * 7)] if each else OFF for each in strengths)
