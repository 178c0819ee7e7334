"""The stages that make the built-in model: each goes on, bit for bit, where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import CLIPTokenizer

from promptlang.runtime.emoji import (
    architecture,
    autoencoder,
    captioner,
    dataset,
    denoiser,
    pipeline,
    words,
)
from promptlang.runtime.emoji.architecture import Architecture
from promptlang.runtime.emoji.composer import Composer, Range
from promptlang.runtime.emoji.dataset import Dataset, Shard, ShardPlan
from promptlang.runtime.emoji.device import Device
from promptlang.runtime.emoji.parallel import ParallelComposer, compose
from promptlang.runtime.emoji.schedule import Cosine, Descent, Plateau
from promptlang.runtime.emoji.state import FILE, saved_step
from promptlang.runtime.emoji.training import Average, Training

from .artists import composer, few_things

TINY = Architecture(64, 4, (8, 8, 8, 8), (32, 32), (2, 2))
SOME = Range(few_things(), ("noto", "flat"), ("monochrome", "outline"))
CPU = Device("cpu")

Losses = Iterator[tuple[int, float]]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    return words.build(words.with_words([], ["cat", "fox"]), tmp_path_factory.mktemp("tokenizer"))


def weights(folder: Path, name: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(folder / FILE, weights_only=True)[name]
    return state


def run_out(losses: Losses) -> list[float]:
    return [loss for _, loss in losses]


def stop_after(losses: Losses, steps: int) -> list[float]:
    found = [next(losses)[1] for _ in range(steps)]
    losses.close()  # type: ignore[attr-defined]
    return found


def assert_goes_on(start: Callable[[Path], Losses], folder: Path, name: str) -> None:
    whole = run_out(start(folder / "whole"))
    parts = stop_after(start(folder / "parts"), 2)
    assert saved_step(folder / "parts") == 2
    parts += run_out(start(folder / "parts"))
    assert parts == whole
    first, second = (weights(folder / each, name) for each in ("whole", "parts"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def autoencoder_data() -> autoencoder.TrainingData:
    return autoencoder.TrainingData(composer(SOME), Cosine(4, 2, 1e-3, warm_up=1), CPU)


def test_the_autoencoders_training_goes_on(tmp_path: Path) -> None:
    assert_goes_on(lambda to: autoencoder.train(autoencoder_data(), TINY, to), tmp_path, "vae")


def test_the_decoders_training_goes_on_and_leaves_the_latents(tmp_path: Path) -> None:
    torch.manual_seed(0)
    start = architecture.autoencoder(TINY).state_dict()

    def sharpened(folder: Path) -> Losses:
        vae = architecture.autoencoder(TINY)
        vae.load_state_dict(start)
        return autoencoder.sharpen(vae, autoencoder_data(), folder)

    assert_goes_on(sharpened, tmp_path, "vae")
    after = weights(tmp_path / "whole", "vae")
    changed = {key.split(".")[0] for key in start if not torch.equal(start[key], after[key])}
    assert changed == {"decoder", "post_quant_conv"}


def shards(folder: Path) -> Dataset:
    sampler, plan = composer(SOME), ShardPlan(size=8, window=2, uses=1)

    def draw(number: int) -> Shard:
        pictures, shown = compose(sampler, range(number * 8, number * 8 + 8))
        small = torch.from_numpy(pictures[:, ::8, ::8]).permute(0, 3, 1, 2).half() / 128 - 1
        return Shard(torch.cat([small, small[:, :1]], 1), shown)

    return Dataset(folder / "shards", plan, draw)


def denoiser_plan(tokenizer: CLIPTokenizer) -> denoiser.Plan:
    return denoiser.Plan(TINY, tokenizer, Plateau(5, 4, 1e-3, warm_up=1))


@pytest.mark.parametrize("name", ["model", "average"])
def test_the_denoisers_training_goes_on(
    tmp_path: Path, tokenizer: CLIPTokenizer, name: str
) -> None:
    def trained(folder: Path) -> Losses:
        data = denoiser.TrainingData(shards(folder), captioner.captioner(), CPU)
        return denoiser.train(data, denoiser_plan(tokenizer), folder)

    assert_goes_on(trained, tmp_path, name)


def test_a_copy_is_brought_down_and_the_training_left_as_it_is(
    tmp_path: Path, tokenizer: CLIPTokenizer
) -> None:
    data = denoiser.TrainingData(shards(tmp_path), captioner.captioner(), CPU)
    plan = denoiser_plan(tokenizer)
    stop_after(denoiser.train(data, plan, tmp_path), 3)
    before = (tmp_path / FILE).read_bytes()
    down = denoiser.anneal(data, plan, tmp_path, 4)
    assert [next(down)[0] for _ in range(2)] == [3, 4]
    down.close()  # type: ignore[attr-defined]
    assert [step for step, _ in denoiser.anneal(data, plan, tmp_path, 4)] == [5, 6]
    assert (tmp_path / FILE).read_bytes() == before
    copy = denoiser.annealed(tmp_path)
    assert copy == tmp_path / "annealed-000003"
    assert not denoiser.averaged(tokenizer, TINY, copy).training


def test_another_copy_is_taken_when_the_last_one_is_down(
    tmp_path: Path, tokenizer: CLIPTokenizer
) -> None:
    data = denoiser.TrainingData(shards(tmp_path), captioner.captioner(), CPU)
    plan = denoiser_plan(tokenizer)
    assert denoiser.annealed(tmp_path) is None
    for steps in (1, 2):
        stop_after(denoiser.train(data, plan, tmp_path), 1)
        assert [step for step, _ in denoiser.anneal(data, plan, tmp_path, 1)] == [steps]
    assert denoiser.annealed(tmp_path) == tmp_path / "annealed-000002"


def test_a_batch_depends_on_nothing_but_its_step(tmp_path: Path) -> None:
    one, two = shards(tmp_path / "one"), shards(tmp_path / "two")
    for step in range(6):
        one.batch(step, step * 4, 4)
    latents, shown = one.batch(6, 24, 4)
    same, described = two.batch(6, 24, 4)
    assert torch.equal(latents, same)
    assert shown == described
    kept = sorted(file.name for file in (tmp_path / "one" / "shards").iterdir())
    assert kept == ["shard-00003.safetensors", "shard-00004.safetensors"]


def some_composer() -> Composer:
    return composer(SOME)


def test_another_process_composes_what_this_one_would() -> None:
    alone, composer = ParallelComposer(some_composer, 0, 6), ParallelComposer(some_composer, 1, 6)
    for number in (0, 1):
        pictures, shown = alone.shard(number)
        same, described = composer.shard(number)
        assert np.array_equal(pictures, same)
        assert shown == described


def test_larger_batches_learn_from_as_many_pictures() -> None:
    plateau = Plateau(steps=1000, batch=16, peak=1e-4)
    larger = plateau.scaled(4)
    assert larger.seen(larger.steps) == plateau.seen(plateau.steps)
    assert larger.rate(125) == pytest.approx(2e-4 * 126 / 200)


def test_shards_are_renewed_as_pictures_are_seen() -> None:
    plan = ShardPlan(size=10, window=3, uses=2)
    assert [list(plan.present(seen)) for seen in (0, 19, 20, 60)] == [
        [0, 1],
        [0, 1],
        [0, 1, 2],
        [2, 3, 4],
    ]


def test_learning_rates_rise_stay_and_fall() -> None:
    plateau = Plateau(steps=1000, batch=1, peak=1.0, warm_up=100, descent=0.3)
    rates = [plateau.rate(step) for step in (0, 99, 500, 850, 1000)]
    assert rates == pytest.approx([0.01, 1, 1, 0.5, 0])
    cosine = Cosine(steps=1100, batch=1, peak=1.0, warm_up=100)
    assert [cosine.rate(step) for step in (0, 99, 600, 1100)] == pytest.approx([0.01, 1, 0.5, 0])
    descent = Descent(plateau, 400, 100)
    assert [descent.rate(step) for step in (400, 450, 500)] == pytest.approx([1, 0.5, 0])
    assert descent.steps == 500


def test_a_batch_doubles_half_way_and_the_pictures_seen_are_counted() -> None:
    plateau = Plateau(steps=10, batch=3, peak=1.0)
    assert [plateau.batch_at(step) for step in (0, 4, 5, 9)] == [3, 3, 6, 6]
    for step in range(10):
        assert plateau.seen(step + 1) == plateau.seen(step) + plateau.batch_at(step)


def test_a_checkpoint_is_written_when_time_is_up(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    times = iter(range(0, 10_000, 100))
    training = Training(
        {"model": model},
        torch.optim.AdamW(model.parameters()),
        tmp_path,
        clock=lambda: float(next(times)),
    )
    steps = training.run(Cosine(100, 1, 1e-3), lambda _: model(torch.ones(1, 2)).sum())
    saved = []
    for step, _ in steps:
        saved.append(saved_step(tmp_path))
        if step == 3:
            break
    assert saved == [0, 0, 2, 2]


def test_an_average_follows_fast_at_first_and_slowly_later() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = Average(model)
    with torch.no_grad():
        model.weight.add_(1)
    before = average.values[0].item()
    average.update(0)
    assert average.values[0].item() == pytest.approx(before + 0.9)
    average.update(10**9)
    assert average.values[0].item() == pytest.approx(before + 0.9 + 0.1 * 0.0005)


def test_pure_noise_counts_fully_and_clean_pictures_little() -> None:
    counted = denoiser.weight(torch.tensor([0.0, 1.0, 5.0, 99.0]))
    assert counted.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.06])


def test_noise_is_added_as_the_velocity_says() -> None:
    alphas = architecture.scheduler().alphas_cumprod
    latents = torch.randn(3, 4, 8, 8)
    times = torch.tensor([0, 500, 999])
    noisy = denoiser.add_noise(latents, alphas, times, torch.Generator().manual_seed(0))
    kept = alphas[times].view(-1, 1, 1, 1)
    restored = kept.sqrt() * noisy.latents - (1 - kept).sqrt() * noisy.velocity
    assert torch.allclose(restored, latents, atol=1e-4)
    spread = denoiser.spread_times(10, torch.Generator().manual_seed(0))
    assert sorted(spread // 100) == list(range(10))


def test_the_normalised_autoencoder_draws_the_same_from_latents_of_unit_size() -> None:
    torch.manual_seed(0)
    vae = architecture.autoencoder(TINY).eval()
    pictures = torch.rand(8, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = vae.decode(vae.encode(pictures).latent_dist.mean).sample
        autoencoder.normalised(vae, pictures)
        posterior = vae.encode(pictures).latent_dist
        after = vae.decode(posterior.mean).sample
    assert torch.allclose(before, after, atol=1e-4)
    assert posterior.mean.mean((0, 2, 3)).abs().max() < 1e-3
    assert posterior.mean.std((0, 2, 3)).max() < 1.01
    assert posterior.std.max() < 1e-6


@pytest.mark.parametrize("sizes", [architecture.SHIPPED, architecture.LARGER])
def test_latents_are_8_by_8_whatever_the_pictures_size(sizes: Architecture) -> None:
    vae = architecture.autoencoder(sizes)
    with torch.no_grad():
        latents = vae.encode(torch.zeros(1, 3, sizes.size, sizes.size)).latent_dist.mean
    assert latents.shape == (1, sizes.latent_channels, 8, 8)


def test_decibels_of_larger_pictures_are_taken_at_64_pixels() -> None:
    vae = architecture.autoencoder(replace(TINY, size=128, autoencoder_widths=(8,) * 5))
    pictures = torch.zeros(2, 3, 128, 128)
    assert 0 < autoencoder.decibels(vae, pictures, CPU) < 60


def test_a_model_that_goes_on_keeps_the_words_it_knew(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = words.build(words.with_words([], ["cat"]), tmp_path / "old")
    source = denoiser.untrained(old, TINY)
    vae = architecture.autoencoder(TINY)
    pipeline.save(source, vae, old, tmp_path / "pipeline")
    assert (tmp_path / "pipeline" / "SHA256SUMS").read_text("utf-8").count("\n") == 3
    new = words.build(words.with_words([], ["cat", "fox"]), tmp_path / "new")
    model = denoiser.untrained(new, TINY)
    denoiser.start_from(tmp_path / "pipeline")(model)
    with torch.no_grad():
        known = [each.float().hidden(["a cat"]) for each in (source, model)]
    assert torch.allclose(*known, atol=2e-2)
    table = model.text_encoder.get_input_embeddings().weight
    pieces = old("fox", add_special_tokens=False).input_ids
    row = new("fox", add_special_tokens=False).input_ids
    its_pieces = source.text_encoder.get_input_embeddings().weight[pieces].mean(0)
    assert torch.allclose(table[row[0]].float(), its_pieces.float(), atol=1e-3)


def test_pictures_become_tensors_between_minus_one_and_one_and_come_back() -> None:
    pictures = np.array([[[[0, 255, 51]]]], np.uint8)
    tensor = dataset.as_tensor(pictures)
    assert tensor.flatten().tolist() == pytest.approx([-1.0, 1.0, -0.6])
    assert np.array_equal(dataset.as_pictures(tensor), pictures)
