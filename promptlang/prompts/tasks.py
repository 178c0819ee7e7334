"""Generators inside each other at any depth, without recursion."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

_Item = TypeVar("_Item")

Task = Generator[Any, Any, None]
"""A generator of values that yields another task to be sent the next value of that one.

It is sent None if the other task has no more values.
"""


def run(task: Task) -> Iterator[Any]:
    """Yield the values of a task, and resume the tasks that it waits for one after the other."""
    waiting: list[Task] = [task]
    sent: Any = None
    while waiting:
        try:
            value = waiting[-1].send(sent)
        except StopIteration:
            waiting.pop()
            sent = None
            continue
        if isinstance(value, Generator):
            waiting.append(value)
            sent = None
        elif len(waiting) > 1:
            waiting.pop()
            sent = value
        else:
            yield value
            sent = None


def mapped(function: Callable[[Any], Any], task: Task) -> Task:
    """Yield the results of a function for a task's values."""
    while (value := (yield task)) is not None:
        yield function(value)


def lazy_product(items: Iterable[_Item], expand: Callable[[_Item], Task]) -> Task:
    """Yield, as lists, each value of the first item's task with each of the second's, and so on.

    Nothing is made before it is needed: an item is taken after the value of the one before.
    """
    source, known = iter(items), list[_Item]()
    running: list[Task] = []
    chosen: list[Any] = []
    while True:
        if len(chosen) == len(known):
            known += islice(source, 1)
        if len(chosen) < len(known):
            running.append(expand(known[len(chosen)]))
        else:
            yield list(chosen)
        while running:
            following = yield running[-1]
            del chosen[len(running) - 1 :]
            if following is not None:
                chosen.append(following)
                break
            running.pop()
        else:
            return
