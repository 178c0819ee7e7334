"""Suggestions for lines that are almost statements."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from promptlang.grammar import choices
from promptlang.source import Span
from promptlang.syntax.logical_lines import TWO_WORD_HEADS, setting_names

MIN_SIMILARITY = 0.75
"""The least similarity, from 0 to 1, of a misspelled word to the word that is meant."""

MAX_WORD_LENGTH = 300
"""The greatest length, in characters, of a word that may be a misspelled one."""

_COMMENT = re.compile(r"(?<=\S)\s{1,20}#(?:\s.*)?\Z", re.DOTALL)
_GAP = r"\s{1,20}"
_ALMOST_LET = re.compile(
    rf"[^\s=]{{1,9}}"
    rf"(?:{_GAP}(?P<name>[^\W\d][\w-]{{0,60}})?[^\s=]{{0,60}}(?:{_GAP}[^\s=]{{1,60}})?)?"
    r"\s{0,20}=(?!=)"
)
_LET_ALONE = re.compile(rf"let{_GAP}(?P<name>[^\W\d][\w-]{{0,60}})")
_ALMOST_INCLUDE = re.compile(
    rf"\S{{1,12}}{_GAP}[\"']?(?P<file>[^\"']{{0,300}}\.(?:pl|plang))[\"']?(?!\S).*", re.DOTALL
)
_INCLUDE_ALONE = re.compile(rf"include{_GAP}(?=\S{{0,300}}[./'])[\"']?(?P<file>[^\s\"']+)[\"']?")
_ASSIGNED = re.compile(
    r"set\s+(?P<key>[A-Za-z][\w-]*)\s*[=:]\s*(?P<value>\S.{0,300})", re.DOTALL | re.IGNORECASE
)


def suggest_statement(line: Span) -> tuple[str, str] | None:
    """Return the start of a line that is almost a statement, and the text that is meant."""
    text = _COMMENT.sub("", line.text, count=1)
    everything = text.split(maxsplit=6)
    words = [word.lower() for word in everything[:2] if len(word) <= MAX_WORD_LENGTH]
    definition = _near_definition(text, words[0]) if words else None
    if definition is not None or len(words) != 2:
        return definition
    completed = _missing_kind(everything) or _assigned(text)
    if completed is not None:
        return completed
    settings = [("set", key) for key in setting_names()]
    candidates = [
        each for each in (*TWO_WORD_HEADS, *settings) if _continues_statement(everything, each[0])
    ]
    if not candidates:
        return None
    best, meant = max((_closeness(words, candidate), candidate) for candidate in candidates)
    return (_first_words(text), " ".join(meant)) if best >= MIN_SIMILARITY else None


def _near_definition(text: str, verb: str) -> tuple[str, str] | None:
    """Suggest a statement for ``let = a``, ``LET a = b`` or ``include my.pl``.

    ``let there be light`` and ``include flowers`` are prompts.
    """
    if _is_similar(verb.partition("=")[0], "let"):
        almost = _ALMOST_LET.match(text) or (_LET_ALONE.fullmatch(text) if verb == "let" else None)
        return (almost.group().rstrip(), f"let {almost['name'] or 'name'} = …") if almost else None
    if _is_similar(verb, "include"):
        file = _ALMOST_INCLUDE.fullmatch(text) or (
            _INCLUDE_ALONE.fullmatch(text) if verb == "include" else None
        )
        return (file.group(), f'include "{file["file"]}"') if file else None
    return None


def _missing_kind(words: list[str]) -> tuple[str, str] | None:
    """Suggest the second word of ``use emoji`` or ``train ink from "photos"``."""
    match words:
        case ["use", name] if name in choices.BUILTIN_MODELS or "/" in name:
            return f"use {name}", f"use model {name}"
        case ["train", name, "from", data, *_] if data.startswith('"') or name.startswith("<"):
            return f"train {name}", f"train {'ti' if name.startswith('<') else 'lora'} {name}"
        case _:
            return None


def _assigned(text: str) -> tuple[str, str] | None:
    """Suggest ``set steps 30`` for ``set steps=30``."""
    assigned = _ASSIGNED.fullmatch(text)
    if assigned is None or assigned["key"].lower() not in setting_names():
        return None
    return assigned.group(), f"set {assigned['key'].lower()} {assigned['value']}"


def _is_similar(word: str, meant: str) -> bool:
    return SequenceMatcher(None, word, meant).ratio() >= MIN_SIMILARITY


def _first_words(text: str) -> str:
    match = re.match(r"\S+\s+\S+", text)
    return match.group() if match else text


def _continues_statement(words: list[str], verb: str) -> bool:
    """Return whether the rest of a line fits: `use lore from old books` is a prompt."""
    match verb:
        case "train" | "merge" | "extract":
            return "from" in words[2:4]
        case "use":
            return len(words) == 3 or words[3:4] == ["as"]
        case _:
            return len(words) == 3 or (words[2:3] != [] and words[2].startswith('"'))


def _closeness(words: list[str], meant: tuple[str, ...]) -> float:
    """Return the similarity of the one differing word, or 0 if both words differ."""
    same = [a == b for a, b in zip(words, meant, strict=True)]
    if sum(same) != 1:
        return float(all(same))  # both are the same in lower case
    wrong = same.index(False)
    return SequenceMatcher(None, words[wrong], meant[wrong]).ratio()
