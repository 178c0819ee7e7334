"""Generated cases: a hundred in every run of the tests, many on demand.

``make fuzz CASES=20000 SEED=1`` runs the long one. Each case has a random generator of its own,
seeded by the run's seed and its number, so that one case can be repeated.
"""

import os
import random
from collections.abc import Iterator

import pytest

Cases = Iterator[random.Random]

CASES = int(os.environ.get("FUZZ_CASES", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


@pytest.fixture
def cases() -> Cases:
    return (random.Random(f"{SEED}/{number}") for number in range(CASES))
