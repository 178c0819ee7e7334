"""The time of one picture with idle OpenMP threads that sleep and with ones that spin.

promptlang's default lets them sleep, PyTorch's lets them spin. ``promptlang run`` makes each
picture of 12 steps in a process of its own: first on an otherwise idle machine, then with two
processes beside it that keep two cores busy. Times are wall-clock seconds of the whole command.
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


def measure(arguments: Sequence[str]) -> Iterator[Measurement]:
    turns = int(arguments[0]) if arguments else TURNS
    for busy in (0, 2):
        sleeping, spinning = [], []
        with ExitStack() as beside:
            for _ in range(busy):
                process = subprocess.Popen([sys.executable, "-c", SPIN])
                beside.callback(process.kill)
            for _ in range(turns):
                sleeping.append(picture("passive"))
                spinning.append(picture("active"))
        where = f"beside {busy} busy processes" if busy else "on the machine as it is"
        yield Measurement(
            f"12 steps {where}, idle threads sleep", min(sleeping), "s", "spin", min(spinning)
        )


def picture(policy: str) -> float:
    """Return the seconds of ``promptlang run`` with an OpenMP wait policy."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "fox.pl"
        recipe.write_text(RECIPE)
        words = [sys.executable, "-m", "promptlang", "run", str(recipe)]
        began = perf_counter()
        subprocess.run(
            words, check=True, capture_output=True, env={**os.environ, "OMP_WAIT_POLICY": policy}
        )
        return perf_counter() - began
