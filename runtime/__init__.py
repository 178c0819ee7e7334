"""What a plan does: it loads models, trains adapters and makes pictures."""

from __future__ import annotations

from .interpreter import Runtime

__all__ = ["Runtime"]
