"""Checks of the values of a record, which a stranger may have written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from promptlang.files import Json, as_number
from promptlang.grammar import choices, vocabulary

MAX_SIDE: Final = 2**14
"""The longest side of a picture, in pixels."""

MAX_BATCH: Final = 1000
MAX_WEIGHT: Final = 1e6


class WrongValueError(ValueError):
    """A value of another type, or out of its range; the message names it."""


Check = Callable[[Json], bool]


def is_number(low: float, high: float) -> Check:
    """Return the check for a finite number in a range."""

    def check(value: Json) -> bool:
        number = as_number(value)
        return number is not None and low <= number <= high

    return check


def is_whole(low: int, high: int) -> Check:
    """Return the check for a whole number in a range."""

    def check(value: Json) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return check


def is_one_of(*known: str | None) -> Check:
    """Return the check for one of some words."""

    def check(value: Json) -> bool:
        return (value is None or isinstance(value, str)) and value in known

    return check


def is_text(value: Json) -> bool:
    """Return whether a value is a text."""
    return isinstance(value, str)


def is_true_or_false(value: Json) -> bool:
    """Return whether a value is a truth value."""
    return isinstance(value, bool)


def require(content: Mapping[str, Json], checks: Mapping[str, Check]) -> None:
    """Raise `WrongValueError` for the first value that is missing or fails its check."""
    for name, check in checks.items():
        if name not in content or not check(content[name]):
            raise WrongValueError(name)


def _option(name: str, whole: bool = False) -> Check:
    known = vocabulary.get_options("prompt")[name]
    assert known.low is not None
    assert known.high is not None
    return is_whole(int(known.low), int(known.high)) if whole else is_number(known.low, known.high)


def _numbers(value: Json) -> bool:
    return isinstance(value, list) and all(map(_option("cfg"), value))


RENDER: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "text": is_text,
        "negative_text": is_text,
        "emphasis": is_one_of(*choices.EMPHASES),
        "clip_skip": _option("clip-skip", whole=True),
        "seed": _option("seed", whole=True),
        "steps": _option("steps", whole=True),
        "cfg": _option("cfg"),
        "sampler": is_one_of(*choices.SAMPLERS),
        "scheduler": is_one_of(*choices.SCHEDULERS),
        "eta": _option("eta"),
        "strength": _option("strength"),
        "hires": _option("hires"),
        "cfg_by_step": _numbers,
    }
)
"""Texts and numbers of a render."""

COMPUTING: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "precision": is_one_of(None, *choices.PRECISIONS),
        "device": is_one_of(*choices.DEVICES),
        "memory": is_one_of("normal", "low"),
    }
)

AREA: Final[Mapping[str, Check]] = MappingProxyType(
    dict.fromkeys(("left", "right", "top", "bottom", "feather"), is_number(0, 1))
)

_weight = is_number(-MAX_WEIGHT, MAX_WEIGHT)


def check_render(render: Mapping[str, Any]) -> None:
    """Raise `WrongValueError` unless all values of a render have their types and ranges."""
    require(render, RENDER)
    steps = render["steps"]
    if len(render["cfg_by_step"]) not in (0, steps):
        raise WrongValueError("cfg_by_step")
    computing = render.get("computing")
    if not isinstance(computing, dict) or set(computing) - set(COMPUTING):
        raise WrongValueError("computing")
    require({**_COMPUTING_DEFAULTS, **computing}, COMPUTING)
    for name in ("prompt", "negative"):
        parts = render.get(name)
        if not isinstance(parts, list) or not parts:
            raise WrongValueError(name)
        for part in parts:
            _check_part(name, part, steps)


_COMPUTING_DEFAULTS: Final = {"precision": None, "device": "auto", "memory": "normal"}


def _check_part(name: str, part: Any, steps: int) -> None:
    match part:
        case {"weight": weight, "area": area, "intervals": [*intervals]} if intervals:
            is_right = _weight(weight) and _is_area(area)
        case _:
            raise WrongValueError(name)
    before = 0
    for each in intervals:
        is_right = is_right and _is_interval(each)
        if not is_right or not before < each["until"]:
            raise WrongValueError(name)
        before = each["until"]
    if before < steps:
        raise WrongValueError(name)


def _is_area(area: Any) -> bool:
    if area is None:
        return True
    is_whole_area = isinstance(area, dict) and set(area) == set(AREA)
    return is_whole_area and all(check(area[name]) for name, check in AREA.items())


_until = is_whole(1, 100_000)


def _is_interval(interval: Any) -> bool:
    match interval:
        case {"until": until, "segments": [*segments], "loras": [*loras]}:
            weight = interval.get("weight")
            return (
                _until(until)
                and (weight is None or _weight(weight))
                and all(_is_use(each, 1) for each in segments)
                and all(_is_use(each, 2) for each in loras)
            )
        case _:
            return False


def _is_use(value: Json, numbers: int) -> bool:
    """Return whether a value is a text followed by some numbers."""
    if not isinstance(value, list) or len(value) != numbers + 1:
        return False
    return isinstance(value[0], str) and all(map(_weight, value[1:]))
