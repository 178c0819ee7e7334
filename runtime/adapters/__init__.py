"""Adapters (LoRA and its kin, textual inversion): reading, writing, and use in a network."""

from __future__ import annotations

from .adapter_files import Stamp, stamp
from .attachment import Attachments, WeightedDeltas
from .embeddings import TokenEmbedding, insert_embeddings, read_embedding
from .formats import LowRank
from .lora import LoraAdapter
from .merging import merge_loras
from .reading import read_lora
from .writing import write_lora, write_tensors

__all__ = [
    "Attachments",
    "LoraAdapter",
    "LowRank",
    "Stamp",
    "TokenEmbedding",
    "WeightedDeltas",
    "insert_embeddings",
    "merge_loras",
    "read_embedding",
    "read_lora",
    "stamp",
    "write_lora",
    "write_tensors",
]
