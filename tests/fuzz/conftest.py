"""Generated cases: a few in every run of the tests, many on demand.

``FUZZ_CASES=20000 FUZZ_SEED=1 pytest tests/fuzz`` runs the long one. Each case has a random
generator of its own, seeded by the run's seed and its number, so that one case can be repeated.
"""

import os
import random
from collections.abc import Iterator

import pytest

CASES = int(os.environ.get("FUZZ_CASES", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


@pytest.fixture
def cases() -> Iterator[random.Random]:
    return (random.Random(f"{SEED}/{number}") for number in range(CASES))
