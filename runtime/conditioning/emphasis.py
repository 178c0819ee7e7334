"""Emphasis: the effect of weights on hidden states, in the variants of five tools.

In the formulas z stands for a chunk's hidden states, e for those of the empty prompt, and w for the
weights, one for each of 77 positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import pi, tan
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from promptlang.prompts.chunks import Chunk

MaskedPositions = frozenset[int]
"""Positions of a chunk that the attention of its other positions leaves out."""


@dataclass(frozen=True, slots=True)
class ChunkStates:
    """A prompt's chunks and the function that encodes them."""

    chunks: Sequence[Chunk[int]]
    empty: Chunk[int]
    encode: Callable[[Chunk[int], MaskedPositions], Tensor]
    """Encodes a chunk as `[1, 77, channels]`, without regard to weights."""


def emphasis_a1111(states: ChunkStates) -> Tensor:
    """Apply A1111's emphasis: `z·w · mean(z) / mean(z·w)`, chunk by chunk."""
    return torch.cat(
        [
            _multiply_and_restore_mean(states.encode(chunk, MaskedPositions()), chunk.weights)
            for chunk in states.chunks
        ],
        dim=1,
    )


def emphasis_a1111_no_norm(states: ChunkStates) -> Tensor:
    """Apply the emphasis of sd_embed, and of A1111 without normalisation: `z·w`."""
    return torch.cat(
        [
            _multiply(states.encode(chunk, MaskedPositions()), chunk.weights)
            for chunk in states.chunks
        ],
        dim=1,
    )


def emphasis_comfy(states: ChunkStates) -> Tensor:
    """Apply ComfyUI's emphasis: `e + (z − e)·w`, with e at the same position."""
    return torch.cat(
        [_interpolate_from_empty(states, chunk, MaskedPositions()) for chunk in states.chunks],
        dim=1,
    )


def emphasis_compel(states: ChunkStates) -> Tensor:
    """Apply compel's emphasis, in which fragments with w < 1 are mixed with a prompt without them.

    `(z′ + Σ t·z′₋f) / (1 + Σ t)`, where z′ is the result of ComfyUI's emphasis,
    `t = tan((1 − w)·π/2)`, and z′₋f is z′ with fragment f masked from the attention
    (https://github.com/damian0815/compel, `DownweightMode.MASK`).
    """

    def interpolate(masked: Mapping[int, MaskedPositions]) -> Tensor:
        return torch.cat(
            [
                _interpolate_from_empty(states, chunk, masked.get(index, MaskedPositions()))
                for index, chunk in enumerate(states.chunks)
            ],
            dim=1,
        )

    total, share = interpolate({}), 1.0
    for fragment, weight in _fragments(states.chunks):
        if weight < 1:
            without = tan((1 - max(weight, 1e-5)) * pi / 2)
            total, share = total + without * interpolate(fragment), share + without
    return total if share == 1 else total / share


def emphasis_none(states: ChunkStates) -> Tensor:
    """Return z, whatever the weights."""
    return torch.cat([states.encode(chunk, MaskedPositions()) for chunk in states.chunks], dim=1)


EMPHASIS_MODES: Final[Mapping[str, Callable[[ChunkStates], Tensor]]] = MappingProxyType(
    {
        "a1111": emphasis_a1111,
        "a1111-no-norm": emphasis_a1111_no_norm,
        "comfy": emphasis_comfy,
        "compel": emphasis_compel,
        "none": emphasis_none,
    }
)
"""Functions that return hidden states `[1, chunks × 77, channels]`, by `set emphasis` names."""


def _multiply_and_restore_mean(hidden: Tensor, weights: Sequence[float]) -> Tensor:
    weighted = _multiply(hidden, weights)
    if weighted is hidden:
        return hidden
    ratio = hidden.mean() / weighted.mean()
    return weighted * ratio if torch.isfinite(ratio) else weighted


def _multiply(hidden: Tensor, weights: Sequence[float]) -> Tensor:
    """Return `z·w`, and the same tensor if every weight is 1."""
    return hidden if all(weight == 1 for weight in weights) else hidden * _column(weights, hidden)


def _interpolate_from_empty(
    states: ChunkStates, chunk: Chunk[int], masked: MaskedPositions
) -> Tensor:
    """Return `e + (z − e)·w`, and z itself, bit for bit, where w is 1."""
    state = states.encode(chunk, masked)
    if all(weight == 1 for weight in chunk.weights):
        return state
    weights, empty = _column(chunk.weights, state), states.encode(states.empty, MaskedPositions())
    return torch.where(weights == 1, state, empty + (state - empty) * weights)


def _column(weights: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(weights, dtype=like.dtype, device=like.device)[None, :, None]


def _fragments(chunks: Sequence[Chunk[int]]) -> Iterator[tuple[dict[int, MaskedPositions], float]]:
    """Yield the positions, by chunk, of neighbouring tokens of one weight, and that weight.

    A fragment may begin in one chunk and end in the next.
    """
    fragment: dict[int, MaskedPositions] = {}
    last: float | None = None
    for index, chunk in enumerate(chunks):
        for position in range(1, chunk.used + 1):
            weight = chunk.weights[position]
            if last is not None and weight != last:
                yield fragment, last
                fragment = {}
            fragment[index] = fragment.get(index, MaskedPositions()) | {position}
            last = weight
    if last is not None:
        yield fragment, last
