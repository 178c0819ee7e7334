"""Memory that a picture needs at least, compared with what the device has at all."""

from __future__ import annotations

import os

import torch

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.running import picture_too_large
from promptlang.source import Span

from ..models.loader import BaseModel


def ensure_room(size: tuple[int, int], base: BaseModel, span: Span) -> None:
    """Raise `PromptError` if a picture of a size in pixels cannot be decoded on the device.

    The system ends a process that takes more memory than there is, and no exception tells it.
    """
    total = total_memory(base.placement.device)
    needed = decoder_bytes(size, base)
    if total is not None and needed > total:
        raise PromptError([picture_too_large(size, needed, total, span)])


def decoder_bytes(size: tuple[int, int], base: BaseModel) -> int:
    """Return the bytes of input and output of the VAE's last layer at full resolution."""
    channels = min(base.vae.config["block_out_channels"])
    return 2 * size[0] * size[1] * int(channels) * base.vae.dtype.itemsize


def total_memory(device: torch.device) -> int | None:
    """Return the bytes of memory of a GPU or of the machine; None where it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
