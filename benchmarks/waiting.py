"""One picture of 12 steps with idle OpenMP threads that soon sleep, and that spin as PyTorch's do.

Each picture is made by ``promptlang run`` in a process of its own: first on the machine as it is,
then with two processes beside it that keep two cores busy. Times are wall-clock seconds of the
whole command. The command line chooses by the machine's load; the benchmark sets both by hand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from benchmarks.measurement import Measurement

RECIPE = "a red fox, blue background --steps 12 --seed 1\n"
SPIN = "while True: pass"
TURNS = 3

SLEEP, SPIN_LONG = "10000", "300000"
"""Turns of waiting before a thread sleeps: promptlang's on a busy machine, and libgomp's own."""


def measure(arguments: Sequence[str]) -> Iterator[Measurement]:
    turns = int(arguments[0]) if arguments else TURNS
    for busy in (0, 2):
        sleeping, spinning = [], []
        with ExitStack() as beside:
            for _ in range(busy):
                process = subprocess.Popen([sys.executable, "-c", SPIN])
                beside.callback(process.kill)
            for _ in range(turns):
                sleeping.append(picture(SLEEP))
                spinning.append(picture(SPIN_LONG))
        where = f"beside {busy} busy processes" if busy else "on the machine as it is"
        yield Measurement(
            f"12 steps {where}, idle threads sleep", min(sleeping), "s", "spin", min(spinning)
        )


def picture(spins: str) -> float:
    """Return the seconds of ``promptlang run`` with a number of turns before a thread sleeps."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "fox.pl"
        recipe.write_text(RECIPE)
        words = [sys.executable, "-m", "promptlang", "run", str(recipe)]
        began = perf_counter()
        subprocess.run(
            words, check=True, capture_output=True, env={**os.environ, "GOMP_SPINCOUNT": spins}
        )
        return perf_counter() - began
