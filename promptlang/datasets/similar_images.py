"""Which pictures are the same, but for their size, their compression or a touch of light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from promptlang.datasets.image_stats import SAME, Look

NEAR: Final = 24
"""Of 512 slopes, those that may differ. A copy in another size, saved as JPEG at quality 40, differs in at most 11 over
the pictures in `recipes/`; of these, the two most alike are two moods of one character, and differ in 37."""

PLAIN: Final = 0.7
"""Of what is around a picture, the share that has one colour where that is its background; what it shows may touch."""


def groups(looks: Sequence[Look]) -> Iterator[tuple[Look, ...]]:
    """Those of which each is almost the same as another one."""
    if not looks:
        return
    signs = np.where(np.stack([each.slopes for each in looks]), 1, -1).astype(np.float32)
    label = np.arange(len(looks))
    for at in range(len(looks)):
        apart = (signs.shape[1] - signs[at + 1 :] @ signs[at]) / 2
        for other in (np.flatnonzero(apart <= NEAR) + at + 1).tolist():
            label[label == label[other]] = label[at]
    for each in dict.fromkeys(label.tolist()):
        members = tuple(looks[at] for at in np.flatnonzero(label == each).tolist())
        if len(members) > 1:
            yield members


def background(looks: Sequence[Look]) -> str | None:
    """The colour, as ``#ffffff``, that is around all of three or more pictures; None where they vary."""
    if len(looks) < 3 or np.median([each.plain for each in looks]) < PLAIN:
        return None
    edges = np.stack([each.edge for each in looks])
    middle = edges.mean(0)
    if np.linalg.norm(edges - middle, axis=1).mean() > SAME:
        return None
    return "#" + "".join(f"{round(float(value)):02x}" for value in middle)
