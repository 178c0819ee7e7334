"""Processes that share a training, as ``accelerate launch`` and ``torchrun`` start them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import lcm
from operator import itemgetter
from typing import Final, TypeVar

import torch
from accelerate import PartialState
from torch import Tensor, distributed, nn

_Item = TypeVar("_Item")

TIMEOUT: Final = timedelta(days=7)
"""Time that the other processes wait for the main one, which renders all pictures."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of a run, and the rank of this one. Each computes its share of every step."""

    world_size: int = 1
    rank: int = 0

    @classmethod
    def current(cls) -> Processes:
        """Return the processes of this launch; the first call initialises the process group."""
        if not distributed.is_torchelastic_launched():
            return cls()
        state = PartialState(cpu=not torch.cuda.is_available(), timeout=TIMEOUT)
        return cls(state.num_processes, state.process_index)

    @property
    def is_main_process(self) -> bool:
        """Return whether this process writes files, renders pictures and reports events."""
        return self.rank == 0

    def micro_batch_count(self, accumulate: int, pictures: int) -> int | None:
        """Return the number of micro-batches that gives each process as many.

        Returns None if a step's pictures cannot be divided into so many.
        """
        count = lcm(accumulate, self.world_size)
        return None if pictures % count else count

    def select_own_share(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Return the items of this process."""
        return items[self.rank :: self.world_size]

    def wait_for_everyone(self) -> None:
        """Wait until all processes have called this method."""
        if self.world_size > 1:
            distributed.barrier()

    def gather(self, own: Mapping[int, _Item]) -> dict[int, _Item]:
        """Return the items of all processes in the order of their indices."""
        shares: list[Mapping[int, _Item]] = [own] * self.world_size
        if self.world_size > 1:
            distributed.all_gather_object(shares, own)
        pairs = (pair for share in shares for pair in share.items())
        return dict(sorted(pairs, key=itemgetter(0)))

    def sum_gradients(self, loss: float, parameters: Iterable[nn.Parameter]) -> float:
        """Replace the gradients by their sums over all processes; return the sum of the losses.

        The sums have the same bits in each process. A parameter without a gradient in any process
        has none afterwards.
        """
        if self.world_size == 1:
            return loss
        trained = [*parameters]
        own = [torch.zeros_like(each) if each.grad is None else each.grad for each in trained]
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        has_gradient = [each.grad is not None for each in trained]
        scalars = torch.tensor([loss, *has_gradient], dtype=torch.float64, device=device)
        distributed.all_reduce(scalars)
        flat = torch.cat([each.float().flatten() for each in own]).to(device)
        distributed.all_reduce(flat)
        gradients: Sequence[Tensor] = torch.split(flat, [each.numel() for each in trained])
        for parameter, gradient, owners in zip(
            trained, gradients, scalars[1:].tolist(), strict=True
        ):
            parameter.grad = gradient.view_as(parameter).to(parameter) if owners else None
        return float(scalars[0])


SINGLE_PROCESS: Final = Processes()
