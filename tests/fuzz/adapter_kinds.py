"""Adapters of one module: their tensors by the ends of keys, and the weights by plain formulas."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Made:
    """The tensors of one module's change, and what becomes of its weight and bias."""

    tensors: dict[str, Tensor]
    weight: Callable[[Mapping[str, Tensor], Tensor], Tensor]
    """The new weight, from the tensors as they are stored and the old weight."""
    optional: frozenset[str] = field(default_factory=frozenset)
    """The ends of keys that a module may lack."""


Maker = Callable[[random.Random, torch.Size], Made]


def numbers(draw: random.Random, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(draw.getrandbits(32))
    return torch.randn(shape, generator=generator) * 0.3


def factors(number: int) -> list[int]:
    return [each for each in range(1, number + 1) if number % each == 0]


def scale(tensors: Mapping[str, Tensor], rank: int) -> float:
    return float(tensors["alpha"]) / rank if "alpha" in tensors else 1.0


def with_alpha(draw: random.Random, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    alpha = draw.choice([None, torch.tensor(2.0), torch.tensor(3), torch.tensor([1.5])])
    return tensors if alpha is None else {**tensors, "alpha": alpha}


def lora(draw: random.Random, shape: torch.Size) -> Made:
    rank = draw.randrange(1, 4)
    down = numbers(draw, rank, *shape[1:])
    up = numbers(draw, shape[0], rank, *[1] * (len(shape) - 2))
    if shape[2:].numel() == 1 and draw.random() < 0.3:
        down, up = down.reshape(rank, -1), up.reshape(-1, rank)
    if len(shape) == 2 and draw.random() < 0.2:
        down, up = down[..., None, None], up[..., None, None]

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        product = t["lora_up.weight"].flatten(1) @ t["lora_down.weight"].flatten(1)
        return old + scale(t, rank) * product.view_as(old)

    made = with_alpha(draw, {"lora_down.weight": down, "lora_up.weight": up})
    return Made(made, weight, frozenset({"alpha"}))


def peft_lora(draw: random.Random, shape: torch.Size) -> Made:
    made = lora(draw, shape)
    names = {"lora_down.weight": "lora_A.weight", "lora_up.weight": "lora_B.weight"}
    back = {new: old for old, new in names.items()}
    name = draw.choice(["", ".default", ".default_0"])

    def plain(end: str) -> str:
        return back.get(end.replace(name, "") if name else end, end)

    return Made(
        {
            names.get(end, end).replace(".", f"{name}.", 1) if end in names else end: each
            for end, each in made.tensors.items()
        },
        lambda t, old: made.weight({plain(end): each for end, each in t.items()}, old),
        made.optional,
    )


def dora(draw: random.Random, shape: torch.Size) -> Made:
    made = lora(draw, shape)
    by_input = draw.random() < 0.3
    size = [1] * len(shape)
    size[1 if by_input else 0] = shape[1 if by_input else 0]
    axes = [axis for axis in range(len(shape)) if axis != (1 if by_input else 0)]

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        whole = made.weight(t, old)
        return t["dora_scale"] * whole / whole.pow(2).sum(axes, keepdim=True).sqrt()

    magnitude = numbers(draw, *size).abs() + 0.5
    return Made(
        {**made.tensors, "dora_scale": magnitude}, weight, frozenset({"alpha", "dora_scale"})
    )


def loha(draw: random.Random, shape: torch.Size) -> Made:
    rank, inner = draw.randrange(1, 4), shape[1:].numel()
    whole = draw.random() < 0.3  # OneTrainer keeps the kernel's axes
    left = (shape[0], rank, *[1] * (len(shape) - 2)) if whole else (shape[0], rank)
    right = (rank, *shape[1:]) if whole else (rank, inner)
    ends = {"hada_w1_a": left, "hada_w1_b": right, "hada_w2_a": left, "hada_w2_b": right}

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        first = t["hada_w1_a"].flatten(1) @ t["hada_w1_b"].flatten(1)
        second = t["hada_w2_a"].flatten(1) @ t["hada_w2_b"].flatten(1)
        return old + scale(t, rank) * (first * second).view_as(old)

    made = with_alpha(draw, {end: numbers(draw, *size) for end, size in ends.items()})
    return Made(made, weight, frozenset({"alpha"}))


def lokr(draw: random.Random, shape: torch.Size) -> Made:
    a, b, rank = (
        draw.choice(factors(shape[0])),
        draw.choice(factors(shape[1])),
        draw.randrange(1, 4),
    )
    rest = (shape[0] // a, shape[1:].numel() // b)
    tensors = {
        "lokr_w1": numbers(draw, a, b),
        "lokr_w2_a": numbers(draw, rest[0], rank),
        "lokr_w2_b": numbers(draw, rank, rest[1]),
    }

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        second = (t["lokr_w2_a"] @ t["lokr_w2_b"]).reshape(rest[0], shape[1] // b, *shape[2:])
        product = torch.einsum("ij,ab...->iajb...", t["lokr_w1"], second)
        return old + scale(t, rank) * product.reshape(old.shape)

    return Made(with_alpha(draw, tensors), weight, frozenset({"alpha"}))


def full(draw: random.Random, shape: torch.Size) -> Made:
    end = draw.choice(["diff", "set_weight"])
    return Made(
        {end: numbers(draw, *shape)},
        lambda t, old: old + t["diff"] if "diff" in t else t["set_weight"],
    )


def cayley(skew: Tensor) -> Tensor:
    one = torch.eye(skew.shape[-1])
    return torch.linalg.inv(one - skew).transpose(-1, -2) @ (one + skew).transpose(-1, -2)


def oft(draw: random.Random, shape: torch.Size) -> Made:
    size = draw.choice(factors(shape[0])[1:])
    count = shape[0] // size
    bound = draw.choice([0.0, 0.0, 0.01])
    tensors = {"oft_blocks": numbers(draw, count, size, size), "alpha": torch.tensor(bound)}
    if draw.random() < 0.3:
        tensors["rescale"] = numbers(draw, shape[0], *[1] * (len(shape) - 1)).abs() + 0.5

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        skew = t["oft_blocks"] - t["oft_blocks"].transpose(1, 2)
        most = float(t.get("alpha", 0.0)) * shape[0]
        if 0 < most < skew.norm():
            skew = skew * (most / skew.norm())
        # cayley() returns the transposed rotations, which these are
        new = torch.block_diag(*cayley(skew)) @ old.flatten(1)
        return t.get("rescale", torch.ones(1)).flatten()[:, None].mul(new).view_as(old)

    return Made(tensors, weight, frozenset({"alpha", "rescale"}))


def oft_of_inputs(draw: random.Random, shape: torch.Size) -> Made:
    inner = shape[1:].numel()
    size = draw.choice([each for each in factors(inner) if 1 < each <= 8])
    rows, columns = torch.triu_indices(size, size, 1)
    shared = draw.random() < 0.3
    upper = numbers(draw, 1 if shared else inner // size, len(rows)) * 0.3

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        stored = t["oft_R.weight"]
        stored = stored / (2 * math.sqrt(size - 1)) if "oft_R.scaled_oft" in t else stored
        skew = torch.zeros(len(stored), size, size)
        skew[:, rows, columns] = stored
        skew = skew - skew.transpose(1, 2)
        two = skew @ skew
        turns = torch.eye(size) + 2 * skew + 2 * two + 2 * two @ skew + two @ two
        turns = turns.expand(inner // size, size, size)
        whole = torch.block_diag(*(turns if len(shape) > 2 else turns.transpose(1, 2)))
        return (old.flatten(1) @ whole).view_as(old)

    tensors = {"oft_R.weight": upper}
    if draw.random() < 0.3:
        tensors["oft_R.scaled_oft"] = torch.tensor(True)
    return Made(tensors, weight, frozenset({"oft_R.scaled_oft"}))


def boft(draw: random.Random, shape: torch.Size) -> Made:
    """Draw LyCORIS' butterflies, whose stages mix rows that lie further and further apart."""
    stages = draw.randrange(1, 3)
    sizes = [each for each in factors(shape[0]) if each % 2 == 0]
    fitting = [each for each in sizes if shape[0] % (each * 2 ** (stages - 1)) == 0]
    size = draw.choice(fitting)
    blocks = numbers(draw, stages, shape[0] // size, size, size)

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        rows = old.flatten(1)
        for stage, stored in enumerate(t["oft_blocks"]):
            distance = 2**stage * (size // 2)
            order = [
                group + pair * distance + place
                for group in range(0, shape[0], 2 * distance)
                for place in range(distance)
                for pair in range(2)
            ]
            turns = cayley(stored - stored.transpose(1, 2)).transpose(1, 2)
            mixed = torch.block_diag(*turns) @ rows[order]
            rows = torch.empty_like(rows)
            rows[order] = mixed
        return rows.view_as(old)

    return Made({"oft_blocks": blocks, "alpha": torch.tensor(0)}, weight, frozenset({"alpha"}))


def glora(draw: random.Random, shape: torch.Size) -> Made:
    rank, into = draw.choice([3, 5, 7]), shape[1]
    ones = [1] * (len(shape) - 2)
    tensors = {
        "a1.weight": numbers(draw, into, rank, *ones),
        "a2.weight": numbers(draw, rank, into, *ones),
        "b1.weight": numbers(draw, shape[0], rank, *ones),
        "b2.weight": numbers(draw, rank, *shape[1:]),
    }

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        a = t["a1.weight"].flatten(1) @ t["a2.weight"].flatten(1)
        b = t["b1.weight"].flatten(1) @ t["b2.weight"].flatten(1)
        mixed = torch.tensordot(old, a, ([1], [0])).movedim(-1, 1)
        return old + scale(t, rank) * (mixed + b.view_as(old))

    return Made(with_alpha(draw, tensors), weight, frozenset({"alpha"}))


def ia3(draw: random.Random, shape: torch.Size) -> Made:
    on_input = draw.random() < 0.5
    axis = 1 if on_input else 0
    size = (1, shape[axis], *[1] * (len(shape) - 2)) if len(shape) > 2 else (shape[axis],)

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        along = [1] * len(shape)
        along[axis] = -1
        return old * (1 + t["weight"].reshape(along))

    return Made({"weight": numbers(draw, *size), "on_input": torch.tensor(int(on_input))}, weight)


def hra(draw: random.Random, shape: torch.Size) -> Made:
    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        new = old.flatten(1)
        for column in (t["hra_u"] / t["hra_u"].norm(dim=0)).T:
            new = new - 2 * torch.outer(new @ column, column)
        return new.view_as(old)

    return Made({"hra_u": numbers(draw, shape[1:].numel(), draw.randrange(1, 5))}, weight)


def adalora(draw: random.Random, shape: torch.Size) -> Made:
    rank = draw.randrange(1, 5)
    if len(shape) > 2:
        return lora(draw, shape)

    def weight(t: Mapping[str, Tensor], old: Tensor) -> Tensor:
        product = t["lora_B"] @ torch.diag(t["lora_E"].flatten()) @ t["lora_A"]
        return old + rank / (rank + 1e-5) * product

    tensors = {
        "lora_A": numbers(draw, rank, shape[1]),
        "lora_B": numbers(draw, shape[0], rank),
        "lora_E": numbers(draw, rank, 1),
    }
    return Made(tensors, weight, frozenset({"lora_E"}))


KINDS: Mapping[str, Maker] = {
    "LoRA": lora,
    "LoRA of PEFT": peft_lora,
    "DoRA": dora,
    "LoHa": loha,
    "LoKr": lokr,
    "full": full,
    "OFT": oft,
    "OFT of inputs": oft_of_inputs,
    "BOFT": boft,
    "GLoRA": glora,
    "IA3": ia3,
    "HRA": hra,
    "AdaLoRA": adalora,
}
