"""Tokens in pictures: A1111 saves a textual inversion's vectors in a preview of it.

They are JSON, in base64 in the PNG text ``sd-ti-embedding``, and in the lower four bits of the
pixels: the picture stands between two blocks and two black columns. The left block holds the lower
halves of the bytes of a zlib stream, the right block the upper halves, each XORed with the lower
four bits of a linear congruential generator. A copy in another format keeps the pixels' data only.
Format: https://github.com/AUTOMATIC1111/stable-diffusion-webui/pull/1253
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from promptlang.files import Json, UnreadableFileError, as_object, parse_json
from promptlang.files.images import load_image
from promptlang.plan.formats import TOKEN_TEXT

MAX_JSON_BYTES: Final = 2**25
"""The largest text in a picture, in bytes; 75 vectors of 1,280 numbers take 2 MB."""

_TENSOR: Final = "TORCHTENSOR"

Bytes: TypeAlias = NDArray[np.uint8]


def read_picture_embedding(file: Path) -> dict[str, Tensor] | None:
    """Return the tensors in a picture by the names of objects joined with points.

    Returns None for a picture without any. Raises `UnreadableFileError` if the file is not a whole
    picture, or its vectors are damaged.
    """
    picture = load_image(file)
    text = _stored_text(picture)
    if text is None:
        return None
    try:
        return dict(_tensors(as_object(parse_json(text)), ""))
    except (UnreadableFileError, ValueError, TypeError) as error:
        raise UnreadableFileError(f"the vectors in `{file.name}` are damaged") from error


def _stored_text(picture: Image.Image) -> bytes | None:
    encoded = picture.info.get(TOKEN_TEXT)
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True)[:MAX_JSON_BYTES]
        except binascii.Error:
            return b""
    return _hidden_text(np.asarray(picture.convert("RGB"), dtype=np.uint8))


def _hidden_text(pixels: Bytes) -> bytes | None:
    cropped = _without_black_edges(pixels) & 0x0F
    black = np.flatnonzero(cropped.sum(axis=(0, 2)) == 0)
    if len(black) < 2:
        return None
    low, high = cropped[:, : black[0]], cropped[:, black[-1] + 1 :]
    if low.shape != high.shape or not low.size:
        return None
    noise = _noise(low.size).reshape(low.shape)
    stream = ((high ^ noise) << 4 | (low ^ noise)).tobytes()
    unpacker = zlib.decompressobj()
    try:
        return unpacker.decompress(stream, MAX_JSON_BYTES)
    except zlib.error:
        return None


def _without_black_edges(pixels: Bytes) -> Bytes:
    lit = np.all(pixels > 0, axis=2)
    rows, columns = np.flatnonzero(np.any(lit, axis=1)), np.flatnonzero(np.any(lit, axis=0))
    if not len(rows):
        return pixels[:0]
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _noise(count: int) -> Bytes:
    """Return the lower four bits of a linear congruential generator (Numerical Recipes)."""
    numbers = np.empty(count, dtype=np.uint8)
    state = 0
    for index in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        numbers[index] = state % 255 & 0x0F
    return numbers


def _tensors(content: dict[str, Json], prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of objects within objects; a list of numbers stands for a tensor."""
    for name, value in content.items():
        if isinstance(value, dict):
            numbers = value.get(_TENSOR)
            if numbers is None:
                yield from _tensors(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", torch.tensor(numbers, dtype=torch.float32)
