"""The training pictures: artwork rendered once, and its latents, each kept in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import load_file, save_file
from torch import Tensor

from .artwork import PACKAGES, IconSet, fetch, over, read_json, render
from .catalogue import BACKGROUNDS, STYLES, Concept, concepts

_DRAWABLE = (0, 3, 4, 5, 6, 7)
"""Groups of emoji that are pictures of things: no people's trades, signs or flags."""


@dataclass(frozen=True, slots=True)
class Artwork:
    """RGBA pictures `[concepts, styles, 64, 64, 4]`: the model's own, and others for the autoencoder alone."""

    chosen: np.ndarray
    others: np.ndarray


def prepare(folder: Path) -> Iterator[tuple[int, int]]:
    """Fetch and render all artwork into `folder`, yielding pictures done and in all; nothing if it is there."""
    file = folder / "artwork.safetensors"
    if file.exists():
        return
    sets = {style: IconSet(fetch(PACKAGES[style], folder / "packages")) for style in STYLES}
    names = [concept.artwork for concept in concepts()]
    others = [name for name in _others(folder, sets) if name not in set(names)]
    drawn: list[np.ndarray] = []
    for name in (*names, *others):
        drawn.append(np.stack([np.asarray(render(sets[style].svg(name))) for style in STYLES]))
        yield len(drawn), len(names) + len(others)
    pictures = torch.from_numpy(np.stack(drawn))
    save_file(
        {
            "chosen": pictures[: len(names)].contiguous(),
            "others": pictures[len(names) :].contiguous(),
        },
        file,
    )


def load(folder: Path) -> Artwork:
    """The artwork that `prepare` has rendered."""
    tensors = load_file(folder / "artwork.safetensors")
    return Artwork(tensors["chosen"].numpy(), tensors["others"].numpy())


def _others(folder: Path, sets: Mapping[str, IconSet]) -> list[str]:
    groups = {slug: emoji.get("group") for slug, emoji in _emoji(folder).items()}
    dull = re.compile("oclock|thirty")
    return [
        name
        for name in sets["noto"].names()
        if groups.get(name) in _DRAWABLE
        and not dull.search(name)
        and all(name in icons for icons in sets.values())
    ]


def _emoji(folder: Path) -> dict[str, dict[str, object]]:
    """What emojibase knows of each emoji, by its name as the artwork packages spell it."""
    entries = read_json(fetch(PACKAGES["names"], folder / "packages"), "en/data.json")
    return {
        re.sub(r"[^a-z0-9]+", "-", entry["label"].lower().replace("’", "")).strip("-"): entry
        for entry in entries
    }


def tags(folder: Path, known: tuple[Concept, ...]) -> dict[str, tuple[str, ...]]:
    """Words that emojibase gives a concept, those left out that are another concept's name."""
    emoji = _emoji(folder)
    names = {concept.words for concept in known} | set(BACKGROUNDS)
    return {
        concept.artwork: tuple(
            tag for tag in _strings(emoji.get(concept.artwork, {}).get("tags")) if tag not in names
        )
        for concept in known
    }


def _strings(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def as_tensor(pictures: np.ndarray) -> Tensor:
    """8-bit RGB pictures `[n, h, w, 3]` as `[n, 3, h, w]` in -1..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).contiguous()


def encode(vae: AutoencoderKL, chosen: np.ndarray, file: Path) -> Iterator[tuple[int, int]]:
    """Every picture on every background as latents, into `file`, yielding concepts done and in all."""
    encoded = []
    for number, styles in enumerate(chosen, 1):
        on_all = np.stack([over(styles, colour) for colour in BACKGROUNDS.values()], 1)
        encoded.append(_latents(vae, as_tensor(on_all.reshape(-1, *on_all.shape[2:]))))
        yield number, len(chosen)
    latents = torch.stack(encoded).unflatten(1, (len(STYLES), len(BACKGROUNDS)))
    save_file({"latents": latents.half().contiguous()}, file)


@torch.no_grad()
def _latents(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        mean: Tensor = vae.encode(pictures).latent_dist.mean
    return mean.float()
