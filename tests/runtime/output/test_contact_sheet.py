from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from promptlang.plan.events import PictureFinished, SheetFinished
from promptlang.plan.steps import ContactSheet, Render, SheetRow
from promptlang.runtime import Runtime
from promptlang.runtime.output import contact_sheet
from promptlang.source import Span
from tests.runtime.conftest import complaints, run
from tests.support.renders import changed

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "gold": (255, 200, 0)}


@pytest.fixture
def squares(tmp_path: Path) -> dict[str, Path]:
    files = {}
    for name, colour in COLOURS.items():
        files[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (64, 64), colour).save(files[name])
    return files


def colours(sheet: Image.Image, grid: tuple[int, int]) -> np.ndarray:
    """Return the colour in the centre of each cell, from the bottom right, `[rows, columns, 3]`."""
    columns, rows = grid
    pixels = np.asarray(sheet)
    centres = []
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            bottom, right = (
                contact_sheet.GAP + each * (128 + contact_sheet.GAP) + 64 for each in (row, column)
            )
            centres.append(tuple(pixels[-bottom, -right]))
    return np.array(centres).reshape(rows, columns, 3)


def test_each_picture_has_its_place_twice_as_large(
    squares: dict[str, Path], span: Span, tmp_path: Path
) -> None:
    names = [["red", "green"], ["blue", "gold"]]
    rows = tuple(
        SheetRow(f"seed {at}", tuple((f"cfg {i}", squares[name]) for i, name in enumerate(line)))
        for at, line in enumerate(names)
    )
    made = contact_sheet.draw_contact_sheet(
        ContactSheet(span, rows, tmp_path / "sheet.png"), set(squares.values())
    )
    assert np.array_equal(
        colours(made, (2, 2)), [[COLOURS[name] for name in line] for line in names]
    )


def test_labels_are_written_beside_and_above(
    squares: dict[str, Path], span: Span, tmp_path: Path
) -> None:
    def sheet(row: str, column: str) -> np.ndarray:
        rows = (SheetRow(row, ((column, squares["red"]),)),)
        return np.asarray(
            contact_sheet.draw_contact_sheet(
                ContactSheet(span, rows, tmp_path / "sheet.png"), {squares["red"]}
            )
        )

    assert not np.array_equal(sheet("seed 1", "cfg 3"), sheet("seed 2", "cfg 3"))
    assert not np.array_equal(sheet("seed 1", "cfg 3"), sheet("seed 1", "cfg 5"))
    assert sheet("", "cfg 3").shape[1] < sheet("seed 1", "cfg 3").shape[1]
    assert sheet("", "a very long label that takes " * 9).shape[0] > sheet("", "cfg 3").shape[0]


def test_a_picture_that_was_not_made_is_crossed_out_even_if_an_old_one_is_there(
    squares: dict[str, Path], span: Span, tmp_path: Path
) -> None:
    rows = (SheetRow("", (("a", squares["red"]), ("b", squares["blue"]))),)
    made = contact_sheet.draw_contact_sheet(
        ContactSheet(span, rows, tmp_path / "sheet.png"), {squares["red"]}
    )
    assert colours(made, (2, 1)).tolist()[0][0] == list(COLOURS["red"])
    pixels = np.asarray(made).reshape(-1, 3)
    assert not (pixels == COLOURS["blue"]).all(1).any()


def test_a_sweep_ends_with_its_sheet_and_one_that_failed_does_not_stop_it(
    runtime: Runtime, render: Callable[..., Render], tmp_path: Path
) -> None:
    one, two = (render(seed=seed, file=tmp_path / f"{seed}.png") for seed in (1, 2))
    sheet = ContactSheet(
        one.span,
        (SheetRow("", (("seed 1", one.file), ("seed 2", two.file))),),
        tmp_path / "sheet.png",
    )
    *_, last = run(runtime, one, two, sheet)
    assert last == SheetFinished(sheet)
    whole = sheet.file.read_bytes()
    events = run(runtime, one, changed(two, clip_skip=9), sheet)
    assert complaints(events)
    assert [type(each) for each in events if isinstance(each, PictureFinished | SheetFinished)] == [
        PictureFinished,
        SheetFinished,
    ]
    assert sheet.file.read_bytes() != whole
    sheet.file.unlink()
    run(runtime, changed(one, clip_skip=9), sheet)
    assert not sheet.file.exists()
