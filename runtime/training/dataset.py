"""A folder of pictures and their captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from promptlang import diagnostics
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.plan import PICTURE_ENDINGS
from promptlang.source import Span


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and what it shows."""

    file: Path
    caption: str


def examples(folder: Path, span: Span) -> tuple[Example, ...]:
    """The folder's pictures in the order of their names; raises `PromptError` if there are none."""
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in PICTURE_ENDINGS and file.is_file())
    if not files:
        raise PromptError([diagnostics.no_pictures(str(folder), span)])
    return tuple(Example(file, _caption(file)) for file in files)


def _caption(file: Path) -> str:
    """The text beside the picture, else its name: ``a-red_fox.png`` shows a red fox."""
    text = file.with_suffix(".txt")
    if text.is_file():
        return " ".join(text.read_text("utf-8", errors="replace").split())
    return " ".join(file.stem.replace("-", " ").replace("_", " ").split())


def pictures(found: tuple[Example, ...], size: tuple[int, int], span: Span) -> list[Tensor]:
    """Each picture as `[3, height, width]` in -1..1; raises `PromptError` with all that cannot be read."""
    attempts = [_attempt(example.file, size, span) for example in found]
    problems = [attempt for attempt in attempts if isinstance(attempt, Diagnostic)]
    if problems:
        raise PromptError(problems)
    return [attempt for attempt in attempts if isinstance(attempt, Tensor)]


def _attempt(file: Path, size: tuple[int, int], span: Span) -> Tensor | Diagnostic:
    try:
        return picture(file, size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return diagnostics.picture_not_readable(file, _reason(error), span)


def picture(file: Path, size: tuple[int, int]) -> Tensor:
    """Upright, on white where it is transparent, its middle cut to `size` (width, height)."""
    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGBA")
    white = Image.new("RGBA", upright.size, "white")
    flat = Image.alpha_composite(white, upright).convert("RGB")
    fitted = ImageOps.fit(flat, size, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).float().div(127.5).sub(1).contiguous()


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is not a picture"
    return str(error).splitlines()[0] if str(error) else "it is damaged"
