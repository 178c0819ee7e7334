"""The runtime: it executes a plan by loading models, training adapters and rendering pictures."""

from __future__ import annotations

import logging

# diffusers imports bitsandbytes wherever it is installed, and bitsandbytes logs advice at import.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

from .backend import Runtime  # noqa: E402

__all__ = ["Runtime"]
