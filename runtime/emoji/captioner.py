"""Captions by grammar.

`[lead] [size] [colour] [shape] NOUN [pose] [place], [filter] [set] style, background`: what is said
is chosen at random, and what is left unsaid varies in the pictures: that is what seeds are for. One
caption in ten is empty, for classifier-free guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from .colours import COLOURS, GRADES
from .composer import SIZES, Description, Subject
from .drawings import HEADS
from .filters import FILTERS
from .styles import WORDS
from .things import Thing, every_thing

SAID: Mapping[str, float] = {
    "style": 0.6,
    "filter": 0.8,
    "colour": 0.8,
    "shape": 0.8,
    "size": 0.7,
    "place": 0.6,
    "pose": 0.6,
    "background": 0.8,
    "white": 0.4,
}
"""The probability that a caption mentions each part, 0 to 1."""

EMPTY = 0.1

LEADS = ("", "", "", "", "a", "a", "a", "the", "one", "my", "an emoji of a", "a picture of a")
REQUESTS = ("please draw a", "a drawing of a", "draw the", "please draw my", "here is a")
FILLERS = ("cute", "nice", "old", "new", "lovely", "funny", "favourite", "beautiful", "simple")
"""Words that change nothing, so that they are learned to mean nothing."""

KINDS: Mapping[str, str] = {
    "face": "a face",
    "animal": "an animal",
    "plant": "a plant",
    "fruit": "fruit",
    "food": "food",
    "place": "a place",
    "weather": "weather",
    "vehicle": "a vehicle",
    "toy": "a toy",
    "clothing": "clothing",
    "object": "an object",
    "body": "part of a body",
    "creature": "a creature",
}
"""The phrase that names any thing of a kind."""


@dataclass(frozen=True, slots=True)
class Captioner:
    """Words descriptions, by the names of things."""

    things: Mapping[str, Thing]

    def caption(self, shown: Description, chance: Random) -> str:
        """Word a description; each time otherwise."""
        if chance.random() < EMPTY:
            return ""
        parts = [self._subject(shown, chance), _style(shown, chance), _background(shown, chance)]
        parts = [part for part in parts if part]
        if chance.random() < 0.25:
            chance.shuffle(parts)
        return ", ".join(parts)

    def _subject(self, shown: Description, chance: Random) -> str:
        first = self._phrase(shown.things[0], chance)
        words = _arranged(first, self._second(shown, chance), shown.arrangement, chance)
        if shown.arrangement == "three":
            words = f"three {plural(first)}" if first else "three"
        if shown.size and _says("size", chance):
            words = f"{_sized(shown.size, chance)} {words}"
        if chance.random() < 0.15:
            words = f"{chance.choice(FILLERS)} {words}"
        if shown.arrangement != "three":
            words = f"{_lead(words, chance)} {words}".strip()
        if shown.pose and _says("pose", chance):
            words += f" {shown.pose}"
        if shown.place and _says("place", chance):
            words += f" {chance.choice(('at', 'in'))} the {shown.place}"
        return words.strip()

    def _second(self, shown: Description, chance: Random) -> str:
        return self._phrase(shown.things[1], chance) if len(shown.things) > 1 else ""

    def _phrase(self, shown: Subject, chance: Random) -> str:
        """Name a thing with its colour and shape: `pale red square angry face`."""
        words = []
        if shown.colour and _says("colour", chance):
            words += [shown.grade] if shown.grade else []
            words.append(shown.colour)
        if shown.shape and _says("shape", chance):
            words.append(shown.shape)
        words.append(self._noun(self.things[shown.thing], chance))
        return " ".join(word for word in words if word)

    def _noun(self, thing: Thing, chance: Random) -> str:
        """Name a thing by its name (55 %), a synonym (25 %), its kind (10 %) or not at all."""
        lot = chance.random()
        if lot < 0.55 or (lot < 0.8 and not thing.synonyms):
            return thing.words
        if lot < 0.8:
            return chance.choice(thing.synonyms)
        if lot < 0.9:
            return KINDS[thing.kind].removeprefix("a ").removeprefix("an ")
        return ""


def captioner() -> Captioner:
    """Return the captioner of all things."""
    return Captioner({thing.words: thing for thing in every_thing()})


def _arranged(first: str, second: str, arrangement: str, chance: Random) -> str:
    """Join two things, the left or upper one being the first."""
    if not second:
        return first
    first = first or "something"
    if arrangement == "beside":
        form = chance.choice(
            ("{0} and {1}", "{0} and a {1}", "{0} left of {1}", "{1} right of {0}")
        )
    else:
        form = chance.choice(("{0} above {1}", "{0} above a {1}", "{1} below {0}"))
    return form.format(first, second)


def _sized(size: str, chance: Random) -> str:
    if chance.random() < 0.3:
        return {"tiny": "very small", "huge": "very big"}.get(size, size)
    return "large" if size == "big" and chance.random() < 0.3 else size


def _lead(words: str, chance: Random) -> str:
    lead = chance.choice(REQUESTS if chance.random() < 0.12 else LEADS)
    if lead.endswith("a") and words[:1] in tuple("aeiou"):
        return f"{lead}n"
    return lead


def _style(shown: Description, chance: Random) -> str:
    words = [" ".join(filter(None, each)) for each in shown.filters if _says("filter", chance)]
    if _says("style", chance):
        words.append(shown.style)
    if not words:
        return ""
    return chance.choice(("{} style", "{} style", "{} style", "in {} style", "{}")).format(
        " ".join(words)
    )


def _background(shown: Description, chance: Random) -> str:
    if not _says("white" if shown.background == "white" else "background", chance):
        return ""
    return chance.choice(("{} background", "{} background", "on a {} background", "on {}")).format(
        shown.background
    )


def _says(part: str, chance: Random) -> bool:
    return chance.random() < SAID[part]


def plural(words: str) -> str:
    """Write a phrase's last word in the plural."""
    if words.endswith(("s", "x", "ch", "sh")):
        return f"{words}es"
    if words.endswith("y") and words[-2:-1] not in "aeiou":
        return f"{words[:-1]}ies"
    return f"{words}s"


def vocabulary() -> tuple[str, ...]:
    """Collect every word that captions are made of, each once, in order of the alphabet."""
    return tuple(sorted({word for phrase in _phrases() for word in phrase.split()}))


def _phrases() -> Iterator[str]:
    for thing in every_thing():
        yield from (thing.words, plural(thing.words), *thing.synonyms)
    yield from (*KINDS.values(), *COLOURS, *GRADES, *HEADS, *SIZES, *WORDS, *FILTERS)
    yield from (*LEADS, *REQUESTS, *FILLERS, "style in on background blueprint fx sks")
    yield from ("thin thick very large three something and above below of at the",)
    yield from ("left right top bottom middle tilted upside down night sky sea grass sand snow",)
    yield from ("stripes checks gradient to",)
