"""The options of a training that choose and change the data, and the fields they fill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .options import Conflict, Given, Kind, Option, Requirement, default_of
from .training_methods import ALL, WEIGHTS

DATA: tuple[Option, ...] = (
    Option(
        "prompt",
        Kind.TEXT,
        "Caption template for all pictures; `${caption}` inserts a picture's own caption.",
        (*ALL, "check data"),
        default_doc="the captions; with a token `a picture of <token>`",
        field="data.template",
        fields=(("check data", "template"),),
    ),
    Option(
        "caption-dropout",
        Kind.FRACTION,
        "Probability that a picture is shown without a caption.",
        ALL,
        0.0,
        low=0,
        high=1,
        field="data.dropout",
    ),
    Option(
        "shuffle-captions",
        Kind.FLAG,
        "Shuffle the comma-separated tags of each caption.",
        ALL,
        "off",
        field="data.shuffle",
    ),
    Option(
        "keep-tokens",
        Kind.INTEGER,
        "Number of leading tags that `--shuffle-captions` leaves in place.",
        ALL,
        0,
        low=0,
        high=75,
        field="data.keep",
        requires=(Requirement((Given("shuffle-captions"),)),),
    ),
    Option("flip", Kind.FLAG, "Mirror every other picture.", ALL, "off", field="data.flip"),
    Option(
        "buckets",
        Kind.FLAG,
        "Aspect-ratio buckets: keep each picture's shape instead of a square crop.",
        ALL,
        "off",
        field="data.buckets",
    ),
    Option(
        "crop",
        Kind.FRACTION,
        "Random crop: the largest share by which a crop is smaller than the picture.",
        ALL,
        0.0,
        low=0,
        high=0.9,
        field="data.crop",
    ),
    Option(
        "colour-jitter",
        Kind.FRACTION,
        "Strength of random changes of brightness, contrast and saturation.",
        ALL,
        0.0,
        low=0,
        high=1,
        field="data.jitter",
        long_doc="Each factor lies between 2 to the power of minus the strength and 2 to the power "
        "of the strength.",
    ),
    Option(
        "pixel-noise",
        Kind.FRACTION,
        "Standard deviation of noise added to the pixels; black to white is 1.",
        ALL,
        0.0,
        low=0,
        high=1,
        field="data.pixel_noise",
    ),
    Option(
        "variants",
        Kind.INTEGER,
        "Number of augmented variants per picture, the unchanged picture included.",
        ALL,
        8,
        low=2,
        high=1024,
        field="data.variants",
        requires=(Requirement((Given("crop"), Given("colour-jitter"), Given("pixel-noise"))),),
        long_doc="The variants are made before the first step, so their latents are cached.",
    ),
    Option(
        "alpha-mask",
        Kind.FLAG,
        "Masked loss: transparent areas of a picture have no effect on training.",
        ALL,
        "off",
        field="data.alpha_mask",
    ),
    Option(
        "validation",
        Kind.FILE,
        "Folder of pictures for the validation loss only.",
        ALL,
        field="data.validation",
    ),
    Option(
        "hold-out",
        Kind.FRACTION,
        "Share of the pictures that is held out for the validation loss.",
        ALL,
        0.0,
        low=0,
        high=0.5,
        field="data.held_out",
        conflicts=(Conflict(Given("validation"), "both choose the pictures for validation"),),
    ),
    Option(
        "class",
        Kind.TEXT,
        "Class prompt of prior preservation, for example `a cat`.",
        WEIGHTS,
        "",
        field="prior.text",
        long_doc="Without class pictures, the base model's own prediction for the class prompt is "
        "the target.",
    ),
    Option(
        "class-data",
        Kind.FILE,
        "Folder of class pictures for prior preservation.",
        WEIGHTS,
        field="prior.folder",
        conflicts=(
            Conflict(Given("class-count"), "both choose the pictures for prior preservation"),
        ),
    ),
    Option(
        "class-count",
        Kind.INTEGER,
        "Number of class pictures that the base model renders before training.",
        WEIGHTS,
        default_doc="none",
        low=1,
        high=1000,
        requires=(Requirement((Given("class"),)),),
    ),
    Option(
        "class-ratio",
        Kind.NUMBER,
        "Number of class pictures per training picture.",
        WEIGHTS,
        1.0,
        low=0.01,
        high=100,
        field="prior.ratio",
        requires=(Requirement((Given("class-data"), Given("class-count"))),),
    ),
    Option(
        "prior",
        Kind.NUMBER,
        "Weight of the prior-preservation loss.",
        WEIGHTS,
        1.0,
        low=0,
        high=100,
        field="prior.weight",
        requires=(Requirement((Given("class"), Given("class-data"))),),
        metadata=("ss_prior_loss_weight",),
    ),
)


def _declared(field: str) -> Any:
    return default_of(DATA, field)


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Training pictures and captions."""

    folder: Path
    template: str | None = None
    """Caption of every picture, in which ``${caption}`` stands for the picture's own."""
    dropout: float = _declared("data.dropout")
    shuffle: bool = _declared("data.shuffle")
    keep: int = _declared("data.keep")
    flip: bool = _declared("data.flip")
    buckets: bool = _declared("data.buckets")
    alpha_mask: bool = _declared("data.alpha_mask")
    """True if transparent areas are masked, False if they are white."""
    validation: Path | None = None
    held_out: float = _declared("data.held_out")
    """Share of the pictures that is kept for validation."""
    crop: float = _declared("data.crop")
    jitter: float = _declared("data.jitter")
    """Logarithm to base 2 of the largest factor on brightness, contrast and saturation."""
    pixel_noise: float = _declared("data.pixel_noise")
    """Standard deviation, relative to the range from black to white."""
    variants: int = 1
    """Variants of each picture, the unchanged one included; 1 without augmentation."""

    @property
    def without_augmentation(self) -> DataConfig:
        """The same data with every picture unchanged."""
        return replace(self, crop=0.0, jitter=0.0, pixel_noise=0.0, variants=1)


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """Prior preservation (Ruiz et al. 2022, https://arxiv.org/abs/2208.12242, section 3.2)."""

    weight: float = _declared("prior.weight")
    """Factor on the loss of the class pictures; the training pictures have 1."""
    text: str = _declared("prior.text")
    folder: Path | None = None
    """Class pictures; without a folder the base model's own prediction is the target."""
    ratio: float = _declared("prior.ratio")
