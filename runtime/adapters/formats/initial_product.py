"""PEFT's initialisations of LoRA that subtract the initial product from the model's weight.

PiSSA (Meng et al. 2024, https://arxiv.org/abs/2404.02948) and OLoRA (Büyükakyüz 2024,
https://arxiv.org/abs/2406.01775) start from a decomposition of the weight itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from ..weight_delta import Layer, UnsupportedVariantError

HARMLESS: Final = frozenset({"true", "false", "none", "gaussian", "eva", "orthogonal", "mica"})
"""Initialisations whose first product is zero."""

UNRECORDED: Final = {
    "corda": "CorDA",
    "loftq": "LoftQ",
    "lora_ga": "LoRA-GA",
    "pissa_niter": "PiSSA with a random decomposition",
}
"""Initialisations that change the model by numbers which are not in the file."""

CONVERGED: Final = 1e-4
"""The largest relative difference at which PiSSA's random decomposition counts as exact."""


@dataclass(frozen=True, eq=False, slots=True)
class Factors:
    """A product that the trained one is compared with: `up @ down` is subtracted."""

    down: Tensor
    up: Tensor


@torch.no_grad()
def initial_factors(layer: Layer, rank: int, scale: float, kind: Any) -> Factors | None:
    """Return the initial product, scaled, or None where it is zero.

    Raises `UnsupportedVariantError` if the initial product is not a function of the weight.
    """
    name = str(kind).lower()
    if name in HARMLESS:
        return None
    unrecorded = next((each for start, each in UNRECORDED.items() if name.startswith(start)), None)
    random = re.fullmatch(r"pissa_niter_([0-9]{1,3})", name)
    if name not in ("pissa", "olora") and not random:
        raise UnsupportedVariantError(
            f"LoRA, initialised by {unrecorded or 'a method that is not known here'}"
        )
    if layer.weight.dim() != 2:
        raise UnsupportedVariantError("LoRA of a convolution, initialised by PiSSA or OLoRA")
    if rank > min(layer.shape):
        raise ValueError(f"{name} of rank {rank} for {tuple(layer.shape)}")
    weight = layer.weight.float()
    if name == "olora":
        q, r = torch.linalg.qr(weight)
        return Factors(r[:rank].cpu(), scale * q[:, :rank].cpu())
    u, s, v = torch.linalg.svd(weight, full_matrices=False)
    exact = Factors((s[:rank, None] * v[:rank]).cpu(), u[:, :rank].cpu())
    if random and not _converges(weight, exact, int(random[1])):
        raise UnsupportedVariantError(f"LoRA, initialised by {UNRECORDED['pissa_niter']}")
    return exact


def _converges(weight: Tensor, exact: Factors, steps: int) -> bool:
    """Return whether a random decomposition of so many power steps gives the exact product."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        u, s, v = torch.svd_lowrank(weight.cpu(), len(exact.down), niter=steps)
    product = exact.up @ exact.down
    difference = ((u * s) @ v.T - product).norm()
    return bool(difference <= CONVERGED * product.norm())
