"""LoRA: its files, and its place in a network."""

from __future__ import annotations

from .attachment import Attachments, Loras
from .lora import Lora, LowRank
from .reading import read
from .writing import write, write_tensors

__all__ = ["Attachments", "Lora", "Loras", "LowRank", "read", "write", "write_tensors"]
