"""Adapters: their files, and their place in a network."""

from __future__ import annotations

from .attachment import Attachments, Loras
from .embeddings import Embedding, inserted, read_embedding
from .formats import LowRank
from .loading import Stamp, stamp
from .lora import Lora
from .merging import merged
from .reading import BUNDLED, read
from .writing import write, write_tensors

__all__ = [
    "BUNDLED",
    "Attachments",
    "Embedding",
    "Lora",
    "Loras",
    "LowRank",
    "Stamp",
    "inserted",
    "merged",
    "read",
    "read_embedding",
    "stamp",
    "write",
    "write_tensors",
]
