"""Tucker's decomposition of a convolution's kernel: the part that LoCon, LoHa and LoKr have in common."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import reshape_like


def compose_kernel(core: Tensor, out: Tensor, inner: Tensor) -> Tensor:
    """`core [i, j, height, width]`, `out [i, out]` and `inner [j, in]` to `[out, in, height, width]`."""
    return torch.einsum("ijhw,io,jn->onhw", core, out, inner)


@dataclass(frozen=True, eq=False, slots=True)
class Tucker:
    """LoCon with `lora_mid`: one module's change is `scale * kernel(core, out, inner)`."""

    core: Tensor
    out: Tensor
    inner: Tensor
    scale: float
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """The kernel itself."""
        return reshape_like(self.scale * compose_kernel(self.core, self.out, self.inner), weight)
