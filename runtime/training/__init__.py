"""Training of LoRAs, tokens and whole models on a base model."""

from __future__ import annotations

from .job import train

__all__ = ["train"]
