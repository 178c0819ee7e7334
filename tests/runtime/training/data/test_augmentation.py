"""Pictures that are a little different each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from promptlang import Session, Source
from promptlang.analysis.world import Disk
from promptlang.datasets.examples import Example, load_examples
from promptlang.plan.steps import Train
from promptlang.plan.training_config import DataConfig, PriorConfig
from promptlang.runtime import Runtime
from promptlang.runtime.distributed import SINGLE_PROCESS
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.data.augmentation import augment
from promptlang.runtime.training.data.image_loading import TrainingImage
from promptlang.runtime.training.data.latent_cache import Bucket, DatasetEncoder
from promptlang.runtime.training.objective.build import build_training_loss
from promptlang.runtime.training.objective.prior_preservation import ClassImageLoss
from promptlang.runtime.training.validation import Validation
from promptlang.source import Span
from tests.runtime.conftest import complaints, returned, run
from tests.runtime.training.preparation import encode, setup_of

SIZE = (16, 16)
DATA = DataConfig(Path(), variants=9)


def slope(width: int = 64, height: int = 32) -> TrainingImage:
    """Each pixel's colours are its place: red from left to right, green from top to bottom."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width)[None] * 2, np.arange(height)[:, None] * 4
    return TrainingImage(Image.fromarray(pixels), None)


def seen(opened: TrainingImage, data: DataConfig, seed: int = 0, place: int = 0) -> list[Tensor]:
    return [pixels for _, pixels in augment(opened, SIZE, data, seed, place)]


@pytest.mark.parametrize("changes", [{"crop": 0.3}, {"jitter": 0.5}, {"pixel_noise": 0.05}])
def test_the_first_is_the_picture_itself_and_no_two_are_the_same(changes: dict[str, float]) -> None:
    made = seen(slope(), replace(DATA, **changes))
    assert len(made) == 9
    assert torch.equal(made[0], slope().pixels(SIZE))
    assert len({each.numpy().tobytes() for each in made}) == 9


def test_they_follow_from_the_seed_the_pictures_place_and_nothing_else() -> None:
    data = replace(DATA, crop=0.3, jitter=0.5, pixel_noise=0.05)
    torch.manual_seed(1)
    once = torch.stack(seen(slope(), data))
    torch.manual_seed(2)
    assert torch.equal(once, torch.stack(seen(slope(), data)))
    assert torch.equal(once[:4], torch.stack(seen(slope(), replace(data, variants=4))))
    for other in (seen(slope(), data, seed=1), seen(slope(), data, place=1)):
        assert not torch.equal(once[1], other[1])


def test_a_part_has_the_shape_that_is_wanted_and_lies_anywhere() -> None:
    parts = [
        opened for opened, _ in augment(slope(), SIZE, replace(DATA, crop=0.5, variants=200), 0, 0)
    ][1:]
    widths, heights = zip(*(each.size for each in parts), strict=True)
    assert widths == heights  # a square of a picture that is twice as wide as high
    assert (min(widths), max(widths)) == (16, 32)
    left = [np.asarray(each.colours)[0, 0, 0] // 2 for each in parts]
    right = [np.asarray(each.colours)[-1, -1, 0] // 2 for each in parts]
    assert (min(left), max(right)) == (0, 63)


def test_a_mask_is_cut_with_its_picture_and_something_of_it_is_always_left() -> None:
    mask = np.zeros((32, 64), dtype=np.uint8)
    mask[20:30, 50:60] = 255
    opened = TrainingImage(slope().colours, Image.fromarray(mask))
    for made, _ in augment(opened, SIZE, replace(DATA, crop=0.5, variants=50), 0, 0):
        assert made.mask is not None
        pixels = np.asarray(made.colours)
        left, top = pixels[0, 0, 0] // 2, pixels[0, 0, 1] // 4
        width, height = made.size
        assert np.array_equal(np.asarray(made.mask), mask[top : top + height, left : left + width])
        assert made.mask.getbbox()


def test_noise_has_its_standard_deviation_and_light_stays_within_its_bounds() -> None:
    grey = TrainingImage(Image.new("RGB", (64, 64), (128, 128, 128)), None)
    noisy = torch.stack(seen(grey, replace(DATA, pixel_noise=0.05, variants=40)))[1:] / 2
    assert noisy.std() == pytest.approx(0.05, rel=0.02)
    lit = torch.stack(seen(grey, replace(DATA, jitter=1.0, variants=60)))[1:]
    values = (lit.mean(dim=(1, 2, 3)) + 1) / 2 * 255
    assert 62 < values.min() < 80
    assert 220 < values.max() <= 255


def test_each_is_encoded_once_and_mirrored_once(base: BaseModel, photos: Path, span: Span) -> None:
    data = DataConfig(photos, flip=True, crop=0.3, variants=3)
    (bucket,) = returned(
        DatasetEncoder(base, span, 5).of(load_examples(photos, span), data)
    ).buckets
    (plain,) = returned(
        DatasetEncoder(base, span).of(load_examples(photos, span), DataConfig(photos))
    ).buckets
    assert bucket.mean.shape[:2] == (3, 6)
    assert torch.allclose(bucket.mean[:, :1], plain.mean, atol=1e-6)
    with torch.no_grad():
        _, pixels = [*augment(whole(bucket, 1, span), base.size, data, 5, 1)][2]
        wanted = (
            base.vae.encode(pixels[None].flip(-1)).latent_dist.mean * base.vae.config.scaling_factor
        )
    assert torch.allclose(bucket.mean[1, 5], wanted[0], atol=1e-5)


def whole(bucket: Bucket, number: int, span: Span) -> TrainingImage:
    from promptlang.runtime.training.data.image_loading import load_image

    example: Example = bucket.examples[number]
    opened = load_image(example, span, alpha_mask=False)
    assert isinstance(opened, TrainingImage)
    return opened


def test_only_what_is_learned_from_is_changed(
    base: BaseModel, training: Callable[..., Train], photos: Path
) -> None:
    step = training(
        validation=photos, prior=PriorConfig(1.0, "a cat", photos), crop=0.4, variants=4
    )
    encoded, setup = encode(step, base), setup_of(step, base)
    loss = build_training_loss(None, None, encoded, setup, SINGLE_PROCESS)  # type: ignore[arg-type]
    assert isinstance(loss.prior, ClassImageLoss)
    views = [
        {bucket.mean.shape[1] for bucket in each.buckets}
        for each in (loss.batches, loss.prior.batches)
    ]
    assert views == [{4}, {1}]
    assert {bucket.mean.shape[1] for bucket in encoded.validation} == {1}
    assert len(Validation.of(encoded.validation, loss.batches.schedule).batches) == 3


def test_what_is_true_of_it_is_told(runtime: Runtime, training: Callable[..., Train]) -> None:
    step = training(steps=1, pixel_noise=0.05, jitter=0.3, variants=2)
    run(runtime, step)
    told = (step.report / "report.txt").read_text("utf-8")
    assert "`--pixel-noise` is learned as well" in told
    assert "`--colour-jitter` teaches that colours do not matter" in told


def test_a_part_of_a_small_picture_is_smaller_still(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    Image.new("RGB", (10, 10), "red").save(folder / "small.png")
    assert complaints(run(runtime, training(steps=1, folder=folder))) == []
    found = complaints(run(runtime, training(steps=1, folder=folder, crop=0.5, variants=2)))
    assert [each.partition(" ")[0] for each in found] == ["PL403"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("--variants 4", "PL231"),
        ("--variants 1 --crop 10%", "PL202"),
        ("--crop 1", "PL202"),
        ("--colour-jitter 2", "PL202"),
        ("--crop 10% --variants 4", None),
    ],
)
def test_options_that_mean_nothing_are_refused(
    photos: Path, options: str, code: str | None
) -> None:
    planned = Session(photos.parent, world=Disk()).plan(
        Source(f"train lora ink from photos {options}")
    )
    assert [each.code for each in planned.diagnostics] == ([code] if code else [])
