"""Adapters at work beside a network's layers. The weights of the network stay untouched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import Self

from .delta_builder import move_delta
from .formats import Full, LowRank
from .weight_delta import WeightDelta

WeightedDeltas = tuple[tuple[Mapping[str, WeightDelta], float], ...]
"""Sets of weight deltas by the names of modules in a network, each set with its strength."""

MAX_CACHED: Final = 8
"""Combinations of LoRAs whose joined deltas are kept."""

MAX_KEPT_BYTES: Final = 1 << 30
"""The size of the whole deltas that are kept between calls; further ones are computed anew."""


class Attachments:
    """The LoRAs that a network is run with; closing it leaves the network as it was before."""

    def __init__(self, network: nn.Module, loras: WeightedDeltas = ()) -> None:
        self._network = network
        self._loras: WeightedDeltas = ()
        # The LoRAs of a picture with areas come and go at every step.
        self._cache: list[tuple[WeightedDeltas, dict[str, _ModuleDelta]]] = []
        self._hooks = ExitStack()
        self.set_loras(loras)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.close()

    def set_loras(self, loras: WeightedDeltas) -> None:
        """Run the network with these LoRAs at their strengths, and no others."""
        if _same(loras, self._loras):
            return
        self._hooks.close()
        room = _Room(MAX_KEPT_BYTES)
        for name, joined in self._combined(loras).items():
            joined.keep_in(room)
            self._hooks.callback(joined.forget)
            self._hooks.enter_context(
                self._network.get_submodule(name).register_forward_hook(joined.add)
            )
        self._loras = loras

    def _combined(self, loras: WeightedDeltas) -> dict[str, _ModuleDelta]:
        found = next((joined for known, joined in self._cache if _same(known, loras)), None)
        if found is None:
            found = _combine(self._network, loras)
            self._cache = [*self._cache[-MAX_CACHED:], (loras, found)]
        return found


def _same(one: WeightedDeltas, other: WeightedDeltas) -> bool:
    return len(one) == len(other) and all(
        a is b and strength == also for (a, strength), (b, also) in zip(one, other, strict=True)
    )


@dataclass(slots=True)
class _Room:
    """Memory for whole deltas, which all modules of a network share."""

    left: int
    """Bytes."""

    def take(self, size: int) -> bool:
        """Take so many bytes if they are left."""
        fits = size <= self.left
        self.left -= size if fits else 0
        return fits


@dataclass(eq=False, slots=True)
class _ModuleDelta:
    """All weight deltas of a module at their strengths.

    Low-rank deltas are joined into one, whose rank is the sum of their ranks. The sum of the others
    is computed at the first call, and kept while these LoRAs are in use and there is room:
    whole weights beside all those of a large network would not fit into memory.
    """

    factors: tuple[Tensor, Tensor] | None
    """The joined low-rank deltas, `[rank, in, …]` and `[out, rank, …]`."""
    whole: tuple[tuple[WeightDelta, float], ...]
    """The other deltas, each with its strength."""
    bias: Tensor | None
    _kept: Tensor | None = None
    _room: _Room = field(default_factory=lambda: _Room(0))

    def keep_in(self, room: _Room) -> None:
        """Keep the sum of whole deltas from the next call on."""
        self._room = room

    def forget(self) -> None:
        """Free the memory of what was kept."""
        self._kept = None

    def add(self, module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Add the deltas to a module's output, as a forward hook.

        The hook is exact because every module in question is linear in its weight and bias.
        """
        (given, *_) = inputs
        if self.factors is not None:
            output = output + _low_rank(module, given, *self.factors)
        if self.whole:
            delta = self._kept if self._kept is not None else self._sum(module.weight)
            output = output + _functional_of(module)(given, delta, self.bias)
        elif self.bias is not None:
            by_channel = isinstance(module, nn.Conv2d | nn.GroupNorm)
            trailing = output.dim() - 2 if by_channel else 0
            output = output + self.bias.reshape(-1, *[1] * trailing)
        return output

    def _sum(self, weight: Tensor) -> Tensor:
        """Return the sum of the whole deltas in the weight's type."""
        exact = weight.float()
        deltas = (strength * change.delta(exact) for change, strength in self.whole)
        found = sum(deltas, torch.zeros_like(exact)).to(weight)
        if not found.requires_grad and self._room.take(found.nbytes):
            self._kept = found
        return found


def _low_rank(module: Any, given: Tensor, down: Tensor, up: Tensor) -> Tensor:
    if isinstance(module, nn.Embedding):
        return functional.embedding(given, up) @ down
    if down.dim() == 2:
        return functional.linear(functional.linear(given, down), up)
    narrow = functional.conv2d(given, down, None, module.stride, module.padding, module.dilation)
    return functional.conv2d(narrow, up)


def _functional_of(module: Any) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return the function of input, weight and bias that the module computes."""
    match module:
        case nn.Conv2d():
            return lambda x, w, b: functional.conv2d(
                x, w, b, module.stride, module.padding, module.dilation
            )
        case nn.LayerNorm():
            return lambda x, w, b: functional.layer_norm(
                x, module.normalized_shape, w, b, module.eps
            )
        case nn.GroupNorm():
            return lambda x, w, b: functional.group_norm(x, module.num_groups, w, b, module.eps)
        case nn.Embedding():
            return lambda x, w, _: functional.embedding(x, w)
        case _:
            return functional.linear


def _combine(network: nn.Module, loras: WeightedDeltas) -> dict[str, _ModuleDelta]:
    """Join the deltas of each module."""
    found: dict[str, list[tuple[WeightDelta, float]]] = {}
    for modules, strength in loras:
        if strength == 0:
            continue
        for name, change in modules.items():
            found.setdefault(name, []).append((change, strength))
    return {
        name: _join(changes, network.get_submodule(name).weight) for name, changes in found.items()
    }


def _join(changes: list[tuple[WeightDelta, float]], weight: Any) -> _ModuleDelta:
    low = [(each, strength) for each, strength in changes if isinstance(each, LowRank)]
    whole = tuple(
        (move_delta(each, weight.device), strength)
        for each, strength in changes
        if not isinstance(each, LowRank) and not (isinstance(each, Full) and each.change is None)
    )
    biases = [strength * each.bias for each, strength in changes if each.bias is not None]
    bias = sum(biases, torch.zeros_like(biases[0])).to(weight) if biases else None
    return _ModuleDelta(_factors(low, weight) if low else None, whole, bias)


def _factors(changes: list[tuple[LowRank, float]], weight: Any) -> tuple[Tensor, Tensor]:
    down = torch.cat([each.down for each, _ in changes])
    up = torch.cat([each.up * (each.scale * strength) for each, strength in changes], dim=1)
    return down.to(weight), up.to(weight)
