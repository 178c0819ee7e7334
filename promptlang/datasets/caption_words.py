"""Which words name what the pictures show, and whether the model knows them already."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Final

from promptlang.plan.backend import clip_merges
from promptlang.prompts.captions import parse_caption
from promptlang.prompts.tokenizer import END_OF_WORD

COMMON_TOKEN_COUNT: Final = 40_000
"""Of CLIP's 48,894 merges, the most frequent first, those whose words are not rare; that of `sks` is number 47,624."""

STOP_WORDS: Final = frozenset(
    {
        *(
            "a",
            "an",
            "the",
            "this",
            "that",
            "its",
            "of",
            "in",
            "on",
            "at",
            "with",
            "and",
            "or",
            "to",
            "is",
            "are",
        ),
        *(
            "by",
            "from",
            "for",
            "as",
            "photo",
            "picture",
            "image",
            "drawing",
            "painting",
            "illustration",
            "style",
        ),
    }
)
"""Words that name nothing in particular."""

_WORD: Final = re.compile(r"[^\W_]+")
_TAG: Final = re.compile(r"<[^<>]*>")


@cache
def known_words() -> frozenset[str]:
    """The words that are a token of CLIP's each, but for its rarest; none where the runtime is not installed."""
    file = clip_merges()
    if file is None:
        return frozenset()
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()[1:]
    words = ("".join(line.split()) for line in islice(lines, COMMON_TOKEN_COUNT))
    return frozenset(word.removesuffix(END_OF_WORD) for word in words if word.endswith(END_OF_WORD))


def is_known(word: str) -> bool:
    """Whether all of a trigger's words are known: ``red fox``, but not ``sks fox``."""
    return all(each in known_words() for each in _WORD.findall(word.lower()))


def split_words(caption: str) -> frozenset[str]:
    """A caption's words in lower case, its tokens in angle brackets as they are."""
    text = "".join(segment.text for segment in parse_caption(caption, 0)).lower()
    return frozenset(_TAG.findall(text)) | frozenset(_WORD.findall(_TAG.sub(" ", text)))


def shared_words(captions: Iterable[str]) -> tuple[str, ...]:
    """The words that all captions have, but for `STOP_WORDS`."""
    found = [split_words(caption) for caption in captions]
    return tuple(sorted(frozenset.intersection(*found) - STOP_WORDS)) if found else ()
