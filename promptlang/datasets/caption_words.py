"""The words of captions, and a test for words that the model knows already."""

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
"""The number of CLIP's 48,894 merges, the most frequent first, whose words are not rare.

The merge of `sks` is number 47,624.
"""

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
"""Words that name no subject."""

_WORD: Final = re.compile(r"[^\W_]+")
_TAG: Final = re.compile(r"<[^<>]*>")


@cache
def known_words() -> frozenset[str]:
    """Return the words that are one token of CLIP each, without the rarest ones.

    The set is empty if the runtime is not installed.
    """
    file = clip_merges()
    if file is None:
        return frozenset()
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()[1:]
    words = ("".join(line.split()) for line in islice(lines, COMMON_TOKEN_COUNT))
    return frozenset(word.removesuffix(END_OF_WORD) for word in words if word.endswith(END_OF_WORD))


def is_known(word: str) -> bool:
    """Return whether the model knows all words of a trigger: ``red fox``, but not ``sks fox``."""
    return all(each in known_words() for each in _WORD.findall(word.lower()))


def split_words(caption: str) -> frozenset[str]:
    """Return the words of a caption in lower case, and its tokens in angle brackets."""
    text = "".join(segment.text for segment in parse_caption(caption, 0)).lower()
    return frozenset(_TAG.findall(text)) | frozenset(_WORD.findall(_TAG.sub(" ", text)))


def shared_words(captions: Iterable[str]) -> tuple[str, ...]:
    """Return the words that all captions have, without `STOP_WORDS`."""
    words = [split_words(caption) for caption in captions]
    return tuple(sorted(frozenset.intersection(*words) - STOP_WORDS)) if words else ()
