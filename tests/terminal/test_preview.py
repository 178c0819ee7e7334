"""Pictures as half blocks."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from promptlang.terminal.preview import half_blocks, preview_file


def drawn(picture: Image.Image) -> str:
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(half_blocks(picture), end="", soft_wrap=True)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def picture(*rows: list[tuple[int, int, int]]) -> Image.Image:
    made = Image.new("RGB", (len(rows[0]), len(rows)))
    for y, row in enumerate(rows):
        for x, pixel in enumerate(row):
            made.putpixel((x, y), pixel)
    return made


def test_a_square_of_four_pixels_is_two_characters() -> None:
    four = picture([(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (1, 2, 3)])
    assert (
        drawn(four)
        == "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m\x1b[38;2;0;255;0;48;2;1;2;3m▀\x1b[0m\n"
    )


def test_below_the_last_row_of_an_odd_number_there_is_nothing() -> None:
    assert drawn(picture([(9, 8, 7)])) == "\x1b[38;2;9;8;7m▀\x1b[0m\n"


@pytest.mark.parametrize(
    ("size", "columns", "lines"),
    [((512, 512), 40, 20), ((512, 256), 40, 10), ((256, 1024), 10, 20), ((16, 16), 16, 8)],
)
def test_a_picture_keeps_its_shape_and_fits(
    size: tuple[int, int], columns: int, lines: int, tmp_path: Path
) -> None:
    Image.new("RGB", size).save(tmp_path / "picture.png")
    shown = preview_file(tmp_path / "picture.png", columns=40, rows=20).plain.splitlines()
    assert (len(shown[0]), len(shown)) == (columns, lines)


def test_a_picture_with_transparency_or_a_palette_is_shown(tmp_path: Path) -> None:
    for mode in ("RGBA", "P", "L"):
        Image.new(mode, (2, 2)).save(tmp_path / "picture.png")
        assert preview_file(tmp_path / "picture.png", columns=40, rows=20).plain == "▀▀\n"
