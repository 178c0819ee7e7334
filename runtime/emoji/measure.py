"""How well the emoji model draws what it is asked for: three figures, and a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from textwrap import fill

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from PIL import Image, ImageDraw
from torch import Tensor

from .artwork import ARTWORK_SIZE, SIZE, over
from .catalogue import BACKGROUNDS, STYLES, Picture, concepts
from .examples import as_tensor
from .perception import Features

STEPS = 25
GUIDANCE = 5.0
BATCH = 16

SHEET = tuple(
    """\
fox, noto style|a cat, fluent style|dog, flat style|a panda, twemoji style|lion, noto style, blue background
a frog, flat style, pink background|penguin, twemoji style, purple background|owl, fluent style, black background
red apple, noto style|a banana, flat style|strawberry, twemoji style, green background|pizza, fluent style
hamburger, noto style, yellow background|ice cream cone, flat style, blue background|sushi, twemoji style
birthday cake, noto style|a house, twemoji style, green background|castle, noto style|volcano, flat style
rocket, fluent style, black background|car, noto style|a bus, twemoji style, gray background|sailboat, flat style
airplane, noto style, blue background|robot, fluent style|ghost, noto style, purple background|skull, twemoji style
red heart, noto style|sunflower, fluent style|cactus, twemoji style, orange background
guitar, noto style|key, noto style, brown background|umbrella, twemoji style
a drawing of a fox on red|one big happy whale in the blue sea|sweet cupcake for a birthday, pink background
an old tree, twemoji|a cute little rabbit, noto style, green background|the king's crown on a purple background
spooky pumpkin at halloween, black background|hot coffee in the morning|an elephant, please, in flat style
a ladybug on a green background, noto|my favourite football|snowman in winter, blue background|a yellow school bus
a fluent butterfly, white background|shark, gray background""".replace("\n", "|").split("|")
)
"""48 captions; the last sixteen are not worded as in training."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of the renders that agree with what was asked."""

    concept: float
    """Nearest of all concepts' drawings is one of the asked concept."""
    style: float
    """Nearest of the asked concept's four drawings is the asked style's."""
    background: float
    """The border's colour is nearest to the asked one."""


def measure(
    pipeline: StableDiffusionPipeline, chosen: np.ndarray
) -> Iterator[tuple[int, int] | Figures]:
    """Render every concept once, in a style and on a background by lot, and compare with the artwork `chosen`.

    Yields renders done and in all; then the figures, and those of the artwork encoded and decoded: more than the
    autoencoder lets through no denoiser can reach.
    """
    asked = _asked(Random(0))
    features = Features()
    gallery = embed(features, over(chosen.reshape(-1, SIZE, SIZE, 4), BACKGROUNDS["white"]))
    gallery = gallery.unflatten(0, (len(chosen), len(STYLES)))
    renders = []
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        renders.append(
            render(pipeline, [_words(each) for each in part], range(start, start + len(part)))
        )
        yield min(start + BATCH, len(asked)), len(asked)
    yield _compare(asked, np.concatenate(renders), gallery, features)
    yield _compare(asked, reconstructed(pipeline.vae, _artwork(asked, chosen)), gallery, features)


def _artwork(asked: Sequence[Picture], chosen: np.ndarray) -> np.ndarray:
    """What is asked as its artist drew it."""
    drawn = [
        over(chosen[i, STYLES.index(a.style)], BACKGROUNDS[a.background])
        for i, a in enumerate(asked)
    ]
    return np.stack(drawn)


@torch.no_grad()
def reconstructed(vae: AutoencoderKL, pictures: np.ndarray) -> np.ndarray:
    """8-bit RGB pictures `[n, 64, 64, 3]`, encoded and decoded."""
    parts = (as_tensor(pictures[at : at + BATCH]) for at in range(0, len(pictures), BATCH))
    made = torch.cat([vae.decode(vae.encode(part).latent_dist.mean).sample for part in parts])
    return ((made.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def _asked(chance: Random) -> list[Picture]:
    colours = list(BACKGROUNDS)
    return [
        Picture(concept, chance.choice(STYLES), chance.choice(colours)) for concept in concepts()
    ]


def _words(picture: Picture) -> str:
    return f"{picture.concept.words}, {picture.style} style, {picture.background} background"


def _compare(
    asked: Sequence[Picture], renders: np.ndarray, gallery: Tensor, features: Features
) -> Figures:
    """The renders' background is made white first, as the gallery's is: only what is drawn counts."""
    found = embed(
        features,
        np.stack(
            [on_white(r, BACKGROUNDS[a.background]) for r, a in zip(renders, asked, strict=True)]
        ),
    )
    likeness = torch.einsum("nf,csf->ncs", found, gallery)
    concept = [likeness[i].amax(1).argmax().item() == i for i in range(len(asked))]
    style = [STYLES[int(likeness[i, i].argmax())] == each.style for i, each in enumerate(asked)]
    background = [border_colour(r) == a.background for r, a in zip(renders, asked, strict=True)]
    return Figures(*(sum(right) / len(asked) for right in (concept, style, background)))


def on_white(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A picture with what is connected to its border, and near the colour, painted white."""
    image = Image.fromarray(picture)
    near = np.abs(picture.astype(int) - np.asarray(colour)).max(-1) < 40
    if colour == BACKGROUNDS["white"] or not near[0, 0]:
        return picture
    mask = Image.fromarray((near * 255).astype(np.uint8))
    for corner in ((0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1)):
        if mask.getpixel(corner) == 255:
            ImageDraw.floodfill(mask, corner, 128)
    image.paste(
        (255, 255, 255), mask=Image.fromarray(((np.asarray(mask) == 128) * 255).astype(np.uint8))
    )
    return np.asarray(image)


def border_colour(picture: np.ndarray) -> str:
    """The background colour that the median of a picture's outermost pixels is nearest to."""
    width = (SIZE - ARTWORK_SIZE) // 2
    border = np.concatenate([picture[:width].reshape(-1, 3), picture[-width:].reshape(-1, 3)])
    median = np.median(border, 0)
    return min(
        BACKGROUNDS, key=lambda name: float(np.abs(median - np.asarray(BACKGROUNDS[name])).sum())
    )


def embed(features: Features, pictures: np.ndarray) -> Tensor:
    """Unit vectors `[n, 1280]` of 8-bit RGB pictures `[n, h, w, 3]`."""
    return torch.cat(
        [features.embed(as_tensor(pictures[at : at + 32])) for at in range(0, len(pictures), 32)]
    )


def render(
    pipeline: StableDiffusionPipeline, prompts: Sequence[str], seeds: Sequence[int]
) -> np.ndarray:
    """8-bit RGB pictures `[n, 64, 64, 3]`."""
    made = pipeline(
        prompt=list(prompts),
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        output_type="np",
    ).images
    return (np.asarray(made) * 255).round().astype(np.uint8)


def contact_sheet(pipeline: StableDiffusionPipeline, file: Path) -> Iterator[tuple[int, int]]:
    """Draw `SHEET` with two seeds each, eight captions a row, yielding captions done and in all."""
    columns, label = 8, 39
    rows = -(-len(SHEET) // columns)
    sheet = Image.new("RGB", (columns * 2 * SIZE, rows * (SIZE + label)), "white")
    draw = ImageDraw.Draw(sheet)
    for at in range(0, len(SHEET), columns):
        captions = SHEET[at : at + columns]
        pictures = render(pipeline, [c for c in captions for _ in range(2)], [1, 2] * len(captions))
        top = at // columns * (SIZE + label)
        for column, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (column * SIZE, top + label))
        for column, text in enumerate(captions):
            draw.text((column * 2 * SIZE + 3, top + 1), fill(text, 22), fill="black", spacing=1)
        yield min(at + columns, len(SHEET)), len(SHEET)
    sheet.save(file)


def load(folder: Path) -> StableDiffusionPipeline:
    """The pipeline, ready to be measured."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, safety_checker=None
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
