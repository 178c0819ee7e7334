"""Signals of the system in a long job: they store its work as Ctrl-C does."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator

import pytest

from promptlang.plan.events import Event, TrainingStarted, TrainingStep
from promptlang.plan.steps import Train
from promptlang.terminal import display_events
from promptlang.terminal.interrupt import STOP_SIGNALS, StoppedBySignal, stop_on_interrupt
from tests.terminal.conftest import Screen

OF_THE_SYSTEM = [each for each in STOP_SIGNALS if each != signal.SIGINT]


@pytest.fixture
def handled() -> Iterator[dict[signal.Signals, object]]:
    """Set each signal to Python's default, which a test runner may have changed."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in OF_THE_SYSTEM}
    yield {each: signal.getsignal(each) for each in OF_THE_SYSTEM}
    for each, handler in before.items():
        signal.signal(each, handler)


def stopped_by(number: int, train: Train, closed: list[bool]) -> Generator[Event, None, None]:
    try:
        yield TrainingStarted(train, 12, 0)
        signal.raise_signal(number)
        yield TrainingStep(1, 400, 0.1)
        yield TrainingStep(2, 400, 0.1)
    finally:
        closed.append(True)


@pytest.mark.parametrize("number", OF_THE_SYSTEM)
def test_a_signal_of_the_system_stops_a_training_after_its_step(
    number: signal.Signals, log: Screen, train: Train, handled: dict[signal.Signals, object]
) -> None:
    closed: list[bool] = []
    with pytest.raises(StoppedBySignal) as stop:
        display_events(log.terminal, stopped_by(number, train, closed))
    assert closed == [True]
    assert log.out.splitlines()[-1] == (
        "stopped ink at step 1 of 400: run it again and it goes on from there"
    )
    assert (stop.value.exit_code, stop.value.ends_session) == (128 + number, True)
    assert signal.getsignal(number) == handled[number]


@pytest.mark.parametrize("number", OF_THE_SYSTEM)
@pytest.mark.usefixtures("handled")
def test_a_signal_that_is_ignored_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with stop_on_interrupt() as request:
        signal.raise_signal(number)
    assert not request.requested
    assert signal.getsignal(number) is signal.SIG_IGN


@pytest.mark.usefixtures("handled")
def test_a_second_signal_of_any_kind_ends_the_job_at_once() -> None:
    with stop_on_interrupt():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(StoppedBySignal) as stop:
            signal.raise_signal(signal.SIGINT)
    assert (stop.value.number, stop.value.ends_session) == (signal.SIGINT, False)
