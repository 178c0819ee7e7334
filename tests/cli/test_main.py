"""What `python -m promptlang` sets before torch is imported."""

from __future__ import annotations

import os

import pytest

from promptlang import __main__


@pytest.mark.parametrize(
    ("load", "own", "spins"),
    [
        (0.1, {}, None),
        (9.0, {}, "10000"),
        (9.0, {"GOMP_SPINCOUNT": "7"}, "7"),
        (9.0, {"OMP_WAIT_POLICY": "active"}, None),
    ],
)
def test_idle_threads_sleep_soon_on_a_busy_machine_unless_the_user_says_otherwise(
    load: float, own: dict[str, str], spins: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dict(own)
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    __main__._limit_spinning()
    assert environment.get("GOMP_SPINCOUNT") == spins
