"""Contact sheets: pictures in a grid, labelled by the values that distinguish them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Set
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from promptlang.files import UnreadableFileError
from promptlang.files.images import load_image
from promptlang.plan.steps import ContactSheet, SheetRow

from ..atomic_files import write_atomically

MIN_SIDE: Final = 128
"""Length of a picture's longer side in pixels, at least; smaller ones are enlarged to it."""

GAP: Final = 4
MAX_LABEL_LINES: Final = 4
"""Lines of a label, at most."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes in pixels."""

    cell: tuple[int, int]
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    line: int
    """Height of a line of text"""
    margin: int
    """Width of the row labels"""

    def wrap(self, text: str, width: int) -> list[str]:
        """Break a label into lines of about `width` pixels."""
        letters = max(4, int(width / self.font.getlength("n")))
        return textwrap.wrap(text, letters, max_lines=MAX_LABEL_LINES, placeholder=" …")

    def label_height(self, row: SheetRow) -> int:
        """Return the height of the labels above a row."""
        return self.line * max(len(self.wrap(label, self.cell[0])) for label, _ in row.cells) + GAP


def save_contact_sheet(sheet: ContactSheet, made: Set[Path]) -> None:
    """Draw a contact sheet of the pictures that were made, and write it whole or not at all."""
    content = BytesIO()
    draw_contact_sheet(sheet, made).save(content, "png")
    write_atomically(sheet.file, content.getvalue())


def draw_contact_sheet(sheet: ContactSheet, made: Set[Path]) -> Image.Image:
    """Draw a contact sheet; a cross stands for each picture that could not be made."""
    pictures = {
        file: _open_rgb(file) if file in made else None
        for row in sheet.rows
        for _, file in row.cells
    }
    layout = _layout(sheet, [picture for picture in pictures.values() if picture])
    tops = [*_tops(sheet.rows, layout)]
    columns = max(len(row.cells) for row in sheet.rows)
    paper = Image.new(
        "RGB", (layout.margin + columns * (layout.cell[0] + GAP) + GAP, tops[-1]), "white"
    )
    pen = ImageDraw.Draw(paper)
    for row, labelled, top in zip(sheet.rows, _has_column_labels(sheet.rows), tops, strict=False):
        _text(pen, layout, row.label, (GAP, top), layout.margin - 2 * GAP)
        for column, (label, file) in enumerate(row.cells):
            left = layout.margin + GAP + column * (layout.cell[0] + GAP)
            if labelled:
                _text(pen, layout, label, (left, top - layout.label_height(row)), layout.cell[0])
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
    """Yield for each row whether its labels differ from those of the row above."""
    before: list[str] = []
    for row in rows:
        labels = [label for label, _ in row.cells]
        yield labels != before
        before = labels


def _tops(rows: tuple[SheetRow, ...], layout: _Layout) -> Iterator[int]:
    """Yield the top edge of each row's pictures and, last, the height of the sheet."""
    top = GAP
    for row, labelled in zip(rows, _has_column_labels(rows), strict=True):
        top += layout.label_height(row) if labelled else 0
        yield top
        top += layout.cell[1] + GAP
    yield top


def _text(
    pen: ImageDraw.ImageDraw, layout: _Layout, text: str, position: tuple[int, int], width: int
) -> None:
    pen.multiline_text(
        position, "\n".join(layout.wrap(text, width)), fill="black", font=layout.font, spacing=2
    )


def _open_rgb(file: Path) -> Image.Image | None:
    try:
        return load_image(file).convert("RGB")
    except UnreadableFileError:  # it has been replaced or removed since it was made
        return None


def _paste(
    paper: Image.Image,
    picture: Image.Image | None,
    position: tuple[int, int],
    size: tuple[int, int],
) -> None:
    left, top = position
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
        position,
    )
