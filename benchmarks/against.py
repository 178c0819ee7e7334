"""Reading and resolving prompts, beside another checkout of promptlang in the same run.

``python -m benchmarks against -- PATH`` times the checkout at PATH, in turns with this one, each in
a process of its own. The figures are medians of processor times.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.measurement import Measurement
from benchmarks.parse import microseconds

ROUNDS = 7
"""The number of processes for each checkout."""

HERE = Path(__file__).resolve().parent.parent

_CHILD = """
import importlib.abc, importlib.util, json, sys, time
from pathlib import Path
root = Path(sys.argv[1])
FOLDERS = {"promptlang": "promptlang", "promptlang.grammar": "grammar",
           "promptlang.runtime": "runtime", "benchmarks": "benchmarks"}
class Checkout(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name not in FOLDERS:
            return None
        folder = (Path(sys.argv[2]) if name == "benchmarks" else root) / FOLDERS[name]
        return importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)])
sys.meta_path.insert(0, Checkout())
start = time.process_time()
from promptlang import resolve
resolve("a fox")
first = 1e6 * (time.process_time() - start)
from benchmarks.against import times
print(json.dumps({"the first prompt of a process": first, **times(resolve)}))
"""


def times(resolve: object) -> dict[str, float]:
    """Return the microseconds of each measured action in this process."""
    import random
    from functools import partial

    from benchmarks.parse import each, prompt

    assert callable(resolve)
    draw = random.Random(0)
    prompts = [prompt(draw) for _ in range(100)]
    long = ", ".join(prompt(draw) for _ in range(150))
    resolve(long[:784])
    return {
        "a prompt of 100 characters (median)": each(lambda text: resolve(text, 20), prompts),
        "784 characters": microseconds(partial(resolve, long[:784], 20)),
        "10000 characters": microseconds(partial(resolve, long[:10_000], 20)),
    }


def measure(arguments: Sequence[str]) -> Iterator[Measurement]:
    """Yield this checkout's times beside those of the checkout that the arguments name."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m benchmarks against -- PATH")
    roots = (HERE, Path(arguments[0]).resolve())
    found: dict[Path, list[dict[str, float]]] = {root: [] for root in roots}
    for _ in range(ROUNDS):
        for root in roots:
            command = [sys.executable, "-c", _CHILD, str(root), str(HERE)]
            result = subprocess.run(command, check=True, capture_output=True, text=True)
            found[root].append(json.loads(result.stdout))
    for name in found[HERE][0]:
        ours, theirs = (median(each[name] for each in found[root]) for root in roots)
        yield Measurement(name, ours, "µs", arguments[0], theirs)
