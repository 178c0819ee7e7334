"""Lines that are almost statements, and what they were meant to be."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from promptlang.grammar import vocabulary
from promptlang.source import Span
from promptlang.syntax.logical_lines import TWO_WORD_HEADS

MIN_SIMILARITY = 0.75
"""How alike two words are, from 0 to 1, if one may be a slip for the other."""

MAX_WORD_LENGTH = 300
"""The characters of a word that may be a slip; one that is longer is none of ours."""

_REMARK = re.compile(r"(?<=\S)\s{1,20}#(?:\s.*)?\Z", re.DOTALL)
_GAP = r"\s{1,20}"
_ALMOST_LET = re.compile(
    rf"[^\s=]{{1,9}}(?:{_GAP}(?P<name>[^\W\d][\w-]{{0,60}})?[^\s=]{{0,60}}(?:{_GAP}[^\s=]{{1,60}})?)?\s{{0,20}}=(?!=)"
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
    """The beginning of a line that is almost a statement, as it is written, and what it was meant to be."""
    text = _REMARK.sub("", line.text, count=1)
    everything = text.split(maxsplit=6)
    words = [word.lower() for word in everything[:2] if len(word) <= MAX_WORD_LENGTH]
    definition = _near_definition(text, words[0]) if words else None
    if definition is not None or len(words) != 2:
        return definition
    unsaid = _missing_kind(everything) or _assigned(text)
    if unsaid is not None:
        return unsaid
    settings = [("set", key) for key in vocabulary.SETTING_NAMES]
    candidates = [
        each for each in (*TWO_WORD_HEADS, *settings) if _continues_statement(everything, each[0])
    ]
    if not candidates:
        return None
    best, meant = max((_closeness(words, candidate), candidate) for candidate in candidates)
    return (_first_words(text), " ".join(meant)) if best >= MIN_SIMILARITY else None


def _near_definition(text: str, verb: str) -> tuple[str, str] | None:
    """``let = a``, ``LET a = b``, ``include my.pl``: `let there be light` and `include flowers` are prompts."""
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
    """``use emoji``, ``train ink from "photos"``"""
    match words:
        case ["use", name] if name in vocabulary.BUILTIN_MODELS or "/" in name:
            return f"use {name}", f"use model {name}"
        case ["train", name, "from", data, *_] if data.startswith('"') or name.startswith("<"):
            return f"train {name}", f"train {'ti' if name.startswith('<') else 'lora'} {name}"
        case _:
            return None


def _assigned(text: str) -> tuple[str, str] | None:
    """``set steps=30``"""
    found = _ASSIGNED.fullmatch(text)
    if found is None or found["key"].lower() not in vocabulary.SETTING_NAMES:
        return None
    return found.group(), f"set {found['key'].lower()} {found['value']}"


def _is_similar(word: str, meant: str) -> bool:
    return SequenceMatcher(None, word, meant).ratio() >= MIN_SIMILARITY


def _first_words(text: str) -> str:
    match = re.match(r"\S+\s+\S+", text)
    return match.group() if match else text


def _continues_statement(words: list[str], verb: str) -> bool:
    """Whether a line goes on as the statement would, so that `use lore from old books` stays a prompt."""
    match verb:
        case "train" | "merge" | "extract":
            return "from" in words[2:4]
        case "use":
            return len(words) == 3 or words[3:4] == ["as"]
        case _:
            return len(words) == 3 or (words[2:3] != [] and words[2].startswith('"'))


def _closeness(words: list[str], meant: tuple[str, ...]) -> float:
    """How alike the differing word is, where the other one is the same; 0 where neither is."""
    same = [a == b for a, b in zip(words, meant, strict=True)]
    if sum(same) != 1:
        return float(all(same))  # in capitals
    wrong = same.index(False)
    return SequenceMatcher(None, words[wrong], meant[wrong]).ratio()
