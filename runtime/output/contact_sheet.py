"""Pictures side by side, with what distinguishes them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from promptlang.plan.steps import ContactSheet, SheetRow

from ..atomic_files import write_atomically

MIN_SIDE: Final = 128
"""Pixels that a picture's longer side takes up at least: small ones are shown two or more times as large."""

GAP: Final = 4
MAX_LABEL_LINES: Final = 4
"""Of a label, at most."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes in pixels."""

    cell: tuple[int, int]
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    line: int
    """Height of a line of text."""
    margin: int
    """Width of the labels at the left."""

    def wrapped(self, text: str, width: int) -> list[str]:
        """A label's lines, of about so many pixels."""
        letters = max(4, int(width / self.font.getlength("n")))
        return wrap(text, letters, max_lines=MAX_LABEL_LINES, placeholder=" …")

    def above(self, row: SheetRow) -> int:
        """How much a row's own labels take up."""
        return (
            self.line * max(len(self.wrapped(label, self.cell[0])) for label, _ in row.cells) + GAP
        )


def save_contact_sheet(sheet: ContactSheet, made: Set[Path]) -> None:
    """Draw a contact sheet of the pictures that were made, and write it whole or not at all."""
    content = BytesIO()
    draw_contact_sheet(sheet, made).save(content, "png")
    write_atomically(sheet.file, content.getvalue())


def draw_contact_sheet(sheet: ContactSheet, made: Set[Path]) -> Image.Image:
    """The sheet as a picture; in the place of one that was not made, for it failed, a cross."""
    pictures = {
        file: _opened(file) if file in made else None for row in sheet.rows for _, file in row.cells
    }
    layout = _layout(sheet, [picture for picture in pictures.values() if picture])
    tops = [*_tops(sheet.rows, layout)]
    columns = max(len(row.cells) for row in sheet.rows)
    paper = Image.new(
        "RGB", (layout.margin + columns * (layout.cell[0] + GAP) + GAP, tops[-1]), "white"
    )
    pen = ImageDraw.Draw(paper)
    for row, above, top in zip(sheet.rows, _has_column_labels(sheet.rows), tops, strict=False):
        _text(pen, layout, row.label, (GAP, top), layout.margin - 2 * GAP)
        for column, (label, file) in enumerate(row.cells):
            left = layout.margin + GAP + column * (layout.cell[0] + GAP)
            if above:
                _text(pen, layout, label, (left, top - layout.above(row)), layout.cell[0])
            _paste(paper, pictures[file], (left, top), layout.cell)
    return paper


def _layout(sheet: ContactSheet, pictures: list[Image.Image]) -> _Layout:
    widest, highest = (max((p.size[side] for p in pictures), default=MIN_SIDE) for side in (0, 1))
    scale = -(-MIN_SIDE // max(widest, highest))
    size = max(12, min(24, widest * scale // 16))
    font = ImageFont.load_default(size)
    longest = max(font.getlength(row.label) for row in sheet.rows)
    margin = min(int(longest) + 3 * GAP, 12 * size) if longest else 0
    return _Layout((widest * scale, highest * scale), font, size + 3, margin)


def _has_column_labels(rows: tuple[SheetRow, ...]) -> Iterator[bool]:
    """Whether a row says what its columns are: not if the row above has said so."""
    before: list[str] = []
    for row in rows:
        labels = [label for label, _ in row.cells]
        yield labels != before
        before = labels


def _tops(rows: tuple[SheetRow, ...], layout: _Layout) -> Iterator[int]:
    """Where the pictures of each row begin; last, where the sheet ends."""
    top = GAP
    for row, above in zip(rows, _has_column_labels(rows), strict=True):
        top += layout.above(row) if above else 0
        yield top
        top += layout.cell[1] + GAP
    yield top


def _text(
    pen: ImageDraw.ImageDraw, layout: _Layout, text: str, place: tuple[int, int], width: int
) -> None:
    pen.multiline_text(
        place, "\n".join(layout.wrapped(text, width)), fill="black", font=layout.font, spacing=2
    )


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        return picture.convert("RGB")


def _paste(
    paper: Image.Image, picture: Image.Image | None, place: tuple[int, int], size: tuple[int, int]
) -> None:
    left, top = place
    if picture is None:
        pen = ImageDraw.Draw(paper)
        right, bottom = left + size[0] - 1, top + size[1] - 1
        pen.rectangle((left, top, right, bottom), outline="gray")
        pen.line((left, top, right, bottom), fill="gray")
        pen.line((left, bottom, right, top), fill="gray")
        return
    scale = min(size[0] // picture.width, size[1] // picture.height)
    paper.paste(
        picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST),
        place,
    )
