"""The model's card, written from what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from . import checks
from .filters import FILTERS
from .packages import PACKAGES
from .styles import SETS
from .things import every_thing
from .variants import Variant

LICENCES: Mapping[str, str] = {
    "noto": "Apache-2.0",
    "fluent": "MIT",
    "flat": "MIT",
    "twemoji": "CC-BY-4.0",
    "emojione": "CC-BY-4.0",
    "streamline-emojis": "CC-BY-4.0",
    "icon-park": "Apache-2.0",
    "streamline-color": "CC-BY-4.0",
    "streamline-plump-color": "CC-BY-4.0",
    "streamline-ultimate-color": "CC-BY-4.0",
    "streamline-flex-color": "CC-BY-4.0",
    "streamline-kameleon-color": "CC-BY-4.0",
    "fluent-emoji-high-contrast": "MIT",
    "emojione-monotone": "CC-BY-4.0",
    "mdi": "Apache-2.0",
    "mingcute": "Apache-2.0",
    "game-icons": "CC-BY-3.0",
    "ph": "MIT",
    "pinhead": "CC0-1.0",
    "temaki": "CC0-1.0",
    "maki": "CC0-1.0",
    "fa7-solid": "CC-BY-4.0",
    "solar": "CC-BY-4.0",
    "lucide": "ISC",
    "tabler": "MIT",
    "iconoir": "MIT",
}
"""The licence of each package that the model learns from."""

_HEAD = """\
---
license: other
license_name: {licences}
---

# emoji

The base model that comes with promptlang: a latent diffusion model in Stable Diffusion's own
architecture, at a hundredth of its size. It draws one to three of {things} things at
{size} × {size} pixels, in the styles of {sets} icon sets and {filters} filters, at any place, in
several sizes, colours and poses, before a colour or a scene.

![contact sheet](sheet.png)

## How to ask

`big pale blue fox at the left, thick red outline noto style, sea background`: each part can be left
out, and then varies with the seed. The things are those of things.txt; the words for styles are
{words}. 25 steps of DDIM at guidance 4.
"""


_PARTS = """\
Tags, synonyms and grammar are the program's own (`captioner.py`); the tokenizer is CLIP's byte-pair
encoding cut to its first 8,000 merges (MIT), with a token for each word of the captions. Left out,
for recipes to teach: Mozilla's FxEmojis, Noto's first series, the filter `blueprint`, and
{held_out}. One in ten pairs of thing and filter, and of thing and colour, was never shown.

## Parts

| part | what |
|---|---|
| `vae` | `AutoencoderKL`, {size} pixels, channels {widths}, {latents} latent channels |
| `text_encoder` | `CLIPTextModel`, 256 wide, 4 layers |
| `unet` | `UNet2DConditionModel`, channels {denoiser}, cross attention at both levels |
| `scheduler` | DDIM, v-prediction, zero terminal SNR, trailing timesteps |

## Training

Pictures are composed without end: drawings moved, sized, turned, recoloured, filtered, in pairs and
threes, before colours and scenes; captions say only part of what they show. {beginning}
`promptlang make-emoji` does all of it, from download to these figures, and resumes where it
stopped. Weights are fp16:

```
{checksums}
```

## Known limits

It knows its captions' wording better than anyone else's. Small features and thin lines are soft. It
says nothing about what a model of full size would draw.
"""


def text(variant: Variant, found: Mapping[str, float], checksums: str = "") -> str:
    """Write the card of a model from a variant, its figures, and the checksums of its weights."""
    shown = [thing for thing in every_thing() if not thing.held_out]
    if variant.things:
        shown = [thing for thing in shown if thing.words in variant.things]
    head = _HEAD.format(
        licences=" AND ".join(sorted(set(LICENCES.values()))),
        things=len(shown),
        size=variant.sizes.size,
        sets=len(SETS),
        filters=len(FILTERS) - len(variant.without),
        words=_styles(variant),
    )
    return "\n".join((head, _measured(found), _made_from(), _parts(variant, checksums)))


def _parts(variant: Variant, checksums: str) -> str:
    held_out = ", ".join(thing.words for thing in every_thing() if thing.held_out)
    fresh = (
        "The weights began at random." if variant.autoencoder else "It went on from older weights."
    )
    return _PARTS.format(
        held_out=held_out,
        size=variant.sizes.size,
        widths=", ".join(map(str, variant.sizes.autoencoder_widths)),
        latents=variant.sizes.latent_channels,
        denoiser=" and ".join(map(str, variant.sizes.denoiser_widths)),
        beginning=fresh,
        checksums=checksums.strip(),
    )


def _styles(variant: Variant) -> str:
    words = [each.word for each in SETS]
    words += [name for name in FILTERS if name not in variant.without]
    return ", ".join(f"`{word}`" for word in words)


def _measured(found: Mapping[str, float]) -> str:
    rows = [
        f"| {check.figure} | {found[check.figure]:.3f} | {'≥' if check.at_least else '≤'} "
        f"{check.bound:g} |"
        for check in checks.DENOISER
        if check.figure in found
    ]
    seen = f"After {found['pictures']:,.0f} pictures in {found['steps']:,.0f} steps, by the stage"
    return "\n".join(
        (
            "## Measured",
            "",
            f"{seen} `measure` of `promptlang make-emoji`; features are EfficientNet-Lite0's.",
            "",
            "| figure | this model | aim |",
            "|---|---|---|",
            *rows,
            "",
        )
    )


def _made_from() -> str:
    rows = [
        f"| {source.word} | `{PACKAGES[name].name}` {PACKAGES[name].version} | {LICENCES[name]} |"
        for source in SETS
        for name in source.packages
    ]
    return "\n".join(
        ("## Made from", "", "| style | package | licence |", "|---|---|---|", *rows, "")
    )
