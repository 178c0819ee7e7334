"""Quantized frozen weights: int8 or fp8, with a scale for each output channel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

QUANTIZED_DTYPES: Final[Mapping[str, tuple[torch.dtype, float]]] = MappingProxyType(
    {"int8": (torch.int8, 127.0), "fp8": (torch.float8_e4m3fn, 448.0)}
)
"""Storage dtype and largest value of each format."""


def supports_quantization(device: torch.device, kind: str) -> bool:
    """Return whether a device supports a format, ``int8`` or ``fp8``."""
    try:
        torch.ones(1, device=device).to(QUANTIZED_DTYPES[kind][0]).float()
    except (RuntimeError, TypeError):
        return False
    return True


def quantize_layers(network: nn.Module, kind: str) -> None:
    """Replace linear layers and convolutions of a network by quantized ones, in place."""
    for name, layer in [*network.named_modules()]:
        if isinstance(layer, nn.Linear):
            network.set_submodule(name, QuantizedLinear(layer, kind))
        elif isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros":
            network.set_submodule(name, QuantizedConv2d(layer, kind))


class QuantizedLayer(nn.Module, ABC):
    """Frozen layer that dequantizes its weight in each forward and backward pass."""

    small: Tensor
    """Quantized weight viewed as uint8, which `Module.to(dtype)` does not cast."""
    scale: Tensor
    """Largest absolute weight of each output channel, over the format's largest value."""
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
        """Return the dequantized weight in fp32."""
        return self.dequantize(torch.float32)

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """Return the dequantized weight in a dtype."""
        return (self.small.view(self.dtype).float() * self.scale).to(dtype)

    def forward(self, states: Tensor) -> Tensor:
        """Return the layer's output, in the autocast dtype if autocast is enabled."""
        device = states.device.type
        casts = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if casts else states.dtype
        product: Tensor = _Product.apply(states.to(dtype), self)  # type: ignore[no-untyped-call]  # torch
        return product

    @abstractmethod
    def product(self, states: Tensor) -> Tensor:
        """Return the layer's output for states in the dtype of the computation."""

    @abstractmethod
    def input_gradient(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of the input of a shape, from the gradient of the output."""


class QuantizedLinear(QuantizedLayer, nn.Linear):  # type: ignore[misc, override]  # frozen weight, computed
    """Quantized linear layer, an `nn.Linear` for PEFT."""

    def __init__(self, layer: nn.Linear, kind: str) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._quantize(layer, kind)

    def product(self, states: Tensor) -> Tensor:  # noqa: D102
        bias = None if self.bias is None else self.bias.to(states.dtype)
        return functional.linear(states, self.dequantize(states.dtype), bias)

    def input_gradient(self, gradient: Tensor, shape: torch.Size) -> Tensor:  # noqa: ARG002, D102
        return gradient @ self.dequantize(gradient.dtype)


class QuantizedConv2d(QuantizedLayer, nn.Conv2d):  # type: ignore[override]  # frozen weight, computed
    """Quantized convolution, an `nn.Conv2d` for PEFT."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a plain convolution for channel numbers.

        PEFT builds its own layers by calling the class of the layer that they belong to.
        """
        if isinstance(args[0], nn.Module):
            return super().__new__(cls)
        return nn.Conv2d(*args, **kwargs)

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
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        result: Tensor = conv2d_input(shape, weight, gradient, *geometry)  # type: ignore[no-untyped-call]  # torch
        return result


class _Product(torch.autograd.Function):
    """Product of states and a quantized weight that saves no dequantized weight for backward."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, layer: QuantizedLayer) -> Tensor:
        ctx.layer, ctx.shape = layer, states.shape
        return layer.product(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.layer.input_gradient(gradients[0], ctx.shape), None
