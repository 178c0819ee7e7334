"""The timing of schedules, alternations and changing numbers; steps are counted from 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from promptlang import ast

StepDependentNode = ast.Schedule | ast.Alternation | ast.Stages | ast.Turns | ast.Curve


def state_at(node: StepDependentNode, step: int, steps: int) -> float:
    """Return the branch of a schedule or alternation at a step, or the value of a number."""
    match node:
        case ast.Schedule() | ast.Alternation():
            return branch_at(node, step, steps)
        case ast.Stages() | ast.Turns() | ast.Curve():
            return number_at(node, step, steps)


def branch_at(node: ast.Schedule | ast.Alternation, step: int, steps: int) -> int:
    """Return the index of the branch at a step, one beyond the last for no branch."""
    match node:
        case ast.Schedule(branches, moments):
            passed = _passed(moments, step, steps)
            return passed if len(branches) > 1 else 1 - passed
        case ast.Alternation(branches, period):
            return _turn(period, step, steps) % len(branches)


def number_at(amount: ast.Amount, step: int, steps: int) -> float:
    """Return the value of a number slot at a step."""
    match amount:
        case ast.Stages(values, moments):
            return values[_passed(moments, step, steps)]
        case ast.Turns(values, period):
            return values[_turn(period, step, steps) % len(values)]
        case ast.Curve(values, moments):
            places = [
                moment.value * steps if moment.fraction else moment.value for moment in moments
            ]
            return _interpolated(step - 1, places, values)
        case _:
            return amount


def _interpolated(place: float, places: Sequence[float], values: Sequence[float]) -> float:
    if place <= places[0]:
        return values[0]
    for left, right, before, after in zip(places, places[1:], values, values[1:], strict=False):
        if left <= place < right:
            return before + (after - before) * (place - left) / (right - left)
    return values[-1]


def boundary(moment: ast.Moment, steps: int) -> int:
    """Return the last step before a change."""
    value = moment.value * steps if moment.fraction else moment.value
    return int(min(max(value, 0), steps))


def _passed(moments: Iterable[ast.Moment], step: int, steps: int) -> int:
    passed = 0
    for moment in moments:
        passed += step > boundary(moment, steps)
    return passed


def _turn(period: ast.Moment | None, step: int, steps: int) -> int:
    return (step - 1) // _length(period, steps)


def _length(period: ast.Moment | None, steps: int) -> int:
    return 1 if period is None else max(1, boundary(period, steps))


def interval_ends(changing: Iterable[StepDependentNode], steps: int) -> set[int]:
    """Return the last step of each interval."""
    ends = {steps}
    for node in changing:
        match node:
            case ast.Schedule(_, moments) | ast.Stages(_, moments):
                ends |= {boundary(moment, steps) for moment in moments}
            case ast.Alternation(_, period) | ast.Turns(_, period):
                ends |= set(range(0, steps, _length(period, steps)))
            case ast.Curve():
                ends |= set(range(steps))
    return ends - {0}
