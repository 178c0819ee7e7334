"""Adapters of a model's weights in memory: LoRA, LoHa, LoKr, DoRA and whole differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .weight_delta import WeightDelta

WeightDeltas = Mapping[str, WeightDelta]
"""Weight deltas by the names of modules in a network."""

OWN_VAE_KEY: Final = "promptlang_vae"
"""The header key that tells that the model's own VAE was used in training.

Another VAE is recorded by its hash under `ss_new_vae_hash`.
"""


@dataclass(frozen=True, eq=False, slots=True)
class LoraAdapter:
    """An adapter, each of whose deltas fits a module of the model."""

    name: str
    sha256: str
    """The hash of the file's tensors without the header: A1111's and kohya's `sshs_model_hash`."""
    deltas: Mapping[str, WeightDeltas] = field(default_factory=dict)
    """Deltas by network: `unet`, `text_encoder`, `text_encoder_2`."""
    algorithms: tuple[str, ...] = ()
    """The algorithms of the modules: ``LoRA``, ``LoHa``, …"""
    vae: str | None = None
    """The hash of the VAE used in training; empty for the model's own, None if not recorded."""
    clip_skip: int = 1
    """The layer of the text encoder used in training; 1 is the last."""

    @property
    def unet(self) -> WeightDeltas:
        """The deltas of the UNet's modules."""
        return self.deltas.get("unet", {})

    @property
    def text_encoder(self) -> WeightDeltas:
        """The deltas of the modules of the first text encoder."""
        return self.deltas.get("text_encoder", {})

    @property
    def text_encoders(self) -> tuple[WeightDeltas, WeightDeltas]:
        """The deltas of the first and of the second text encoder."""
        return self.text_encoder, self.deltas.get("text_encoder_2", {})

    @property
    def module_count(self) -> int:
        """The number of modules that the adapter changes: all that its file has."""
        return sum(map(len, self.deltas.values()))

    @property
    def summary(self) -> str:
        """A description for reports."""
        return (
            f"{' and '.join(self.algorithms)}, {self.module_count} of {self.module_count} modules"
        )
