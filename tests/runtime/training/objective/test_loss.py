"""Losses, their weights, and the noise."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.optimization import get_scheduler
from PIL import Image
from torch.nn import functional

from promptlang.datasets.examples import Example, load_examples
from promptlang.plan.prompt import Segment
from promptlang.plan.steps import Model, Train
from promptlang.plan.training_config import DataConfig, ObjectiveConfig, OptimizerConfig
from promptlang.runtime import Runtime
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.data.batches import Batches, assign_buckets
from promptlang.runtime.training.data.latent_cache import Bucket, DatasetEncoder
from promptlang.runtime.training.noising.noise import perturb, sample_noise
from promptlang.runtime.training.noising.noise_schedule import NoiseSchedule
from promptlang.runtime.training.noising.seeded_rng import seeded_generator
from promptlang.runtime.training.objective.loss import DiffusionLoss, timestep_weights
from promptlang.runtime.training.optim.lr_scheduler import lr_factor
from promptlang.runtime.training.state.fingerprint import training_fingerprint
from promptlang.source import Span
from tests.runtime.conftest import complaints, returned, run

ALPHAS = torch.tensor([0.99, 0.9, 0.5, 0.01])
SNR = ALPHAS / (1 - ALPHAS)


@pytest.mark.parametrize("weighting", ["min-snr", "soft-min-snr", "debiased"])
def test_a_weight_means_the_same_whatever_the_model_predicts(weighting: str) -> None:
    """An error in the picture is snr times as large in the noise, snr + 1 times in the velocity."""
    latents, made, error = (torch.randn(4, 2, 3, 3) for _ in range(3))
    times = torch.arange(4)
    losses = []
    for prediction in ("sample", "epsilon", "v_prediction"):
        schedule = NoiseSchedule(ALPHAS, prediction)
        noisy = schedule.add_noise(latents, made, times)
        signal, sigma = schedule.scales(times)
        wrong = latents + error
        said = schedule.target(wrong, (noisy - signal * wrong) / sigma, times)
        losses.append(
            DiffusionLoss.of(ObjectiveConfig(weighting=weighting), schedule)(
                said, schedule.target(latents, made, times), times
            )
        )
    assert torch.allclose(losses[0], losses[1], rtol=1e-3)
    assert torch.allclose(losses[0], losses[2], rtol=1e-3)


def test_weights_are_those_of_the_papers() -> None:
    epsilon, velocity = NoiseSchedule(ALPHAS, "epsilon"), NoiseSchedule(ALPHAS, "v_prediction")
    hard, soft = (
        ObjectiveConfig(weighting="min-snr"),
        ObjectiveConfig(weighting="soft-min-snr", gamma=2),
    )
    assert torch.allclose(timestep_weights(hard, epsilon), torch.tensor([5 / 99, 5 / 9, 1, 1]))
    assert torch.allclose(timestep_weights(hard, velocity), torch.tensor([0.05, 0.5, 0.5, 0.01]))
    assert torch.allclose(timestep_weights(soft, epsilon), 2 / (SNR + 2))
    assert torch.allclose(
        timestep_weights(ObjectiveConfig(weighting="debiased"), epsilon), SNR**-0.5
    )


def test_at_zero_signal_the_weight_is_a_number() -> None:
    schedule = NoiseSchedule(torch.tensor([0.5, 0.0]), "v_prediction")
    for weighting in ("min-snr", "soft-min-snr", "debiased"):
        assert timestep_weights(ObjectiveConfig(weighting=weighting), schedule)[1] == 0


def test_losses_are_what_their_names_say() -> None:
    one, other, times = torch.randn(4, 2, 3, 3), torch.randn(4, 2, 3, 3), torch.arange(4)
    schedule = NoiseSchedule(ALPHAS, "epsilon")

    def loss(name: str) -> torch.Tensor:
        return DiffusionLoss.of(ObjectiveConfig(name, 0.5), schedule)(one, other, times)

    squared = ((one - other) ** 2).mean(dim=(1, 2, 3))
    assert torch.allclose(loss("mse"), squared)
    assert torch.allclose(loss("l1"), (one - other).abs().mean(dim=(1, 2, 3)))
    alike = functional.cosine_similarity(one.flatten(1), other.flatten(1))
    assert torch.allclose(loss("cosine"), squared + 0.5 * (1 - alike))
    corner = (0.9 / (1 + SNR**-0.5) ** 2 + 0.1).view(-1, 1, 1, 1)
    near, far = 1e-3 * one, 1e3 * one
    huber = DiffusionLoss.of(ObjectiveConfig("huber"), schedule)
    assert torch.allclose(huber(near, 0 * one, times), (near**2).mean(dim=(1, 2, 3)), rtol=1e-2)
    assert torch.allclose(
        huber(far, 0 * one, times), (2 * corner * far.abs()).mean(dim=(1, 2, 3)), rtol=1e-2
    )


def test_the_huber_loss_of_the_noisiest_step_turns_at_huber_c() -> None:
    noisiest, times = NoiseSchedule(torch.tensor([1e-12]), "epsilon"), torch.tensor([0])
    error = torch.full((1, 1, 1, 1), 1e3)
    for corner in (0.1, 0.5, 1.0):
        huber = DiffusionLoss.of(ObjectiveConfig("huber", huber_c=corner), noisiest)
        loss = huber(error, 0 * error, times)
        assert torch.allclose(loss, torch.tensor([2 * corner * 1e3]), rtol=1e-3)


def test_huber_c_changes_a_fingerprint_only_where_it_is_not_the_default(
    training: Callable[..., Train], base: BaseModel
) -> None:
    def key(**changes: float) -> str:
        return training_fingerprint(training(loss="huber", **changes).config, base, (), (), ())

    assert key(huber_c=0.1) == key() != key(huber_c=0.2)
    before = dataclasses.make_dataclass(
        "ObjectiveConfig",
        [each.name for each in dataclasses.fields(ObjectiveConfig) if each.name != "huber_c"],
    )
    step = training(loss="huber")
    values = dataclasses.asdict(step.config.objective)
    del values["huber_c"]
    config = replace(step.config, objective=before(**values))
    assert training_fingerprint(config, base, (), (), ()) == key()


def test_what_is_masked_does_not_count() -> None:
    one, other = torch.randn(2, 2, 4, 4), torch.randn(2, 2, 4, 4)
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, :2] = 1
    measure = DiffusionLoss.of(ObjectiveConfig(), NoiseSchedule(ALPHAS, "epsilon"))
    losses = measure(one, other, torch.tensor([0, 1]), mask)
    assert torch.allclose(losses, ((one - other)[:, :, :2] ** 2).mean(dim=(1, 2, 3)) / 2)


def test_noise_is_offset_by_channel_and_coarser_noise_keeps_its_deviation() -> None:
    shape = torch.Size((3, 4, 16, 16))
    plain = sample_noise(shape, seeded_generator(1), ObjectiveConfig())
    moved = sample_noise(shape, seeded_generator(1), ObjectiveConfig(noise_offset=0.5)) - plain
    assert torch.allclose(moved, moved[:, :, :1, :1].expand(shape), atol=1e-6)
    assert moved.std() > 0.1
    coarse = sample_noise(shape, seeded_generator(1), ObjectiveConfig(multires=0.8))
    assert torch.allclose(coarse.std(dim=(1, 2, 3)), torch.ones(3))
    smooth = functional.avg_pool2d(coarse, 4).std() / functional.avg_pool2d(plain, 4).std()
    assert smooth > 1.3
    assert torch.equal(perturb(plain, seeded_generator(2), ObjectiveConfig()), plain)
    assert (
        perturb(plain, seeded_generator(2), ObjectiveConfig(perturbation=0.1)) - plain
    ).std() == pytest.approx(0.1, rel=0.1)


def test_perturbed_noise_is_in_the_input_and_not_in_the_target(
    base: BaseModel, photos: Path, span: Span
) -> None:
    plain = batches(base, photos, span).at(0)
    other = batches(base, photos, span, objective=ObjectiveConfig(perturbation=0.1)).at(0)
    assert torch.equal(plain.target, other.target)
    assert not torch.equal(plain.noisy, other.noisy)


@pytest.mark.parametrize(
    ("option", "name"), [("noise_offset", "noise-offset"), ("multires", "multires-noise")]
)
def test_noise_for_brightness_is_refused_where_the_schedule_ends_in_noise(
    option: str,
    name: str,
    runtime: Runtime,
    training: Callable[..., Train],
    pipelines: dict[str, tuple[object, Model]],
) -> None:
    model = pipelines["v-prediction"][1]
    assert complaints(run(runtime, training(model=model, **{option: 0.1}))) == [
        f"PL521 `--{name}` cannot be used with `tiny`, "
        "which learns brightness from pure noise already"
    ]


def test_predicting_noise_from_nothing_but_noise_is_refused(
    runtime: Runtime,
    training: Callable[..., Train],
    pipelines: dict[str, tuple[object, Model]],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(pipelines["v-prediction"][1].path, folder)
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "prediction_type": "epsilon"}))
    (complaint,) = complaints(run(runtime, training(model=Model("odd", folder))))
    assert complaint.startswith(
        "PL520 `odd` predicts noise, but the last step of its schedule is nothing but noise"
    )


@pytest.mark.parametrize(
    ("mine", "name", "options"),
    [
        ("constant", "constant", {}),
        ("linear", "linear", {}),
        ("cosine", "cosine", {}),
        (
            "cosine-restarts",
            "cosine_with_restarts",
            {"scheduler_specific_kwargs": {"num_cycles": 4}},
        ),
    ],
)
def test_the_learning_rate_falls_as_diffusers_has_it(
    mine: str, name: str, options: dict[str, object]
) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    extra = options.pop("scheduler_specific_kwargs", {})
    oracle = get_scheduler(name, optimizer, num_warmup_steps=0, num_training_steps=40, **extra)
    made = OptimizerConfig(scheduler=mine, warmup=0, steps=40, cycles=4)
    expected = oracle.lr_lambdas[0] if oracle.lr_lambdas[0] else lambda _: 1.0
    assert [lr_factor(made, step) for step in range(40)] == pytest.approx(
        [expected(step) for step in range(40)], abs=1e-6
    )


def test_the_learning_rate_rises_at_first() -> None:
    made = OptimizerConfig(scheduler="polynomial", warmup=4, steps=8)
    found = [lr_factor(made, step) for step in range(8)]
    assert found[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert found[-1] == pytest.approx(0.0625, abs=1e-3)
    assert found[4:] == sorted(found[4:], reverse=True)


def batches(
    base: BaseModel,
    folder: Path,
    span: Span,
    objective: ObjectiveConfig | None = None,
    **options: object,
) -> Batches:
    data = DataConfig(folder, **options)
    buckets = returned(
        DatasetEncoder(base, span).of(load_examples(folder, span, data.template), data)
    ).buckets
    schedule = NoiseSchedule.of(base.scheduler_config)
    return Batches(
        buckets, assign_buckets(buckets, 60), schedule, objective or ObjectiveConfig(), data, 3, 7
    )


def texts(made: Batches, steps: int) -> list[str]:
    return [
        "".join(segment.text for segment in caption)
        for step in range(steps)
        for caption in made.at(step).captions
    ]


def test_captions_are_dropped_as_often_as_asked(base: BaseModel, photos: Path, span: Span) -> None:
    found = texts(batches(base, photos, span, dropout=0.3), 60)
    assert 0.15 < found.count("") / len(found) < 0.45


def test_captions_are_shuffled_drawn_and_weighed(base: BaseModel, photos: Path, span: Span) -> None:
    made = batches(
        base,
        photos,
        span,
        template="sks, (old, red:1.3), {blue|green} sea, x",
        shuffle=True,
        keep=1,
    )
    found = texts(made, 20)
    assert all(text.startswith("sks, ") for text in found)
    assert {text for text in found if "blue" in text}
    assert {text for text in found if "green" in text}
    assert len({text.replace("blue", "green") for text in found}) == 6
    assert all(Segment("old, red", 1.3) in caption for caption in made.at(0).captions)


def test_every_picture_is_shown_as_often_as_it_is_to_be_repeated(
    base: BaseModel, photos: Path, span: Span
) -> None:
    (photos / "4_owl").mkdir()
    (photos / "one.png").rename(photos / "4_owl" / "one.png")
    found = texts(batches(base, photos, span), 2)
    assert sorted(found) == ["ink", *["owl"] * 4, "red fox 2"]


def test_a_mirrored_picture_is_seen_half_of_the_time(
    base: BaseModel, photos: Path, span: Span
) -> None:
    data = DataConfig(photos, flip=True)
    (bucket,) = returned(DatasetEncoder(base, span).of(load_examples(photos, span), data)).buckets
    (plain,) = returned(
        DatasetEncoder(base, span).of(load_examples(photos, span), DataConfig(photos))
    ).buckets
    assert torch.allclose(bucket.mean[:, :1], plain.mean, atol=1e-6)
    assert not torch.allclose(bucket.mean[:, 1], plain.mean[:, 0])
    made = Batches(
        (replace_deviation(bucket),),
        assign_buckets((bucket,), 60),
        NoiseSchedule(torch.ones(10), "sample"),
        ObjectiveConfig(),
        data,
        3,
        7,
    )
    seen = torch.cat([made.at(step).target for step in range(60)])
    mirrored = (seen[:, None] - bucket.mean[None, :, 1]).flatten(2).abs().amax(2).amin(1) < 1e-5
    assert 0.35 < mirrored.float().mean() < 0.65


def replace_deviation(bucket: Bucket) -> Bucket:
    return replace(bucket, deviation=torch.zeros_like(bucket.deviation))


def test_pictures_keep_their_shape_and_a_batch_has_one(
    base: BaseModel, photos: Path, span: Span
) -> None:
    made = batches(base, photos, span, buckets=True)
    shapes = {
        example.file.name: bucket.mean.shape[-2:]
        for bucket in made.buckets
        for example in bucket.examples
    }
    assert shapes == {"one.png": (8, 8), "ink.png": (4, 12), "red-fox_2.png": (8, 8)}
    assert sorted(made.at(step).noisy.shape[-1] for step in range(6)) == [8, 8, 8, 8, 12, 12]


def test_a_bucket_has_its_turn_as_often_as_its_share() -> None:
    def bucket(count: int) -> Bucket:
        nothing = torch.zeros(count, 1, 1, 1, 1)
        return Bucket(
            (Example(Path("a"), ("",)),) * count,
            nothing,
            nothing,
            None,
            torch.zeros(count, 1, 6),
            torch.arange(count),
        )

    found = assign_buckets((bucket(6), bucket(3), bucket(1)), 100)
    assert [sum(at == each for at, _ in found) for each in range(3)] == [60, 30, 10]
    assert [before for at, before in found if at == 1] == [*range(30)]


def test_small_pictures_are_named_and_used(
    runtime: Runtime, training: Callable[..., Train], photos: Path
) -> None:
    Image.new("RGB", (16, 7)).save(photos / "tiny.png")
    events = run(runtime, training(steps=1))
    assert complaints(events) == [
        "PL403 `tiny.png` must be enlarged more than twice, to 16x16, and will teach a blur"
    ]
    assert training().file.is_file()
