"""The time to parse and resolve a prompt, beside compel and Dynamic Prompts, by prompt length.

The peers are not dependencies of promptlang: ``pip install compel dynamicprompts`` adds them, and a
peer that is missing is left out. Each peer reads the same prompts, which promptlang's converter
translates to the peer's syntax.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from statistics import median
from time import process_time
from typing import Any

from benchmarks.measurement import Measurement
from promptlang import convert, resolve

SUBJECTS = ["a red fox", "an old lighthouse", "portrait of a knight", "isometric room", "two cats"]
DETAILS = [
    "masterpiece",
    "(golden hour:1.15)",
    "((detailed))",
    "[blurry]",
    "[day:night:0.4]",
    "in a [desert|jungle]",
    r"stars \(astronomy\)",
    "<lora:ink:0.6>",
    "(soft light, (rim light:1.2):0.9)",
    "35mm, f/1.4",
    "BREAK",
    "volumetric fog",
]


def prompt(draw: random.Random) -> str:
    return ", ".join([draw.choice(SUBJECTS), *draw.sample(DETAILS, k=draw.randint(2, 9))])


def microseconds(action: Callable[[], object]) -> float:
    """The quickest of five, in processor time, so that other work on the machine does not count."""
    times = []
    for _ in range(5):
        start = process_time()
        action()
        times.append(process_time() - start)
    return 1e6 * min(times)


def peers() -> dict[str, Callable[[str], Any]]:
    """Return the peers' parsers by name; each gives a syntax tree of its own."""
    found: dict[str, Callable[[str], Any]] = {}
    try:
        found["compel"] = import_module("compel.prompt_parser").PromptParser().parse_conjunction
        found["dynamicprompts"] = import_module("dynamicprompts.parser.parse").parse
    except ImportError as error:
        print(f"not measured: {error}")
    return found


def each(read: Callable[[str], Any], texts: Sequence[str]) -> float:
    """The median time of the texts, each the quickest of five."""
    return median(microseconds(partial(read, text)) for text in texts)


def measure(_: Sequence[str]) -> Iterator[Measurement]:
    draw = random.Random(0)
    prompts = [prompt(draw) for _ in range(200)]
    resolve(prompts[0])
    ours = each(lambda text: resolve(text, 20), prompts)
    characters = sum(map(len, prompts)) / len(prompts)
    yield Measurement(f"read and resolve, {characters:.0f} characters (median)", ours, "µs")
    for name, read in peers().items():
        theirs = each(
            read, [convert(text, source="promptlang", target=name).text for text in prompts]
        )
        yield Measurement("read and resolve", ours, "µs", f"{name} reads in", theirs)
    long = ", ".join(prompt(draw) for _ in range(150))
    for length in (100, 784, 1000, 3000, 10_000):
        took = microseconds(partial(resolve, long[:length], 20))
        yield Measurement(f"{length} characters", took, "µs")
