"""A second reader of prompts that works in stages on text, as A1111 does.

It is slow and simple, and shares no structure with the parser that it is compared with. It cuts out
tags and splits the text at AND; for each step it replaces the schedules by their text at that step,
and reads the rest for weights. Brackets and bars inside a schedule follow the reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*\Z")
Weighed = list[list[str | float]]


def resolve(text: str, steps: int) -> list[tuple[float, list[tuple[int, Weighed]]]]:
    """For each part: its weight, and until which step which segments hold."""
    text = re.sub(r"<\w+:[^>]+>", "", text)
    parts = re.split(r"\bAND\b", text)
    found = []
    for part in parts:
        weight, content = 1.0, part.rstrip()
        match = re.search(r"\s*(?<!\\):\s*([-+]?(?:\d+\.?|\d*\.\d+))\Z", content)
        if match and len(parts) > 1:
            weight, content = float(match[1]), content[: match.start()]
        ends = sorted({steps, *Scheduled(content, steps).ends})
        found.append(
            (weight, [(end, attention(Scheduled(content, steps).at(end))) for end in ends])
        )
    return found


@dataclass
class Scheduled:
    """A part's text, whose schedules are replaced."""

    text: str
    steps: int
    step: int = 1
    found: set[int] = field(default_factory=set)

    @property
    def ends(self) -> set[int]:
        """The steps after which the text may change."""
        self._all(self.text)
        return self.found

    def at(self, step: int) -> str:
        """The text that holds during a step."""
        self.step = step
        return self._all(self.text)

    def _all(self, text: str) -> str:
        out, at = "", 0
        while at < len(text):
            if text[at] == "\\":
                out, at = out + text[at : at + 2], at + 2
                continue
            end = closing(text, at) if text[at] in "[(" else None
            if end is None:
                out, at = out + text[at], at + 1
            else:
                inner = text[at + 1 : end]
                out += self._square(inner) if text[at] == "[" else f"({self._all(inner)})"
                at = end + 1
        return out

    def _square(self, inner: str) -> str:
        bars, colons = split(inner, "|"), split(inner, ":")
        if len(bars) > 1:
            return self._alternation(bars)
        if len(colons) in (2, 3) and NUMBER.match(colons[-1]):
            return self._schedule(["", *colons][-3:-1], colons[-1])
        return f"[{self._all(inner)}]"

    def _schedule(self, phases: list[str], written: str) -> str:
        value = float(written)
        end = min(self.steps, int(value * self.steps if "." in written else value))
        self.found |= {end} if end >= 1 else set()
        before, after = self._all(phases[0]), self._all(phases[1])
        return before if self.step <= end else after

    def _alternation(self, options: list[str]) -> str:
        *start, period = split(options[-1], ":")
        every = 1
        if start and NUMBER.match(period):
            options = [*options[:-1], ":".join(start)]
            every = max(
                1, min(self.steps, int(float(period) * (self.steps if "." in period else 1)))
            )
        self.found |= set(range(1, self.steps + 1))
        texts = [self._all(option) for option in options]
        return texts[(self.step - 1) // every % len(texts)]


def closing(text: str, start: int) -> int | None:
    """Where a bracket closes, if everything in it is nested in one way only."""
    stack, at = "", start
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in "([":
            stack += {"(": ")", "[": "]"}[text[at]]
        elif text[at] in ")]":
            if not stack.endswith(text[at]):
                return None
            stack = stack[:-1]
            if not stack:
                return at
        at += 1
    return None


def split(text: str, mark: str) -> list[str]:
    """The fields between marks that are in no bracket."""
    fields, at, start = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in "([":
            at = closing(text, at) or at
        elif text[at] == mark:
            fields.append(text[start:at])
            start = at + 1
        at += 1
    return [*fields, text[start:]]


TOKEN = re.compile(r"\\[()\[\]\\:|{}<>$#]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")


def attention(text: str) -> Weighed:
    """Texts with weights; a weight is multiplied when its bracket closes."""
    found: Weighed = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for match in TOKEN.finditer(text):
        token = match.group()
        bracket = "(" if token[-1] == ")" and token[0] != "\\" else "["
        weight = float(match[1]) if match[1] is not None and is_number(match[1]) else None
        if token in "([":
            opened[token].append(len(found))
        elif token[0] == "\\":
            found.append([token[1:], 1.0])
        elif token[-1] in ")]" and opened[bracket]:
            if token[0] == ":" and weight is None:
                found.append([token[:-1], 1.0])
            factor = 1.1 if bracket == "(" else 1 / 1.1
            multiply(found, opened[bracket].pop(), factor if weight is None else weight)
        else:
            for index, piece in enumerate(re.split(r"\s*\bBREAK\b\s*", token)):
                found += [["BREAK", -1.0]] if index else []
                found.append([piece, 1.0])
    for bracket, factor in (("(", 1.1), ("[", 1 / 1.1)):
        for start in opened[bracket]:
            multiply(found, start, factor)
    return merged(found)


def is_number(text: str) -> bool:
    """Whether Python reads it as one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def multiply(found: Weighed, start: int, factor: float) -> None:
    """Weigh all that stands after a place."""
    for segment in found[start:]:
        if segment[0] != "BREAK":
            segment[1] = float(segment[1]) * factor


def merged(found: Weighed) -> Weighed:
    """Neighbours of equal weight as one."""
    out: Weighed = []
    for text, weight in found:
        if out and out[-1][1] == weight and "BREAK" not in (text, out[-1][0]):
            out[-1] = [str(out[-1][0]) + str(text), weight]
        else:
            out.append([text, weight])
    return out
