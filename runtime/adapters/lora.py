"""A LoRA, or another adapter of a model's weights, in memory, whatever layout and algorithm its file has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .weight_delta import WeightDelta

WeightDeltas = Mapping[str, WeightDelta]
"""By the modules' names in a network."""

OWN_VAE_KEY: Final = "promptlang_vae"
"""What a file has in its header that was trained with the model's own VAE; a VAE of another file goes by its hash."""


@dataclass(frozen=True, eq=False, slots=True)
class LoraAdapter:
    """An adapter that fits a model in every part: each module's name in the network, and its change."""

    name: str
    sha256: str
    """Of the file's tensors, without its header: A1111's and kohya's `sshs_model_hash`."""
    deltas: Mapping[str, WeightDeltas] = field(default_factory=dict)
    """By the name of the network: `unet`, `text_encoder`, `text_encoder_2`."""
    algorithms: tuple[str, ...] = ()
    """``LoRA``, ``LoHa``, …: those of its modules."""
    vae: str | None = None
    """The sha256 of the VAE that it was trained with, empty for the model's own, None where it does not say."""
    clip_skip: int = 1
    """Which layer of the text encoder it was trained with, the last being 1."""

    @property
    def unet(self) -> WeightDeltas:
        """Of the UNet's modules."""
        return self.deltas.get("unet", {})

    @property
    def text_encoder(self) -> WeightDeltas:
        """Of the modules of the text encoder, or of the first one."""
        return self.deltas.get("text_encoder", {})

    @property
    def text_encoders(self) -> tuple[WeightDeltas, WeightDeltas]:
        """Of the first text encoder and of the second."""
        return self.text_encoder, self.deltas.get("text_encoder_2", {})

    @property
    def module_count(self) -> int:
        """How many modules it changes: all that its file has."""
        return sum(map(len, self.deltas.values()))

    @property
    def summary(self) -> str:
        """What was applied, in words."""
        return (
            f"{' and '.join(self.algorithms)}, {self.module_count} of {self.module_count} modules"
        )
