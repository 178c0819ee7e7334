"""Prompts of ComfyUI's as prompts of promptlang: parts, their weights and areas."""

from __future__ import annotations

import re
from typing import Final

from promptlang.dialects.conversion import convert
from promptlang.inspection.comfy.graph import show
from promptlang.inspection.comfy.line import Line, decimal
from promptlang.inspection.comfy.values import Area, Conditioning, Part
from promptlang.inspection.file_info import describe_losses


def shown_text(prompt: Conditioning | None) -> str:
    """Return the texts of a prompt as the graph has them."""
    if prompt is None:
        return ""
    return " AND ".join(" BREAK ".join(part.texts) for part in prompt.parts)


def write_prompt(
    line: Line, prompt: Conditioning | None, size: tuple[int, int] | None, tags: list[str]
) -> str:
    """Return a prompt of promptlang; parts are weighted, since ComfyUI averages them."""
    parts = prompt.parts if prompt else (Part(("",)),)
    areas = [_fractions(line, part.area, size) for part in parts]
    everywhere = [index for index, area in enumerate(areas) if area is None]
    tagged = everywhere[:1] or range(len(parts))
    pieces = [
        " ".join(
            piece
            for piece in (
                _area_tag(area) if area else "",
                write_part(line, part),
                *(tags if index in tagged else ()),
            )
            if piece
        )
        for index, (part, area) in enumerate(zip(parts, areas, strict=True))
    ]
    if len(parts) == 1:
        return pieces[0]
    weights = _weights(line, parts, areas)
    return " AND ".join(
        f"{piece} :{decimal(weight)}" for piece, weight in zip(pieces, weights, strict=True)
    )


Box = tuple[float, float, float, float]


def _fractions(line: Line, area: Area | None, size: tuple[int, int] | None) -> Box | None:
    """Return an area as left, right, top and bottom in fractions of the picture."""
    if area is None:
        return None
    left, top, width, height = area.box
    if not area.fractions:
        if size is None:
            line.lose(f"without the area {show(str(area.box))}: the size is unknown")
            return None
        left, width, top, height = (
            left / size[0], width / size[0], top / size[1], height / size[1],
        )  # fmt: skip
    sides = left, left + width, top, top + height
    box = tuple(round(min(max(side, 0), 1), 6) for side in sides)
    if not (box[0] < box[1] and box[2] < box[3]):
        line.lose(f"without the area {show(str(area.box))}: it is empty")
        return None
    return box[0], box[1], box[2], box[3]


def _area_tag(box: Box) -> str:
    return f"<area:{','.join(decimal(side) for side in box)}>"


def _weights(line: Line, parts: tuple[Part, ...], areas: list[Box | None]) -> list[float | int]:
    """Return the weights of parts that ComfyUI averages; areas that do not meet have weight 1."""
    if not any(areas):
        total = sum(part.strength for part in parts)
        if total > 0:
            return [round(part.strength / total, 6) for part in parts]
        line.lose("without the strengths of the prompt's parts, whose sum is not positive")
        return [1 for _part in parts]
    boxes = [area or (0.0, 1.0, 0.0, 1.0) for area in areas]
    if any(_overlap(one, other) for index, one in enumerate(boxes) for other in boxes[index + 1 :]):
        line.lose("without the mean of parts where areas overlap: promptlang adds them up")
        return [round(part.strength, 6) for part in parts]
    return [1 for _part in parts]


def _overlap(one: Box, other: Box) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1]) and max(one[2], other[2]) < min(
        one[3], other[3]
    )


WEIGHTED: Final = re.compile(r"(?<!\\)\(")


def write_part(line: Line, part: Part) -> str:
    """Return the texts of a part, which were encoded on their own, as chunks of promptlang."""
    converted = [convert(text, source=part.dialect) for text in part.texts]
    for each in converted:
        for loss in describe_losses(each.diagnostics):
            line.lose(loss)
    if part.dialect == "comfy" and any(WEIGHTED.search(text) for text in part.texts):
        line.weighted = True
    return " BREAK ".join(each.text for each in converted)
