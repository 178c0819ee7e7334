"""A LoRA, or another adapter of a model's weights, in memory, whatever layout and algorithm its file has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .weight_delta import Change

Changes = Mapping[str, Change]
"""By the modules' names in a network."""

OWN_VAE: Final = "promptlang_vae"
"""What a file has in its header that was trained with the model's own VAE; a VAE of another file goes by its hash."""


@dataclass(frozen=True, eq=False, slots=True)
class Lora:
    """An adapter that fits a model in every part: each module's name in the network, and its change."""

    name: str
    sha256: str
    """Of the file's tensors, without its header: A1111's and kohya's `sshs_model_hash`."""
    parts: Mapping[str, Changes] = field(default_factory=dict)
    """By the name of the network: `unet`, `text_encoder`, `text_encoder_2`."""
    algorithms: tuple[str, ...] = ()
    """``LoRA``, ``LoHa``, …: those of its modules."""
    vae: str | None = None
    """The sha256 of the VAE that it was trained with, empty for the model's own, None where it does not say."""
    clip_skip: int = 1
    """Which layer of the text encoder it was trained with, the last being 1."""

    @property
    def unet(self) -> Changes:
        """Of the UNet's modules."""
        return self.parts.get("unet", {})

    @property
    def text_encoder(self) -> Changes:
        """Of the modules of the text encoder, or of the first one."""
        return self.parts.get("text_encoder", {})

    @property
    def text_encoders(self) -> tuple[Changes, Changes]:
        """Of the first text encoder and of the second."""
        return self.text_encoder, self.parts.get("text_encoder_2", {})

    @property
    def modules(self) -> int:
        """How many modules it changes: all that its file has."""
        return sum(map(len, self.parts.values()))

    @property
    def amount(self) -> str:
        """What was applied, in words."""
        return f"{' and '.join(self.algorithms)}, {self.modules} of {self.modules} modules"
