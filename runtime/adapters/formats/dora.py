"""DoRA: magnitudes for the rows or columns of a changed weight.

Liu et al. 2024, https://arxiv.org/abs/2402.09353
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..weight_delta import ModuleTensors, WeightDelta


@dataclass(frozen=True, eq=False, slots=True)
class Decomposed:
    """A weight that becomes `magnitude * (W + change) / ‖W + change‖` (equation 5).

    Other strengths lie on the straight line from W to this weight, as in A1111 and ComfyUI.
    """

    change: WeightDelta
    magnitude: Tensor
    """`[out, 1, …]`, or `[1, in, …]`: the norm goes over all other axes."""
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the difference between the new weight and `weight`."""
        whole = weight + self.change.delta(weight)
        other_axes = [axis for axis, size in enumerate(self.magnitude.shape) if size == 1]
        if self.magnitude.shape.numel() == 1:
            other_axes = [*range(1, weight.dim())]
        norm = torch.linalg.vector_norm(whole, dim=other_axes, keepdim=True)
        if norm.shape != self.magnitude.shape:
            raise ValueError(
                f"{tuple(self.magnitude.shape)} are no magnitudes of {tuple(weight.shape)}"
            )
        scale: Tensor = self.magnitude / norm.clamp_min(torch.finfo(norm.dtype).tiny)
        return scale * whole - weight


def apply_magnitude(change: WeightDelta, tensors: ModuleTensors, shape: torch.Size) -> WeightDelta:
    """Return the delta with the magnitudes among the tensors, or unchanged if there are none.

    The shape of LyCORIS' magnitudes tells their axis; PEFT has one for each output.
    """
    if "dora_scale" in tensors and tensors["dora_scale"].dim() == len(shape):
        return Decomposed(change, tensors["dora_scale"])
    magnitude = tensors.get("dora_scale", tensors.get("magnitude"))
    if magnitude is None:
        return change
    return Decomposed(change, magnitude.reshape(-1, *[1] * (len(shape) - 1)))


MAGNITUDE_ROLES: Final[Mapping[str, str]] = {
    ".dora_scale": "dora_scale",
    ".lora_magnitude_vector": "magnitude",
    ".lora_magnitude_vector.weight": "magnitude",
    ".magnitude": "magnitude",
}
"""Roles of magnitudes by the ends of their keys, which stand beside the keys of any format."""
