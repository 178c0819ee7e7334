"""Teaching a base model something new, without changing it."""

from __future__ import annotations

from .job import train

__all__ = ["train"]
