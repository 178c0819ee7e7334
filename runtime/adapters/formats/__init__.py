"""The algorithms of adapters; a format in `FORMATS` is read."""

from __future__ import annotations

from typing import Final

from ..weight_delta import AdapterFormat
from . import full, glora, ia3, loha, lokr, lora, oft, peft_glora, peft_oft
from .dora import Decomposed
from .full import Full
from .loha import Hadamard
from .lokr import Kronecker
from .lora import LowRank
from .tucker import Tucker

__all__ = ["FORMATS", "Decomposed", "Full", "Hadamard", "Kronecker", "LowRank", "Tucker"]

FORMATS: Final[tuple[AdapterFormat, ...]] = (
    lora.LORA,
    lora.ADALORA,
    lora.EMBEDDING_LORA,
    loha.LOHA,
    lokr.LOKR,
    full.FULL,
    full.REPLACED,
    oft.BOFT,
    oft.OFT,
    oft.OLD_OFT,
    peft_oft.PEFT_OFT,
    peft_oft.PEFT_BOFT,
    glora.GLORA,
    glora.HRA,
    peft_glora.PEFT_GLORA,
    ia3.IA3,
    ia3.PEFT_IA3,
)
"""The formats; one without a tensor of its own stands before those that add to it."""
