"""The base model that comes with promptlang, and the program that makes it."""

from __future__ import annotations

from .program import make

__all__ = ["make"]
