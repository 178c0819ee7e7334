"""What a weight does to a token's hidden state: five answers, each another tool's.

Below, z is a chunk's states, e those of the empty prompt and w the weights, a number for each of 77 places.
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
"""Places of a chunk that its other places do not see."""


@dataclass(frozen=True, slots=True)
class ChunkStates:
    """What a text encoder says of a prompt."""

    chunks: Sequence[Chunk[int]]
    empty: Chunk[int]
    encode: Callable[[Chunk[int], MaskedPositions], Tensor]
    """A chunk's states `[1, 77, channels]`, weights aside."""


def emphasis_a1111(states: ChunkStates) -> Tensor:
    """A1111's: `z·w`, then every state by one factor, so that a chunk's mean is what it was."""
    return torch.cat(
        [
            _multiply_and_restore_mean(states.encode(chunk, MaskedPositions()), chunk.weights)
            for chunk in states.chunks
        ],
        dim=1,
    )


def emphasis_a1111_no_norm(states: ChunkStates) -> Tensor:
    """A1111's without its norm, and sd_embed's: `z·w`."""
    return torch.cat(
        [
            _multiply(states.encode(chunk, MaskedPositions()), chunk.weights)
            for chunk in states.chunks
        ],
        dim=1,
    )


def emphasis_comfy(states: ChunkStates) -> Tensor:
    """ComfyUI's: `e + (z − e)·w`, from the empty prompt's state at the same place towards the token's, or beyond."""
    return torch.cat(
        [_interpolate_from_empty(states, chunk, MaskedPositions()) for chunk in states.chunks],
        dim=1,
    )


def emphasis_compel(states: ChunkStates) -> Tensor:
    """compel's: as ComfyUI's, then each fragment with w < 1 is mixed with the prompt that does not see it.

    `(z′ + Σ t·z′₋f) / (1 + Σ t)`, where `t = tan((1 − w)·π/2)` and z′₋f is z′ with fragment f masked from the
    attention (https://github.com/damian0815/compel, `DownweightMode.MASK`).
    """

    def led(fragment: Mapping[int, MaskedPositions]) -> Tensor:
        each = enumerate(states.chunks)
        return torch.cat(
            [
                _interpolate_from_empty(states, chunk, fragment.get(at, MaskedPositions()))
                for at, chunk in each
            ],
            dim=1,
        )

    total, share = led({}), 1.0
    for fragment, weight in _fragments(states.chunks):
        if weight < 1:
            without = tan((1 - max(weight, 1e-5)) * pi / 2)
            total, share = total + without * led(fragment), share + without
    return total if share == 1 else total / share


def emphasis_none(states: ChunkStates) -> Tensor:
    """z, whatever the weights."""
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
"""By their names in the language, what makes hidden states `[1, chunks × 77, channels]` of a prompt."""


def _multiply_and_restore_mean(hidden: Tensor, weights: Sequence[float]) -> Tensor:
    weighted = _multiply(hidden, weights)
    if weighted is hidden:
        return hidden
    ratio = hidden.mean() / weighted.mean()
    return weighted * ratio if torch.isfinite(ratio) else weighted


def _multiply(hidden: Tensor, weights: Sequence[float]) -> Tensor:
    """Where every weight is 1, the states as they are, bit for bit; so, too, of all the others."""
    return hidden if all(weight == 1 for weight in weights) else hidden * _column(weights, hidden)


def _interpolate_from_empty(
    states: ChunkStates, chunk: Chunk[int], hidden: MaskedPositions
) -> Tensor:
    state = states.encode(chunk, hidden)
    if all(weight == 1 for weight in chunk.weights):
        return state
    weights, empty = _column(chunk.weights, state), states.encode(states.empty, MaskedPositions())
    return torch.where(weights == 1, state, empty + (state - empty) * weights)


def _column(weights: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(weights, dtype=like.dtype, device=like.device)[None, :, None]


def _fragments(chunks: Sequence[Chunk[int]]) -> Iterator[tuple[dict[int, MaskedPositions], float]]:
    """Neighbouring tokens of one weight: their places by chunk, for a fragment may begin in one and end in the next."""
    places: dict[int, MaskedPositions] = {}
    last: float | None = None
    for at, chunk in enumerate(chunks):
        for place in range(1, chunk.used + 1):
            weight = chunk.weights[place]
            if last is not None and weight != last:
                yield places, last
                places = {}
            places[at] = places.get(at, MaskedPositions()) | {place}
            last = weight
    if last is not None:
        yield places, last
