"""Which family of models an adapter's file is made for, by its keys and by the widths of its matrices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

SD1, SD2, SDXL, SD3, FLUX = (
    "Stable Diffusion 1",
    "Stable Diffusion 2",
    "SDXL",
    "Stable Diffusion 3",
    "Flux",
)

FAMILY_BY_WIDTH: Final[Mapping[int, str]] = {768: SD1, 1024: SD2, 1280: SDXL, 2048: SDXL}
"""Families by how wide the states of their text encoders are."""

FAMILY_BY_KEY_PATTERN: Final[Mapping[str, str]] = {
    r"double_blocks|single_blocks|single_transformer_blocks": FLUX,
    r"joint_blocks|attn[._]add_[qkv]_proj": SD3,
    r"lora_te[23]_|text_encoder_2\.|clip_g|(blocks_\d|put_blocks_\d+|middle_block)_\w*transformer_blocks_[1-9]": SDXL,
}
"""Families by what only their files have in their keys."""

FAMILY_BY_ARCHITECTURE: Final[Mapping[str, str]] = {
    "stable-diffusion-xl": SDXL,
    "sdxl": SDXL,
    "stable-diffusion-v1": SD1,
    "sd_v1": SD1,
    "stable-diffusion-v2": SD2,
    "sd_v2": SD2,
    "stable-diffusion-3": SD3,
    "sd3": SD3,
    "flux": FLUX,
}
"""Families by how the headers of their files call them."""

UNSUPPORTED_ALGORITHMS: Final[Mapping[str, str]] = {
    r"\.oft_|\.boft_": "OFT",
    r"\.on_input$": "IA3",
    r"\.[ab][12]\.weight$": "GLoRA",
    r"vera_lambda": "VeRA",
    r"lora_embedding_[AB]": "a LoRA of the token table",
}
"""Algorithms that are not read, by the ends of their keys."""

_DOWN = r"(?:down\.weight|lora_A\S*|hada_w1_b|\.diff)$"
_CROSS = re.compile(rf"attn2[._](?:processor[._])?to_[kv]\S*{_DOWN}")
_TEXT = re.compile(rf"self_attn[._][qkv]_proj\S*{_DOWN}")


def detect_family(shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]) -> str | None:
    """The family; None where nothing tells."""
    text = "\n".join(shapes)
    by_words = next(
        (name for words, name in FAMILY_BY_KEY_PATTERN.items() if re.search(words, text)), None
    )
    width = _width(shapes, _CROSS) or _width(shapes, _TEXT)
    return by_words or FAMILY_BY_WIDTH.get(width) or _architecture(metadata)


def _width(shapes: Mapping[str, tuple[int, ...]], words: re.Pattern[str]) -> int:
    """How wide the states are that such modules of the file read; 0 where it changes none of them."""
    return next(
        (shape[1] for key, shape in shapes.items() if words.search(key) and len(shape) > 1), 0
    )


def detect_unsupported_algorithm(keys: Iterable[str]) -> str | None:
    """The name of an algorithm that is not read."""
    return next(_kinds(keys), None)


def _kinds(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        yield from (name for words, name in UNSUPPORTED_ALGORITHMS.items() if re.search(words, key))


def _architecture(metadata: Mapping[str, str]) -> str | None:
    told = f"{metadata.get('modelspec.architecture', '')} {metadata.get('ss_base_model_version', '')}".lower()
    return next((name for word, name in FAMILY_BY_ARCHITECTURE.items() if word in told), None)
