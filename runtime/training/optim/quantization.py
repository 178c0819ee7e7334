"""Frozen weights in a byte each: whole numbers or small floats, and a scale for each of a layer's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

QUANTIZED_DTYPES: Final[Mapping[str, tuple[torch.dtype, float]]] = MappingProxyType(
    {"int8": (torch.int8, 127.0), "fp8": (torch.float8_e4m3fn, 448.0)}
)
"""What each is kept as, and the largest number in it."""


def supports_quantization(device: torch.device, kind: str) -> bool:
    """Whether a device can hold such numbers."""
    try:
        torch.ones(1, device=device).to(QUANTIZED_DTYPES[kind][0]).float()
    except (RuntimeError, TypeError):
        return False
    return True


def quantize_layers(network: nn.Module, kind: str) -> None:
    """Put packed layers in place of a network's linear layers and convolutions."""
    for name, layer in [*network.named_modules()]:
        if isinstance(layer, nn.Linear):
            network.set_submodule(name, QuantizedLinear(layer, kind))
        elif isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros":
            network.set_submodule(name, QuantizedConv2d(layer, kind))


class QuantizedLayer(nn.Module, ABC):
    """A layer that unpacks its weight anew in each pass, forwards and back, and never learns."""

    small: Tensor
    """The packed weight, as bytes, which nobody takes for numbers to cast."""
    scale: Tensor
    bias: Tensor | None

    def _quantize(self, layer: nn.Linear | nn.Conv2d, kind: str) -> None:
        weight = layer.weight.detach().float()
        dtype, largest = QUANTIZED_DTYPES[kind]
        scale = (
            weight.abs()
            .flatten(1)
            .amax(1)
            .clamp(min=1e-12)
            .div(largest)
            .view(-1, *[1] * (weight.dim() - 1))
        )
        whole = (weight / scale).round() if dtype == torch.int8 else weight / scale
        self.dtype = dtype
        self.register_buffer("small", whole.to(dtype).view(torch.uint8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())

    @property
    def weight(self) -> Tensor:
        """As it is computed with, in fp32."""
        return self.dequantize(torch.float32)

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """The weight in some numbers."""
        return (self.small.view(self.dtype).float() * self.scale).to(dtype)

    def forward(self, states: Tensor) -> Tensor:
        """As the layer's own, in autocast's numbers where there are some."""
        device = states.device.type
        casts = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if casts else states.dtype
        made: Tensor = _Product.apply(states.to(dtype), self)
        return made

    @abstractmethod
    def product(self, states: Tensor) -> Tensor:
        """The layer's output."""

    @abstractmethod
    def input_gradient(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """The gradient of its input, from that of its output."""


class QuantizedLinear(QuantizedLayer, nn.Linear):
    """A linear layer, to all that asks."""

    def __init__(self, layer: nn.Linear, kind: str) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._quantize(layer, kind)

    def product(self, states: Tensor) -> Tensor:  # noqa: D102
        bias = None if self.bias is None else self.bias.to(states.dtype)
        return functional.linear(states, self.dequantize(states.dtype), bias)

    def input_gradient(self, gradient: Tensor, shape: torch.Size) -> Tensor:  # noqa: ARG002, D102
        return gradient @ self.dequantize(gradient.dtype)


class QuantizedConv2d(QuantizedLayer, nn.Conv2d):
    """A convolution, to all that asks."""

    def __new__(cls, *given: Any, **named: Any) -> Any:
        """Of numbers a plain one: PEFT makes layers of its own of the class of the one that they go beside."""
        return (
            super().__new__(cls) if isinstance(given[0], nn.Module) else nn.Conv2d(*given, **named)
        )

    def __init__(self, layer: nn.Conv2d, kind: str) -> None:
        nn.Module.__init__(self)
        for name in nn.Conv2d.__constants__:
            setattr(self, name, getattr(layer, name))
        self._quantize(layer, kind)

    def product(self, states: Tensor) -> Tensor:  # noqa: D102
        bias = None if self.bias is None else self.bias.to(states.dtype)
        weight = self.dequantize(states.dtype)
        return functional.conv2d(
            states, weight, bias, self.stride, self.padding, self.dilation, self.groups
        )

    def input_gradient(self, gradient: Tensor, shape: torch.Size) -> Tensor:  # noqa: D102
        weight = self.dequantize(gradient.dtype)
        told = (self.stride, self.padding, self.dilation, self.groups)
        return nn.grad.conv2d_input(shape, weight, gradient, *told)


class _Product(torch.autograd.Function):
    """Nothing but bytes waits for the way back."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, layer: QuantizedLayer) -> Tensor:
        ctx.layer, ctx.shape = layer, states.shape
        return layer.product(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.layer.input_gradient(gradients[0], ctx.shape), None
