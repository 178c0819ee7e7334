"""Teaching a base model something new, without changing it."""

from __future__ import annotations

from .course import train

__all__ = ["train"]
