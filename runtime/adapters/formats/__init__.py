"""The algorithms of adapters, one a file; a format in `FORMATS` is read."""

from __future__ import annotations

from typing import Final

from ..weight_delta import AdapterFormat
from . import full, loha, lokr, lora
from .dora import Decomposed
from .full import Full
from .loha import Hadamard
from .lokr import Kronecker
from .lora import LowRank
from .tucker import Tucker

__all__ = ["FORMATS", "Decomposed", "Full", "Hadamard", "Kronecker", "LowRank", "Tucker"]

FORMATS: Final[tuple[AdapterFormat, ...]] = (lora.LORA, loha.LOHA, lokr.LOKR, full.FULL)
