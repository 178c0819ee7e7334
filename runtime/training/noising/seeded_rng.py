"""Random generators seeded by name, so that a checkpoint needs no generator state."""

from __future__ import annotations

import random

import torch

from ...hashes import hash_bytes


def seeded_generator(*key: object) -> torch.Generator:
    """Return a tensor generator on the CPU for a key, such as seed, purpose and step."""
    return torch.Generator().manual_seed(derive_seed(*key))


def seeded_random(*key: object) -> random.Random:
    """Return a Python random generator for a key."""
    return random.Random(derive_seed(*key))


def derive_seed(*key: object) -> int:
    """Return a seed of 56 bits, the first bytes of the SHA-256 of a key."""
    digest = bytes.fromhex(hash_bytes(repr(key).encode()))
    return int.from_bytes(digest[:7], "little")
