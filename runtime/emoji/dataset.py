"""The dataset: composed pictures as latents, in shards that are used a few times, then renewed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .composer import Description
from .device import Device


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """The number of pictures that are kept, and of the uses of each."""

    size: int = 2048
    """Pictures a shard."""
    window: int = 8
    """ShardPlan that a batch is drawn from."""
    uses: int = 4
    """The mean number of times that a picture is seen before a new one replaces it."""

    def present(self, seen: int) -> range:
        """Return the numbers of the shards in use after so many pictures were seen."""
        newest = seen // (self.size * self.uses) + 1
        return range(max(0, newest - self.window + 1), newest + 1)


@dataclass(frozen=True, eq=False, slots=True)
class Shard:
    """Latents `[n, c, 8, 8]` of float16, and what each shows."""

    latents: Tensor
    descriptions: Sequence[Description]


Draw = Callable[[int], Shard]
"""Makes the shard of a number: the same one each time."""


class Dataset:
    """Batches of latents and descriptions; the batch of a step depends on nothing but the step."""

    def __init__(self, folder: Path, plan: ShardPlan, draw: Draw) -> None:
        self._folder = folder
        self._plan = plan
        self._draw = draw
        self._loaded: dict[int, Shard] = {}

    def batch(self, step: int, seen: int, size: int) -> tuple[Tensor, list[Description]]:
        """Draw latents `[size, c, 8, 8]` of float32 for a step; `seen` pictures went before."""
        numbers = self._plan.present(seen)
        self._renew(numbers)
        chance = Random(step)
        picked = [self._loaded[chance.choice(numbers)] for _ in range(size)]
        rows = [chance.randrange(self._plan.size) for _ in range(size)]
        pairs = list(zip(picked, rows, strict=True))
        latents = torch.stack([shard.latents[row] for shard, row in pairs]).float()
        return latents, [shard.descriptions[row] for shard, row in pairs]

    def _renew(self, numbers: range) -> None:
        for number in [each for each in self._loaded if each not in numbers]:
            del self._loaded[number]
            (self._folder / _name(number)).unlink(missing_ok=True)
        for number in numbers:
            if number not in self._loaded:
                self._loaded[number] = self._shard(number)

    def _shard(self, number: int) -> Shard:
        file = self._folder / _name(number)
        if file.exists():
            return read(file)
        shard = self._draw(number)
        write(shard, file)
        return shard


def _name(number: int) -> str:
    return f"shard-{number:05}.safetensors"


def write(shard: Shard, file: Path) -> None:
    """Keep a shard in a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    words = json.dumps([each.as_json() for each in shard.descriptions])
    partial = file.with_suffix(f".{os.getpid()}")
    save_file({"latents": shard.latents.contiguous()}, partial, metadata={"descriptions": words})
    partial.replace(file)


def read(file: Path) -> Shard:
    """Read a shard that `write` has kept."""
    with safe_open(file, "pt") as tensors:
        words = json.loads(tensors.metadata()["descriptions"])
        latents = tensors.get_tensor("latents")
    return Shard(latents, [Description.from_json(each) for each in words])


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: np.ndarray, device: Device, batch: int = 64) -> Tensor:
    """Encode 8-bit RGB pictures `[n, h, w, 3]` to latents `[n, c, 8, 8]` of float16."""
    parts = []
    for at in range(0, len(pictures), batch):
        with device.mixed_precision():
            mean = vae.encode(as_tensor(pictures[at : at + batch]).to(device.name)).latent_dist.mean
        parts.append(mean.half().cpu())
    return torch.cat(parts)


def as_tensor(pictures: np.ndarray) -> Tensor:
    """Turn 8-bit RGB pictures `[n, h, w, 3]` to `[n, 3, h, w]` in -1..1."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    return tensor.div_(127.5).sub_(1.0).contiguous()


def as_pictures(tensor: Tensor) -> np.ndarray:
    """Turn `[n, 3, h, w]` in -1..1 to 8-bit RGB pictures `[n, h, w, 3]`."""
    levels = ((tensor.float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte()
    return levels.permute(0, 2, 3, 1).numpy()
