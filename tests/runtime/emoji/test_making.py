"""The program that makes the built-in model, on small pieces of its work."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from torch import nn

from promptlang.runtime.emoji import architecture, autoencoder, catalogue, denoiser, measure
from promptlang.runtime.emoji.artwork import SIZE, over, render
from promptlang.runtime.emoji.examples import as_tensor
from promptlang.runtime.emoji.schedule import Cosine, Plateau
from promptlang.runtime.emoji.state import TrainingState
from promptlang.runtime.emoji.words import MERGES

SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#f00"/></svg>'


def test_there_are_over_three_hundred_concepts_each_with_words_of_its_own() -> None:
    known = catalogue.concepts()
    assert len(known) >= 300
    assert (
        len({concept.words for concept in known})
        == len({concept.artwork for concept in known})
        == len(known)
    )


def test_a_coloured_background_is_always_in_the_caption_and_white_goes_without_saying() -> None:
    fox = catalogue.Concept("fox", "fox")
    blue = [
        catalogue.caption(catalogue.Picture(fox, "noto", "blue"), (), Random(i)) for i in range(200)
    ]
    white = [
        catalogue.caption(catalogue.Picture(fox, "noto", "white"), (), Random(i))
        for i in range(200)
    ]
    assert all("blue background" in text for text in blue if text)
    assert 10 <= blue.count("") <= 35
    assert any("background" not in text for text in white if text)
    assert not any("blue" in text for text in white)


def test_artwork_stands_in_the_middle_of_a_colour() -> None:
    picture = over(np.asarray(render(SQUARE)), (0, 0, 255))
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture[0, 0].tolist() == [0, 0, 255]
    assert picture[SIZE // 2, SIZE // 2].tolist() == [255, 0, 0]


def test_the_normalised_autoencoder_draws_the_same_from_latents_of_unit_size() -> None:
    torch.manual_seed(0)
    vae = architecture.autoencoder().eval()
    pictures = torch.rand(8, 3, SIZE, SIZE) * 2 - 1
    with torch.no_grad():
        before = vae.decode(vae.encode(pictures).latent_dist.mean).sample
        autoencoder.normalised(vae, pictures)
        posterior = vae.encode(pictures).latent_dist
        after = vae.decode(posterior.mean).sample
    assert torch.allclose(before, after, atol=1e-4)
    assert posterior.mean.mean((0, 2, 3)).abs().max() < 1e-3
    assert posterior.mean.std((0, 2, 3)).max() < 1.01
    assert posterior.std.max() < 1e-6


def test_learning_rates_rise_stay_and_fall() -> None:
    plateau = Plateau(steps=1000, batch=1, peak=1.0, warm_up=100, descent=0.3)
    assert [plateau.rate(step) for step in (0, 99, 500, 850, 1000)] == pytest.approx(
        [0.01, 1, 1, 0.5, 0]
    )
    cosine = Cosine(steps=1100, batch=1, peak=1.0, warm_up=100)
    assert [cosine.rate(step) for step in (0, 99, 600, 1100)] == pytest.approx([0.01, 1, 0.5, 0])


def test_a_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def start() -> tuple[nn.Linear, torch.optim.Optimizer, TrainingState]:
        torch.manual_seed(0)
        model = nn.Linear(2, 2)
        optimizer = torch.optim.AdamW(model.parameters())
        return model, optimizer, TrainingState(tmp_path, {"model": model}, optimizer)

    def step(model: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    model, optimizer, state = start()
    assert state.load() == 0
    step(model, optimizer)
    state.save(1)
    step(model, optimizer)
    resumed, its_optimizer, its_state = start()
    assert its_state.load() == 1
    step(resumed, its_optimizer)
    assert torch.equal(resumed.weight, model.weight)


def test_pure_noise_counts_fully_and_clean_pictures_little() -> None:
    weights = denoiser.weight(torch.tensor([0.0, 1.0, 5.0, 99.0]))
    assert weights.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.06])


def test_the_asked_background_is_read_off_the_border() -> None:
    picture = np.full((SIZE, SIZE, 3), 128, np.uint8)
    picture[:] = catalogue.BACKGROUNDS["purple"]
    picture[8:-8, 8:-8] = 0
    assert measure.border_colour(picture) == "purple"


def test_the_contact_sheet_has_48_captions_a_third_of_them_not_worded_as_in_training() -> None:
    assert len(measure.SHEET) == len(set(measure.SHEET)) == 48
    assert MERGES == 8000


def test_pictures_become_tensors_between_minus_one_and_one() -> None:
    tensor = as_tensor(np.array([[[[0, 255, 51]]]], np.uint8))
    assert tensor.flatten().tolist() == pytest.approx([-1.0, 1.0, -0.6])
