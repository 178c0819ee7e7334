"""GLoRA and HRA: a weight is multiplied by a matrix of low rank on the side of its inputs.

Chavan et al. 2023, https://arxiv.org/abs/2306.07967; Yuan et al. 2024,
https://arxiv.org/abs/2405.17484
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    TensorsDisagreeError,
    check_ranks,
    reshape_like,
)


@dataclass(frozen=True, eq=False, slots=True)
class InputMixed:
    """The delta ``W · left · right + added`` of a weight."""

    left: Tensor
    """`[in, rank]`, where in is the number of channels, or of all inputs of a kernel."""
    right: Tensor
    """`[rank, in]`."""
    added: Tensor | None = None
    """`[out, all inputs]`."""
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the sum in the weight's shape."""
        matrix = weight.flatten(1)
        if len(self.left) == weight.shape[1]:
            mixed = torch.einsum("oi...,ir,rj->oj...", weight, self.left, self.right)
        else:
            mixed = reshape_like(matrix @ self.left @ self.right, weight)
        return mixed if self.added is None else mixed + reshape_like(self.added, weight)


def build_glora(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> InputMixed:
    """Build the delta ``alpha / rank · (W a₁ a₂ + b₁ b₂)`` of LyCORIS.

    LyCORIS 1 stored the factors in the opposite order. As in ComfyUI, matrices that fit both orders
    are of the old one only if the weight is square and as wide as the rank.
    """
    parts = {role: tensors[role].flatten(1) for role in ("a1", "a2", "b1", "b2")}
    a1, a2, b1, b2 = parts.values()
    old = a1.shape[0] == a2.shape[1] == b1.shape[0] == b2.shape[1]
    new = a1.shape[1] == a2.shape[0] == b1.shape[1] == b2.shape[0]
    if old and (not new or len(a2) == layer.shape[0] == layer.shape[1]):
        a1, a2, b1, b2 = a2, a1, b2, b1
    elif "bm" in tensors:
        reason = "is a core, for which LyCORIS and ComfyUI have no reader"
        raise TensorsDisagreeError(reason, "bm")
    else:
        check_ranks(parts, "a1", "a2")
        check_ranks(parts, "b1", "b2")
    scale = scaling.scale(len(a2))
    return InputMixed(scale * a1, a2, scale * (b1 @ b2))


def build_hra(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> InputMixed:
    """Build PEFT's delta: ``W · H₁ … Hᵣ - W`` with the reflections ``Hᵢ = I - 2 uᵢ uᵢᵀ``.

    The product of reflections is ``I - U T Uᵀ`` with a triangular T (Schreiber and Van Loan 1989).
    With `apply_GS` the vectors are made orthogonal first.
    """
    vectors = tensors["hra_u"]
    if vectors.dim() != 2 or not vectors.shape[1] or not (vectors.norm(dim=0) > 0).all():
        raise TensorsDisagreeError("holds no directions of reflections", "hra_u")
    if len(vectors) != layer.shape[1:].numel():
        raise ValueError(f"{len(vectors)} inputs for {tuple(layer.shape)}")
    if scaling.peft.get("apply_GS"):
        vectors = _orthogonal(vectors)
    unit = vectors / vectors.norm(dim=0)
    rank = unit.shape[1]
    core = unit.new_zeros(rank, rank)
    products = unit.T @ unit
    for i in range(rank):
        core[i, i] = 2.0
        core[:i, i] = -2.0 * (core[:i, :i] @ products[:i, i])
    return InputMixed(-unit @ core, unit.T)


def _orthogonal(vectors: Tensor) -> Tensor:
    """Return the vectors after Gram-Schmidt's process, in their order."""
    found: list[Tensor] = []
    for column in vectors.T:
        rest = column
        for each in found:
            rest = rest - (each @ rest) * each
        found.append(rest / rest.norm())
    return torch.stack(found, dim=1)


GLORA = AdapterFormat(
    "GLoRA", {f".{role}.weight": role for role in ("a1", "a2", "b1", "b2", "bm")}, build_glora
)
HRA = AdapterFormat("HRA", {".hra_u": "hra_u"}, build_hra, decomposes=False)
