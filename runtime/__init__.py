"""What a plan does: it loads models, trains adapters and makes pictures."""

from __future__ import annotations

import logging

# diffusers imports bitsandbytes wherever it is installed, and that gives advice on a terminal which is not its own.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

from .backend import Runtime  # noqa: E402

__all__ = ["Runtime"]
