"""Tucker's decomposition of a convolution's kernel, which LoCon, LoHa and LoKr share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import reshape_like


def compose_kernel(core: Tensor, out: Tensor, inner: Tensor) -> Tensor:
    """Return the kernel `[out, in, height, width]`.

    `core` is `[i, j, height, width]`, `out` `[i, out]` and `inner` `[j, in]`.
    """
    return torch.einsum("ijhw,io,jn->onhw", core, out, inner)


@dataclass(frozen=True, eq=False, slots=True)
class Tucker:
    """LoCon with `lora_mid`: the delta `scale * kernel(core, out, inner)` of a weight."""

    core: Tensor
    out: Tensor
    inner: Tensor
    scale: float
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the kernel in the weight's shape."""
        return reshape_like(self.scale * compose_kernel(self.core, self.out, self.inner), weight)
