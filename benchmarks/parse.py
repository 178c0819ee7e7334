"""How long it takes to read a prompt and say what it means: realistic prompts, and growth with length."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from time import process_time

from promptlang import resolve

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


def main() -> None:
    draw = random.Random(0)
    prompts = [prompt(draw) for _ in range(200)]
    resolve(prompts[0])
    times = [microseconds(lambda text=text: resolve(text, 20)) for text in prompts]  # type: ignore[misc]
    characters = sum(map(len, prompts)) / len(prompts)
    print(f"200 prompts of {characters:.0f} characters on average: {median(times):.0f} µs, at most {max(times):.0f} µs")
    long = ", ".join(prompt(draw) for _ in range(150))
    for length in (100, 784, 1000, 3000):
        text = long[:length]
        print(f"{length:6} characters: {microseconds(lambda text=text: resolve(text, 20)):8.0f} µs")  # type: ignore[misc]


if __name__ == "__main__":
    main()
