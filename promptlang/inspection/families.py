"""The registry of model families: names, widths and key patterns, without torch.

`promptlang info` and the reader of adapters recognise a family by these facts,
`runtime.models.families` adds the networks, and a training writes the names into its results.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFacts:
    """Facts about a family of models that need no network to be known."""

    name: str
    header_names: tuple[str, ...]
    """Words in `modelspec.architecture` and `ss_base_model_version`, in lower case."""
    context_width: int | None = None
    """Channels of the states that the UNet reads; None for a family without UNet."""
    text_encoder_widths: tuple[int, ...] = ()
    """Channels of each text encoder's hidden states."""
    adapter_keys: str = ""
    """A regular expression for keys that only the family's adapters have."""
    kohya_version: str = ""
    """The value of kohya's `ss_base_model_version`."""
    architecture: str = ""
    """The value of ModelSpec's `modelspec.architecture`."""
    velocity_architecture: str = ""
    """The same for models that predict velocity, where they have a name of their own."""
    pipelines: frozenset[str] = frozenset()
    """The `_class_name`s in the `model_index.json` of the family's folders in diffusers' layout."""
    checkpoint_type: str = ""
    """The name that diffusers' `infer_diffusers_model_type` has for the family's single files."""


SD1_FACTS: Final = FamilyFacts(
    name="Stable Diffusion 1",
    header_names=("stable-diffusion-v1", "sd_v1"),
    context_width=768,
    text_encoder_widths=(768,),
    kohya_version="sd_v1",
    architecture="stable-diffusion-v1",
    pipelines=frozenset({"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"}),
    checkpoint_type="v1",
)
SD2_FACTS: Final = FamilyFacts(
    name="Stable Diffusion 2",
    header_names=("stable-diffusion-v2", "sd_v2"),
    context_width=1024,
    text_encoder_widths=(1024,),
    kohya_version="sd_v2",
    architecture="stable-diffusion-v2-512",
    velocity_architecture="stable-diffusion-v2-768-v",
    pipelines=frozenset({"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"}),
    checkpoint_type="v2",
)
SDXL_FACTS: Final = FamilyFacts(
    name="SDXL",
    header_names=("stable-diffusion-xl", "sdxl"),
    context_width=2048,
    text_encoder_widths=(768, 1280),
    adapter_keys=(
        r"lora_te[23]_|text_encoder_2\.|clip_g"
        r"|(blocks_\d|put_blocks_\d+|middle_block)_\w*transformer_blocks_[1-9]"
    ),
    kohya_version="sdxl_base_v1-0",
    architecture="stable-diffusion-xl-v1-base",
    pipelines=frozenset({"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"}),
    checkpoint_type="xl_base",
)
SD3_FACTS: Final = FamilyFacts(
    name="Stable Diffusion 3",
    header_names=("stable-diffusion-3", "sd3"),
    adapter_keys=r"joint_blocks|attn[._]add_[qkv]_proj",
)
FLUX_FACTS: Final = FamilyFacts(
    name="Flux",
    header_names=("flux",),
    adapter_keys=r"double_blocks|single_blocks|single_transformer_blocks",
)

KNOWN_FAMILIES: Final = (FLUX_FACTS, SD3_FACTS, SDXL_FACTS, SD2_FACTS, SD1_FACTS)
"""Newest first: an adapter of a newer family may have keys of an older one beside its own."""

UNSUPPORTED_ALGORITHMS: Final[Mapping[str, str]] = {
    r"\.oft_|\.boft_": "OFT",
    r"\.on_input$": "IA3",
    r"\.[ab][12]\.weight$": "GLoRA",
    r"vera_lambda": "VeRA",
    r"lora_embedding_[AB]": "a LoRA of the token table",
}
"""Names of adapter algorithms that cannot be read, by a pattern of their keys."""

_DOWN = r"(?:down\.weight|lora_A\S*|hada_w1_b|\.diff)$"
_CROSS_ATTENTION = re.compile(rf"attn2[._](?:processor[._])?to_[kv]\S*{_DOWN}")
_TEXT_ENCODER = re.compile(rf"self_attn[._][qkv]_proj\S*{_DOWN}")


def find_family_by_context(width: int) -> FamilyFacts | None:
    """Return the family whose UNet reads states of a width."""
    return next((each for each in KNOWN_FAMILIES if each.context_width == width), None)


def find_family_by_width(width: int) -> FamilyFacts | None:
    """Return the family whose UNet reads states of a width, or else whose text encoder has it."""
    by_encoder = (each for each in KNOWN_FAMILIES if width in each.text_encoder_widths)
    return find_family_by_context(width) or next(by_encoder, None)


def detect_family(
    shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]
) -> FamilyFacts | None:
    """Return the family that an adapter is made for, or None if nothing in the file tells.

    `shapes` are those of the tensors by their keys. The keys decide, else the widths of the layers
    that read a text encoder's states, else the names in the header.
    """
    keys = "\n".join(shapes)
    by_keys = (
        each for each in KNOWN_FAMILIES if each.adapter_keys and re.search(each.adapter_keys, keys)
    )
    width = _input_width(shapes, _CROSS_ATTENTION) or _input_width(shapes, _TEXT_ENCODER)
    return next(by_keys, None) or find_family_by_width(width) or _named_in(metadata)


def _input_width(shapes: Mapping[str, tuple[int, ...]], pattern: re.Pattern[str]) -> int:
    """Return the number of input channels of the first layer with such a key, or 0."""
    return next(
        (shape[1] for key, shape in shapes.items() if pattern.search(key) and len(shape) > 1), 0
    )


def _named_in(metadata: Mapping[str, str]) -> FamilyFacts | None:
    names = (metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version"))
    header = " ".join(names).lower()
    return next(
        (each for each in KNOWN_FAMILIES if any(word in header for word in each.header_names)), None
    )


def detect_unsupported_algorithm(keys: Iterable[str]) -> str | None:
    """Return the name of an algorithm that cannot be read, if a key is of one."""
    return next(_unsupported_algorithms(keys), None)


def _unsupported_algorithms(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        yield from (
            name for pattern, name in UNSUPPORTED_ALGORITHMS.items() if re.search(pattern, key)
        )
