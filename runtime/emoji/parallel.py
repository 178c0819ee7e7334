"""Processes that compose pictures ahead of time: a GPU learns faster than one core can draw."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from random import Random

import numpy as np

from .composer import Composer, Description

Composed = tuple[np.ndarray, list[Description]]
"""Pictures `[n, size, size, 3]` of 8 bits, and what each shows."""

_composer: Composer | None = None
"""The sampler of this process."""


def compose(composer: Composer, seeds: range) -> Composed:
    """Compose a picture for each seed."""
    drawn = [composer.draw(Random(seed)) for seed in seeds]
    return np.stack([picture for picture, _ in drawn]), [shown for _, shown in drawn]


def _initialise(make: Callable[[], Composer]) -> None:
    global _composer  # noqa: PLW0603 - a process has one sampler, made when it starts
    _composer = make()


def _compose_part(seeds: range) -> Composed:
    assert _composer is not None
    return compose(_composer, seeds)


class ParallelComposer:
    """Composes the pictures of shards, and of the next shard while the last one is learned from."""

    def __init__(self, make: Callable[[], Composer], workers: int, size: int) -> None:
        """Take what makes a sampler, which other processes must be able to unpickle.

        Without workers, this process composes.
        """
        self._size = size
        self._make = make
        self._workers = workers
        self._composer: Composer | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._ahead: dict[int, list[Future[Composed]]] = {}

    def shard(self, number: int) -> Composed:
        """Compose the pictures of a shard: the same ones, whoever composes them."""
        seeds = range(number * self._size, (number + 1) * self._size)
        if not self._workers:
            self._composer = self._composer or self._make()
            return compose(self._composer, seeds)
        parts = [part.result() for part in self._ahead.pop(number, None) or self._submit(number)]
        self._ahead = {number + 1: self._submit(number + 1)}
        shown = [each for _, descriptions in parts for each in descriptions]
        return np.concatenate([pictures for pictures, _ in parts]), shown

    def _submit(self, number: int) -> list[Future[Composed]]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                multiprocessing.get_context("spawn"),
                initializer=partial(_initialise, self._make),
            )
        first, last = number * self._size, (number + 1) * self._size
        length = -(-self._size // self._workers)
        starts = range(first, last, length)
        parts = [range(start, min(last, start + length)) for start in starts]
        return [self._pool.submit(_compose_part, part) for part in parts]
