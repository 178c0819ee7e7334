"""The families of models that can be used: a file for each, and an entry in `FAMILIES`."""

from __future__ import annotations

from typing import Final

from .family import Family, TextEncoderSpec, build_time_ids
from .sd1 import SD1
from .sd2 import SD2
from .sdxl import SDXL

FAMILIES: Final[tuple[Family, ...]] = (SD1, SD2, SDXL)

__all__ = ["FAMILIES", "SD1", "SD2", "SDXL", "Family", "TextEncoderSpec", "build_time_ids"]
