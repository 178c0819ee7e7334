"""A LoRA in memory, whatever layout its file has (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, eq=False, slots=True)
class LowRank:
    """One module's change of weight: `alpha / rank * up @ down`.

    For a linear layer `down` is `[rank, in]` and `up` `[out, rank]`; for a convolution `down` is
    `[rank, in, height, width]` and `up` `[out, rank, 1, 1]`.
    """

    down: Tensor
    up: Tensor
    alpha: float

    @property
    def rank(self) -> int:
        """The inner size."""
        return self.down.shape[0]

    @property
    def scale(self) -> float:
        """What the product is multiplied by at strength 1."""
        return self.alpha / self.rank


@dataclass(frozen=True, eq=False, slots=True)
class Lora:
    """A LoRA that fits a model in every part: each module's name in the network, and its change."""

    name: str
    sha256: str
    """Of the file's tensors, without its header: A1111's and kohya's `sshs_model_hash`."""
    unet: Mapping[str, LowRank]
    text_encoder: Mapping[str, LowRank]
    text_encoder_2: Mapping[str, LowRank] = field(default_factory=dict)
    """SDXL's other one."""

    @property
    def modules(self) -> int:
        """How many modules it changes: all that its file has."""
        return len(self.unet) + len(self.text_encoder) + len(self.text_encoder_2)
