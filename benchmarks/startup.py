"""The processor time of `import promptlang`, without Python's own start, beside a dependency."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence

from benchmarks.measurement import Measurement

PROGRAMS = {
    "import promptlang": "import promptlang",
    "… and the first diagnostic": "from promptlang import check; check('(a')",
    "… and the first meaning": "from promptlang import resolve; resolve('a')",
    "import lark": "import lark",
    "import rich.console": "import rich.console",
}


def milliseconds(program: str, times: int = 7) -> float:
    """The quickest of some runs."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return 1000 * min(once() for _ in range(times))


def measure(_: Sequence[str]) -> Iterator[Measurement]:
    bare = milliseconds("pass")
    yield Measurement("bare Python", bare, "ms")
    for name, program in PROGRAMS.items():
        yield Measurement(f"{name}, beyond bare Python", milliseconds(program) - bare, "ms")
