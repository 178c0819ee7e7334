"""IA3: factors for the inputs or the outputs of a module.

Liu et al. 2022, https://arxiv.org/abs/2205.05638
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..weight_delta import AdapterFormat, Layer, ModuleScaling, ModuleTensors, TensorsDisagreeError


@dataclass(frozen=True, eq=False, slots=True)
class Scaled:
    """The delta ``W ⊙ change``, where the change has an axis of inputs or of outputs."""

    change: Tensor
    """`[1, in, 1, …]` or `[out, 1, 1, …]`: the factors less 1."""
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the product in the weight's shape."""
        return weight * self.change


def build_lycoris(tensors: ModuleTensors, layer: Layer, _scaling: ModuleScaling) -> Scaled:
    """Build LyCORIS' delta: it stores factors less 1, and leaves the bias as it is."""
    if tensors["on_input"].numel() != 1:
        raise TensorsDisagreeError("should hold one number", "on_input")
    return Scaled(_along(tensors["weight"], layer, on_input=bool(tensors["on_input"].item())))


def build_peft(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> Scaled:
    """Build PEFT's delta: factors of outputs scale the bias, too.

    The shape tells the axis of a linear layer's factors, `[out, 1]` or `[1, in]`.
    """
    factors = tensors["ia3_l"]
    on_input = scaling.on_input
    if factors.dim() == 2 and len(layer.shape) == 2 and 1 in factors.shape:
        on_input = factors.shape[0] == 1 and (factors.shape[1] != 1 or on_input)
    elif not scaling.peft:
        if layer.shape[0] == layer.shape[1]:
            reason = "scales inputs or outputs, which only `adapter_config.json` tells"
            raise TensorsDisagreeError(reason, "ia3_l")
        on_input = factors.numel() == layer.shape[1]
    change = _along(factors - 1, layer, on_input=on_input)
    bias = None if on_input or layer.bias is None else layer.bias.float().cpu() * change.flatten()
    return Scaled(change, bias)


def _along(values: Tensor, layer: Layer, *, on_input: bool) -> Tensor:
    axis = 1 if on_input else 0
    if values.numel() != layer.shape[axis]:
        raise ValueError(f"{values.numel()} factors for {tuple(layer.shape)}")
    shape = [1] * len(layer.shape)
    shape[axis] = -1
    return values.reshape(shape)


IA3 = AdapterFormat(
    "IA3", {".weight": "weight", ".on_input": "on_input"}, build_lycoris, decomposes=False
)
PEFT_IA3 = AdapterFormat("IA3", {".ia3_l": "ia3_l"}, build_peft, decomposes=False)
