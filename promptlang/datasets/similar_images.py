"""Pictures that differ only in size, compression or brightness, and common backgrounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from promptlang.datasets.image_stats import COLOUR_TOLERANCE, ImageStats

MAX_HASH_DISTANCE: Final = 24
"""The slopes of 512 in which near-duplicates may differ.

A copy in another size, saved as JPEG at quality 40, differs in at most 11 over the pictures in
`recipes/`. The two most similar pictures there, two moods of one character, differ in 37.
"""

MIN_BORDER_UNIFORMITY: Final = 0.7
"""The share of a border with one colour from which on it is a background.

It is below 1, because the subject may touch the border.
"""


def group_duplicates(stats: Sequence[ImageStats]) -> Iterator[tuple[ImageStats, ...]]:
    """Yield groups of pictures in which each is almost the same as another one."""
    if not stats:
        return
    signs = np.where(np.stack([each.difference_hash for each in stats]), 1, -1).astype(np.float32)
    label = np.arange(len(stats))
    for at in range(len(stats)):
        apart = (signs.shape[1] - signs[at + 1 :] @ signs[at]) / 2
        for other in (np.flatnonzero(apart <= MAX_HASH_DISTANCE) + at + 1).tolist():
            label[label == label[other]] = label[at]
    for each in dict.fromkeys(label.tolist()):
        members = tuple(stats[at] for at in np.flatnonzero(label == each).tolist())
        if len(members) > 1:
            yield members


def common_background(stats: Sequence[ImageStats]) -> str | None:
    """Return the common background colour as ``#ffffff``, None if it varies.

    Fewer than three pictures have no common background.
    """
    if (
        len(stats) < 3
        or np.median([each.border_uniformity for each in stats]) < MIN_BORDER_UNIFORMITY
    ):
        return None
    edges = np.stack([each.border_colour for each in stats])
    middle = edges.mean(0)
    if np.linalg.norm(edges - middle, axis=1).mean() > COLOUR_TOLERANCE:
        return None
    return "#" + "".join(f"{round(float(value)):02x}" for value in middle)
