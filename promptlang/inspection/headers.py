"""What the header of a safetensors file says of an adapter: trigger words, bundled tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from promptlang.files import (
    SafetensorsHeader,
    UnreadableFileError,
    as_object,
    parse_json,
    read_safetensors_header,
)

BUNDLED_TOKEN_PREFIX: Final = "bundle_emb."
"""The beginning of the keys of a token that is bundled with a LoRA."""

VECTOR_ENDINGS: Final = ("string_to_param.*", "emb_params", "clip_l", "clip_g")
"""The ends of the keys of tokens' vectors: of A1111, of kohya's tools, and of SDXL."""

OUTPUT_ENDING: Final = "_out"
"""The end of the keys of OneTrainer's vectors for the output of a text encoder: ``clip_l_out``."""

_NOTHING: Final = SafetensorsHeader(MappingProxyType({}), MappingProxyType({}))


def trigger_words(file: Path) -> str:
    """Return the words that call a LoRA up, or an empty text.

    They are ModelSpec's trigger phrase, or else the names of kohya's folders (``10_sks dog``).
    """
    metadata = _header_or_nothing(file).metadata
    phrase = metadata.get("modelspec.trigger_phrase") or metadata.get("ss_trigger_words")
    return phrase or ", ".join(dict.fromkeys(_subjects(metadata)))


def _subjects(metadata: Mapping[str, str]) -> Iterator[str]:
    try:
        folders = as_object(parse_json(metadata.get("ss_tag_frequency", "{}")))
    except UnreadableFileError:
        return
    for folder in folders:
        match = re.fullmatch(r"\d+_(.+)", folder)
        if match:
            yield match[1].strip()


def bundled_tokens(file: Path) -> frozenset[str]:
    """Return the tokens that are bundled with a LoRA, without their brackets."""
    names = (
        split_bundled_key(key)[0]
        for key in _header_or_nothing(file).tensors
        if key.startswith(BUNDLED_TOKEN_PREFIX)
    )
    return frozenset(name.strip("<>") for name in names)


def split_bundled_key(key: str) -> tuple[str, str]:
    """Split ``bundle_emb.<my.dog>.clip_l`` into the token and the ending behind its last point.

    A token may have points in its name, and so has the ending ``string_to_param.*``.
    """
    name = key.removeprefix(BUNDLED_TOKEN_PREFIX)
    ending = next(
        (each for each in VECTOR_ENDINGS if name.endswith(f".{each}")), name.rpartition(".")[2]
    )
    return name.removesuffix(ending).removesuffix("."), ending


def _header_or_nothing(file: Path) -> SafetensorsHeader:
    try:
        state = file.stat()
        return _known(file, state.st_mtime_ns, state.st_size)
    except (OSError, UnreadableFileError):
        return _NOTHING


@lru_cache(maxsize=1024)
def _known(file: Path, _changed: int, _size: int) -> SafetensorsHeader:
    """Read a header once: a rule and the plan of each picture of a sweep ask for the same one."""
    return read_safetensors_header(file)
