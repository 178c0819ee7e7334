"""Tokenizers without torch: CLIP's byte-pair encoding, read from a model's `merges.txt`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from unicodedata import normalize

from promptlang.grammar import names
from promptlang.plan.backend import tokenizer_folder

END_OF_WORD = "</w>"

_WORD = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)
_EMBEDDING = re.compile(rf"(<{names.TOKEN_NAME}>)")


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A tokenizer whose tokens are texts, and its description."""

    name: str
    tokenize: Callable[[str], Sequence[str]]
    exact: bool
    """True for a model's own; False for an estimate."""


ESTIMATED_TOKENIZER = Tokenizer(
    "estimated: a word or a mark is a token", re.compile(r"\w+|[^\w\s]").findall, exact=False
)


def default_tokenizer() -> Tokenizer:
    """Return the built-in model's tokenizer, or an estimate if the model is not installed."""
    folder = tokenizer_folder()
    return ESTIMATED_TOKENIZER if folder is None else clip_tokenizer(folder, "emoji")


@cache
def clip_tokenizer(folder: Path, name: str) -> Tokenizer:
    """Read a model's tokenizer from its folder. Raises OSError without a `merges.txt`."""
    merges = (folder / "merges.txt").read_text("utf-8").splitlines()
    pairs = (line.split() for line in merges if line and not line.startswith("#version"))
    ranks = {(first, second): at for at, (first, second) in enumerate(pairs)}
    return Tokenizer(f"those of the model `{name}`", _Encoder(ranks).tokens, exact=True)


@dataclass(frozen=True, slots=True)
class _Encoder:
    """Byte-pair encoding, which repeatedly merges the pair of the lowest rank in a word."""

    ranks: Mapping[tuple[str, str], int]

    def tokens(self, text: str) -> list[str]:
        """Return the tokens as texts; ``<name>`` is one, since its vectors are unknown."""
        return [token for piece in _EMBEDDING.split(text) for token in self._piece(piece)]

    def _piece(self, piece: str) -> Iterator[str]:
        if _EMBEDDING.fullmatch(piece):
            yield piece
            return
        for word in _words(normalize("NFC", piece).lower()):
            for token in self._merged([*_letters(word.encode(errors="replace"))]):
                yield _readable(token)

    def _merged(self, parts: list[str]) -> list[str]:
        parts[-1] += END_OF_WORD
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            parts = _joined(parts, best)
        return parts


def _joined(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    at = 0
    while at < len(parts):
        both = tuple(parts[at : at + 2]) == pair
        joined.append(parts[at] + parts[at + 1] if both else parts[at])
        at += 1 + both
    return joined


def _words(text: str) -> Iterator[str]:
    """Yield words, single digits (``½`` is one, too), and sequences of other characters."""
    for word in _WORD.findall(text):
        if word.isalpha() or not word[0].isalnum():
            yield word
        else:
            for alphabetic, group in groupby(word, str.isalpha):
                letters = "".join(group)
                yield from (letters,) if alphabetic else letters


# Bytes as letters: printable Latin 1 stands for itself, other bytes are letters from 256 on.

_PRINTABLE_BYTES = [
    *range(ord("!"), ord("~") + 1),
    *range(ord("¡"), ord("¬") + 1),
    *range(ord("®"), ord("ÿ") + 1),
]
_OTHER_BYTES = [byte for byte in range(256) if byte not in _PRINTABLE_BYTES]
_LETTER = {byte: chr(byte) for byte in _PRINTABLE_BYTES} | {
    byte: chr(256 + at) for at, byte in enumerate(_OTHER_BYTES)
}
_BYTE = {letter: byte for byte, letter in _LETTER.items()}


def _letters(word: bytes) -> Iterator[str]:
    return (_LETTER[byte] for byte in word)


def _readable(token: str) -> str:
    text = token.removesuffix(END_OF_WORD)
    return bytes(_BYTE[letter] for letter in text).decode(errors="replace")
