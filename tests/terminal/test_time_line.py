"""The time line of `promptlang explain`, on whatever terminal there is."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from promptlang import explain
from promptlang.terminal.explanation import render_explanation


def drawn(prompt: str, steps: int, width: int) -> list[str]:
    out = StringIO()
    console = Console(file=out, width=width)
    for row in render_explanation(explain(prompt, steps)):
        console.print(row)
    return [line.rstrip() for line in out.getvalue().splitlines()]


BARS = frozenset("█▒·▁▂▃▄▅▆▇")


def places(lines: list[str]) -> set[tuple[int, int]]:
    """The first and the last cell of each row's bars."""
    found = set()
    for line in lines:
        at = [index for index, character in enumerate(line) if character in BARS]
        if at:
            found.add((cell_len(line[: at[0]]), cell_len(line[: at[-1]])))
    return found


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("steps", [1, 4, 20, 150, 1000])
@pytest.mark.parametrize(
    "prompt",
    [
        "a [red:blue:0.5] <lora:ink:[0:1:0.4]:1>",
        "日本の [赤い狐と青い狐の長い名前の狐:青:0.5] <lora:墨:[0:1:0.4]:0.3>",
        "a :[1:2:0.5] AND [b|c] <lora:a-name-that-is-far-too-long-for-any-terminal:1>",
    ],
)
def test_rows_lie_below_each_other_and_none_is_cut(prompt: str, steps: int, width: int) -> None:
    lines = drawn(prompt, steps, width)
    assert all(cell_len(line) <= width for line in lines)
    bars = [line for line in lines if BARS & set(line)]
    assert bars
    parts = 2 if " AND " in prompt else 1
    assert len(places(bars)) <= parts
    assert not any(line.rstrip().endswith(("█…", "·…")) for line in bars)


def test_many_steps_share_columns() -> None:
    lines = drawn("[red:blue:0.5]", 150, 40)
    assert lines[6:] == [
        "      1           step           150",
        "red   ███████████████···············",
        "blue  ···············███████████████",
        "5 steps a column",
        "tokens: those of the model `emoji`",
    ]
    assert "▒" in drawn("[red:blue:0.5]", 153, 40)[7]


def test_few_steps_have_a_column_each() -> None:
    assert drawn("[a|b]", 4, 40)[6:9] == ["   1  4", "a  █·█·", "b  ·█·█"]
