"""Artwork rendered once: each thing in each icon set, and faces' features without heads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from .artwork import IconSet, render
from .packages import PACKAGES, fetch
from .styles import SETS, ArtworkSet
from .things import Thing, every_thing

RENDERED = 128
"""Width and height that artwork is rendered at, pixels; smaller pictures are made from it."""

_HEAD = re.compile(r"<(?:circle|path|ellipse)\b[^>]*?/>")

HEADS: Mapping[str, str] = {
    "round": '<circle cx="50" cy="50" r="49"/>',
    "square": '<rect x="3" y="3" width="94" height="94" rx="14"/>',
    "star": '<path d="M50-6 66 30 106 34 76 62 86 102 50 81 14 102 24 62-6 34 34 30Z"/>',
    "heart": '<path d="M50 104C-20 52-4-4 26-2 40 0 46 8 50 16 54 8 60 0 74-2'
    ' 104-4 120 52 50 104Z"/>',
    "triangle": '<path d="M50-10 108 96Q50 108-8 96Z"/>',
    "hexagon": '<path d="M50-4 100 23V77L50 104 0 77V23Z"/>',
    "egg": '<ellipse cx="50" cy="52" rx="40" ry="54"/>',
    "cloud": '<path d="M20 95A26 26 0 0 1 8 46 28 28 0 0 1 45 10 30 30 0 0 1 92 40'
    ' 28 28 0 0 1 82 95Z"/>',
    "drop": '<path d="M50-8C70 24 96 40 92 68A43 36 0 0 1 8 68C4 40 30 24 50-8Z"/>',
}
"""Shapes that faces are put on, SVG in a box of 100; none is the blob that recipes teach."""


def prepare(folder: Path) -> Iterator[tuple[int, int]]:
    """Fetch and render all artwork into `folder`, yielding sets done and in all."""
    file = folder / "drawings.safetensors"
    if file.exists():
        return
    rendered: list[np.ndarray] = []
    index: list[str] = []
    for number, source in enumerate(SETS, 1):
        icons = [IconSet(fetch(PACKAGES[name], folder / "packages")) for name in source.packages]
        for key, picture in _drawn(source, icons):
            index.append(key)
            rendered.append(picture)
        yield number, len(SETS)
    for shape, path in HEADS.items():
        box = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-7 -7 114 114">{path}</svg>'
        index.append(f"head/{shape}")
        rendered.append(_pixels(box))
    save_file(
        {"pictures": torch.from_numpy(np.stack(rendered))},
        file,
        metadata={"index": json.dumps(index)},
    )


def _drawn(source: ArtworkSet, icons: list[IconSet]) -> Iterator[tuple[str, np.ndarray]]:
    for thing in every_thing():
        svg = find(thing, source, icons)
        if svg is None:
            continue
        picture = _pixels(svg)
        if picture[..., 3].mean() < 8:  # all but empty
            continue
        yield f"{source.word}/{thing.artwork}", picture
        features = thing.is_face and source.head and without_head(svg, source.head)
        if features:
            yield f"{source.word}-features/{thing.artwork}", _pixels(features)


def _pixels(svg: str) -> np.ndarray:
    return np.asarray(render(svg, RENDERED, RENDERED * 15 // 16))


def find(thing: Thing, source: ArtworkSet, icons: list[IconSet]) -> str | None:
    """Return the SVG of a thing in a set, under any of its names; None where the set lacks it."""
    if source.word in thing.unlike:
        return None
    slug = thing.words.replace(" ", "-")
    bare = thing.artwork.removesuffix("-face")
    names = dict.fromkeys((thing.artwork, slug, bare, f"{bare}-face", *thing.icons))
    for package in icons:
        for name in (name + suffix for name in names for suffix in source.suffixes):
            if name in package:
                return package.svg(name)
        if source.by_prefix:
            for name in package.names():
                if name.startswith(f"{slug}-"):
                    return package.svg(name)
    return None


def without_head(svg: str, fill: str) -> str | None:
    """Cut a face's head, its first shape, out of the SVG; None if that has another colour."""
    first = _HEAD.search(svg)
    if first is None or fill not in first.group(0):
        return None
    return svg[: first.start()] + svg[first.end() :]


@dataclass(frozen=True, eq=False, slots=True)
class Drawings:
    """RGBA drawings `[size, size, 4]`, 8 bits a channel, by ``set/artwork`` or ``head/shape``."""

    pictures: Mapping[str, np.ndarray]
    size: int

    def __contains__(self, key: str) -> bool:
        return key in self.pictures

    def __getitem__(self, key: str) -> np.ndarray:
        return self.pictures[key]


def load(folder: Path, size: int) -> Drawings:
    """Load what `prepare` has rendered, brought down to `size` pixels: 128, 64 or less."""
    with safe_open(folder / "drawings.safetensors", "np") as file:
        index = json.loads(file.metadata()["index"])
        pictures = file.get_tensor("pictures")
    return Drawings({key: smaller(pictures[i], size) for i, key in enumerate(index)}, size)


def smaller(picture: np.ndarray, size: int) -> np.ndarray:
    """Average blocks of an RGBA picture, `[n * size, n * size, 4]`, opaque pixels counting most."""
    factor = len(picture) // size
    if factor == 1:
        return picture
    blocks = picture.reshape(size, factor, size, factor, 4).astype(np.float32)
    alpha = blocks[..., 3:]
    mean = alpha.mean((1, 3))
    colour = (blocks[..., :3] * alpha).mean((1, 3)) / np.maximum(mean, 1e-3)
    return np.concatenate([colour, mean], -1).round().astype(np.uint8)
