"""A program as logical lines, each a statement or a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from promptlang.grammar import vocabulary
from promptlang.source import Source, Span

_HEADS = tuple(tuple(head.split()) for head in vocabulary.HEADS if " " in head)


def logical_lines(source: Source) -> Iterator[Span]:
    '''The lines of a program: each goes on over indented ones, and through an open ``"""``.'''
    start: int | None = None
    end = offset = 0
    in_string = False
    for line in source.text.splitlines(keepends=True):
        content = line.strip()
        fresh = not in_string and (start is None or not line[0].isspace() or not content)
        if fresh and start is not None:
            yield source.span(start, end)
            start = None
        if content and (in_string or not _is_comment(line, going_on=start is not None)):
            start = offset + len(line) - len(line.lstrip()) if start is None else start
            end = offset + len(line.rstrip())
            in_string ^= content.count('"""') % 2 == 1
        offset += len(line)
    if start is not None:
        yield source.span(start, end)


def _is_comment(line: str, *, going_on: bool) -> bool:
    """``#use model emoji`` is one, too; on a line that goes on another, `#1 fan` is text."""
    content = line.strip()
    return content[0] == "#" and (not going_on or content[1:2].strip() == "")


_LET = re.compile(r"let\s+[^\W\d][\w-]*\s*(?:\([^)]*\))?\s*=(?!=)")

_REMARK = r"(?:(?<=\s)#(?:\s.*)?|\s+#(?:\s.*)?)?"

_ONE_WORD = {
    "convert": re.compile(rf"convert\s+\S+\s+to\s+\S+(?:\s+--\S.*)?{_REMARK}", re.DOTALL),
    "caption": re.compile(r"caption\s+(?:\"|\S*[/.]\S*\s*(?:--.*)?\Z)", re.DOTALL),
    "validate": re.compile(rf"validate\s+[^\s,]+\s*(?:\s--.*)?{_REMARK}", re.DOTALL),
    "plot": re.compile(rf"plot\s+[^\s,]+\s*(?:\s--.*)?{_REMARK}", re.DOTALL),
    "include": re.compile(rf"include\s+(?:\"[^\"]*\"?|\S+\.(?:pl|plang))\s*{_REMARK}", re.DOTALL),
}
"""The heads of one word are English words too: what follows must look like the rest of the statement."""


NEAR = 0.75
"""How alike two words are, from 0 to 1, if one may be a slip for the other."""

LONGEST = 300
"""The characters of a word that may be a slip; one that is longer is none of ours."""

_GAP = r"\s{1,20}"
_ALMOST_LET = re.compile(
    rf"[^\s=]{{1,9}}(?:{_GAP}(?P<name>[^\W\d][\w-]{{0,60}})?[^\s=]{{0,60}}(?:{_GAP}[^\s=]{{1,60}})?)?\s{{0,20}}=(?!=)"
)
_LET_ALONE = re.compile(rf"let{_GAP}(?P<name>[^\W\d][\w-]{{0,60}})")
_ALMOST_INCLUDE = re.compile(rf"\S{{1,12}}{_GAP}[\"']?(?P<file>[^\"']{{0,300}}\.(?:pl|plang))[\"']?(?!\S).*", re.DOTALL)
_INCLUDE_ALONE = re.compile(rf"include{_GAP}(?=\S{{0,300}}[./'])[\"']?(?P<file>[^\s\"']+)[\"']?")


def head(line: Span) -> str | None:
    """The statement that a line is by its first words, None for a prompt."""
    text = line.text
    words = text.split(maxsplit=2)
    if tuple(words[:2]) in _HEADS:
        return " ".join(words[:2])
    if len(words) < 2:
        return None
    if words[0] == "let" and _LET.match(text):
        return "let"
    if words[0] == "set" and words[1] in vocabulary.SETTINGS:
        return "set"
    shape = _ONE_WORD.get(words[0])
    if shape is not None and (shape.match(text) if words[0] == "caption" else shape.fullmatch(text)):
        return words[0]
    return "render" if words[0] == "render" else None


def near_head(line: Span) -> tuple[str, str] | None:
    """The beginning of a line that is almost a statement, as it is written, and what it was meant to be."""
    everything = line.text.split(maxsplit=6)
    words = [word.lower() for word in everything[:2] if len(word) <= LONGEST]
    definition = _near_definition(line.text, words[0]) if words else None
    if definition is not None or len(words) != 2:
        return definition
    settings = [("set", key) for key in vocabulary.SETTINGS]
    candidates = [each for each in (*_HEADS, *settings) if _goes_on(everything, each[0])]
    if not candidates:
        return None
    best, meant = max((_closeness(words, candidate), candidate) for candidate in candidates)
    return (_first_words(line.text), " ".join(meant)) if best >= NEAR else None


def _near_definition(text: str, verb: str) -> tuple[str, str] | None:
    """``let = a``, ``LET a = b``, ``include my.pl``: `let there be light` and `include flowers` are prompts."""
    if _alike(verb.partition("=")[0], "let"):
        almost = _ALMOST_LET.match(text) or (_LET_ALONE.fullmatch(text) if verb == "let" else None)
        return (almost.group().rstrip(), f"let {almost['name'] or 'name'} = …") if almost else None
    if _alike(verb, "include"):
        file = _ALMOST_INCLUDE.fullmatch(text) or (_INCLUDE_ALONE.fullmatch(text) if verb == "include" else None)
        return (file.group(), f'include "{file["file"]}"') if file else None
    return None


def _alike(word: str, meant: str) -> bool:
    return SequenceMatcher(None, word, meant).ratio() >= NEAR


def _first_words(text: str) -> str:
    match = re.match(r"\S+\s+\S+", text)
    return match.group() if match else text


def _goes_on(words: list[str], verb: str) -> bool:
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


_OPTIONS = re.compile(r"(?<!\S)--(?=[A-Za-z])")


def split_options(line: Span) -> tuple[Span, Span]:
    """A prompt's line as the prompt and its options, which begin at the first ``--word``."""
    found = _OPTIONS.search(line.source.text, line.start, line.end)
    cut = found.start() if found else line.end
    prompt_end = line.start + len(line.source.text[line.start : cut].rstrip())
    return line.source.span(line.start, prompt_end), line.source.span(cut, line.end)


def after_word(line: Span) -> Span:
    """What follows a line's first word."""
    match = re.match(r"\S+\s*", line.text)
    return line.source.span(line.start + (match.end() if match else 0), line.end)
