"""Random numbers that belong to a name: no generator has a state that would have to be saved."""

from __future__ import annotations

import random

import torch

from ...hashes import hash_bytes


def seeded_generator(*what: object) -> torch.Generator:
    """A private generator of tensors for a thing that has a name."""
    return torch.Generator().manual_seed(derive_seed(*what))


def seeded_random(*what: object) -> random.Random:
    """A private generator of everything else."""
    return random.Random(derive_seed(*what))


def derive_seed(*what: object) -> int:
    """Of 56 bits."""
    digest = bytes.fromhex(hash_bytes(repr(what).encode()))
    return int.from_bytes(digest[:7], "little")
