"""The spelling of names and comments in prompts, as regular expressions."""

from __future__ import annotations

from typing import Final

COMMENT_START: Final = r"(?<!\S)\#(?=\s|\Z)"
"""The mark of a comment, between white space; in ``#1 fan`` it is a character."""

TOKEN_NAME: Final = r"\w(?:[\w.+/ '&!@~-]*[\w.+'!-])?"
"""A token's name, which may have folders, blanks and digits: ``SDXL/bad hands-2.1``."""

LORA_NAME: Final = r"(?=\S)(?:[^:<>\n\[\]]|\[[^:<>\n\[\]]*\])+(?<=\S)"
"""A LoRA's name as a tag may have it."""

TAG_KIND: Final = r"\w[\w-]*"
"""The first word of a tag: ``lora``."""

TAG: Final = rf"<{TAG_KIND}(?:\[[^\[\]<>\n]*\](?::[^<>\n]*)?|:[^<>\n]*)>"
"""A tag with fields, ``<lora:ink:1>``, or in SwarmUI's notation, ``<fromto[0.5]:cat,dog>``."""

_IN_LIST_NAME: Final = r'(?:[^\\(){}\[\]<>|:$#"\n_]|_(?!_)|\\(?=[^\W_])|\[[^\[\]|:\n]+\])'
_IN_SHORT_LIST_NAME: Final = r"(?:[^\W_]|_(?!_)|[*?./-])"

WILDCARD: Final = (
    rf"(?<![A-Za-zÀ-ɏ])__(?=[^\W_]|[*?\[]|_[^\W_]){_IN_LIST_NAME}+(?<![\s_])__"
    rf"|__(?=[^\W_]|[*?]){_IN_SHORT_LIST_NAME}+(?<!_)__"
)
"""A list of lines: ``__animals/big cats__``, ``__*/cats__``; after a letter without blanks."""
