"""Several processes that work on one recipe: those of ``accelerate launch`` and of ``torchrun``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import lcm
from operator import itemgetter
from typing import Final, TypeVar

import torch
from accelerate import PartialState
from torch import distributed, nn

Item = TypeVar("Item")

TIMEOUT: Final = timedelta(days=7)
"""How long the others wait while the first one makes pictures."""


@dataclass(frozen=True, slots=True)
class Processes:
    """How many there are, and which of them this one is. Each has its share of a training's steps."""

    world_size: int = 1
    rank: int = 0

    @classmethod
    def current(cls) -> Processes:
        """Those that this process was launched with; they meet the first time that this is asked."""
        if not distributed.is_torchelastic_launched():
            return cls()
        state = PartialState(cpu=not torch.cuda.is_available(), timeout=TIMEOUT)
        return cls(state.num_processes, state.process_index)

    @property
    def is_main_process(self) -> bool:
        """Whether this one writes files, makes the pictures, and tells what happens."""
        return self.rank == 0

    def micro_batch_count(self, accumulate: int, pictures: int) -> int | None:
        """How many parts a step of so many pictures has, so that each process has as many; None where none fit."""
        parts = lcm(accumulate, self.world_size)
        return None if pictures % parts else parts

    def select_own_share(self, parts: Sequence[Item]) -> Sequence[Item]:
        """Which of a step's parts are this process' own."""
        return parts[self.rank :: self.world_size]

    def wait_for_everyone(self) -> None:
        """Until all have come so far."""
        if self.world_size > 1:
            distributed.barrier()

    def gather(self, own: Mapping[int, Item]) -> dict[int, Item]:
        """What all of them have, in the order of its places."""
        parts: list[Mapping[int, Item]] = [own] * self.world_size
        if self.world_size > 1:
            distributed.all_gather_object(parts, own)
        return dict(sorted((pair for part in parts for pair in part.items()), key=itemgetter(0)))

    def sum_gradients(self, loss: float, parameters: Iterable[nn.Parameter]) -> float:
        """The loss and the gradients of all of them, in place of this one's own: the same bits in each process.

        A parameter that has a gradient in none of them has none afterwards.
        """
        if self.world_size == 1:
            return loss
        learned = [*parameters]
        own = [torch.zeros_like(each) if each.grad is None else each.grad for each in learned]
        where = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        values = [loss, *(each.grad is not None for each in learned)]
        reduced = torch.tensor(values, dtype=torch.float64, device=where)
        distributed.all_reduce(reduced)
        whole = torch.cat([each.float().flatten() for each in own]).to(where)
        distributed.all_reduce(whole)
        sizes = [each.numel() for each in learned]
        for parameter, gradient, has in zip(
            learned, whole.split(sizes), reduced[1:].tolist(), strict=True
        ):
            parameter.grad = gradient.view_as(parameter).to(parameter) if has else None
        return float(reduced[0])


SINGLE_PROCESS: Final = Processes()
