"""Emoji artwork: fetched from npm's registry by its own client, rendered from SVG to RGBA."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = 64
"""Width and height of a picture, pixels."""

ARTWORK_SIZE = 60
"""Width and height of the artwork in the picture's middle, pixels."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm's registry, pinned by version and content."""

    name: str
    version: str
    sha512: str
    """Base64, as npm's lock files write it."""


PACKAGES: Mapping[str, Package] = {
    "noto": Package(
        "@iconify-json/noto",
        "1.2.9",
        "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    ),
    "fluent": Package(
        "@iconify-json/fluent-emoji",
        "1.2.7",
        "D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==",
    ),
    "flat": Package(
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    ),
    "twemoji": Package(
        "@iconify-json/twemoji",
        "1.2.5",
        "uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==",
    ),
    "fxemoji": Package(
        "@iconify-json/fxemoji",
        "1.2.2",
        "UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZNQqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ==",
    ),
    "noto-v1": Package(
        "@iconify-json/noto-v1",
        "1.2.5",
        "/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==",
    ),
    "names": Package(
        "emojibase-data",
        "17.0.0",
        "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    ),
}
"""The drawing styles' artwork, two sets that the base never sees, and the emojis' English tags."""


def fetch(package: Package, folder: Path) -> Path:
    """The package's archive in `folder`, downloaded if it is not there yet.

    Raises:
        ValueError: the archive is not the pinned one.
        subprocess.CalledProcessError: npm could not fetch it.
    """
    archive = folder / f"{package.name.strip('@').replace('/', '-')}-{package.version}.tgz"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise ValueError(
            f"{archive} is not {package.name} {package.version}: remove it and try again"
        )
    return archive


class IconSet:
    """The SVG pictures of one iconify package, by name."""

    def __init__(self, archive: Path) -> None:
        self._data: dict[str, Any] = read_json(archive, "icons.json")

    def __contains__(self, name: str) -> bool:
        return name in self._data["icons"] or name in self._data.get("aliases", {})

    def names(self) -> list[str]:
        """Every icon's name, aliases left out."""
        return list(self._data["icons"])

    def svg(self, name: str) -> str:
        """The icon as an SVG document. Raises KeyError for an unknown name."""
        alias = self._data.get("aliases", {}).get(name)
        icon = self._data["icons"][alias["parent"] if alias else name]
        width = icon.get("width", self._data.get("width", 16))
        height = icon.get("height", self._data.get("height", 16))
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return f'<svg {names} viewBox="{box}">{icon["body"]}</svg>'


def read_json(archive: Path, member: str) -> Any:
    """A JSON file out of an npm package's archive."""
    with tarfile.open(archive) as tar:
        file = tar.extractfile(f"package/{member}")
        assert file is not None
        return json.load(file)


def render(svg: str, size: int = SIZE, artwork_size: int = ARTWORK_SIZE) -> Image.Image:
    """The SVG's picture in the middle of a transparent square, RGBA."""
    import resvg_py

    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, width=artwork_size, height=artwork_size, skip_system_fonts=True
    )
    artwork = Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")
    picture = Image.new("RGBA", (size, size))
    picture.paste(artwork, ((size - artwork.width) // 2, (size - artwork.height) // 2))
    return picture


def over(rgba: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """RGBA pictures `[..., 4]` laid over a colour: RGB `[..., 3]`, all 8 bits a channel."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + np.asarray(colour, np.uint16) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
