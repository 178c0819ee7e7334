"""How the built-in model is measured, and the card that is written of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from promptlang.cli.commands import make_emoji
from promptlang.runtime.emoji import (
    adapting,
    architecture,
    card,
    catalogue,
    checks,
    denoiser,
    figures,
    measure,
    program,
    sheets,
    words,
)
from promptlang.runtime.emoji.adapting import LoraSettings, Pictures, TokenSettings
from promptlang.runtime.emoji.architecture import Architecture
from promptlang.runtime.emoji.colours import COLOURS
from promptlang.runtime.emoji.figures import Evaluation
from promptlang.runtime.emoji.rendering import Change, Emphasis, Renderer
from promptlang.runtime.emoji.variants import VARIANTS

from .artists import few_drawings, few_things

TINY = Architecture(64, 4, (8, 8, 8, 8), (32, 32), (2, 2))


class Colours:
    """Features that are a picture's mean colours in four quarters."""

    def embed(self, pictures: Tensor) -> Tensor:
        small = torch.nn.functional.adaptive_avg_pool2d(pictures + 1.01, 2).flatten(1)
        return torch.nn.functional.normalize(small, dim=-1)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tokenizer")
    said = ["cat", "fox", "noto", "flat", "style", "ufc", "sks"]
    tokenizer = words.build(words.with_words([], said), folder)
    model = denoiser.untrained(tokenizer, TINY).eval()
    vae: AutoencoderKL = architecture.autoencoder(TINY).eval().requires_grad_(False)
    renderer = Renderer(model, vae, steps=3)
    return Evaluation(renderer, few_drawings(), Colours(), few_things())  # type: ignore[arg-type]


def test_a_picture_follows_from_its_caption_and_seed(evaluation: Evaluation) -> None:
    first = evaluation.renderer.render(["cat", "fox", "cat"], [1, 1, 2])
    assert first.shape == (3, 64, 64, 3)
    assert np.array_equal(evaluation.renderer.render(["cat"], [1])[0], first[0])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], first[2])


def test_a_late_change_and_a_words_weight_are_seen(evaluation: Evaluation) -> None:
    render = evaluation.renderer.render
    plain = render(["cat"], [1])
    assert np.array_equal(render(["fox"], [1], change=Change(0.0, ["cat"])), plain)
    assert np.array_equal(render(["cat"], [1], change=Change(1.0, ["fox"])), plain)
    assert not np.array_equal(render(["cat"], [1], change=Change(0.5, ["fox"])), plain)
    assert np.array_equal(render(["cat"], [1], emphasis=Emphasis("cat", 1.0)), plain)
    assert not np.array_equal(render(["cat"], [1], emphasis=Emphasis("cat", 3.0)), plain)


def test_every_figure_that_is_required_is_taken(evaluation: Evaluation) -> None:
    taken: dict[str, float] = {}
    gallery = evaluation.gallery()
    taken |= figures.reads_its_input(evaluation, count=2)
    taken |= figures.recognition(evaluation, gallery)
    taken |= figures.seeds_differ(evaluation, things=2, seeds=2)
    taken |= figures.words_weigh(evaluation, things=2)
    taken |= figures.late_change(evaluation, things=4)
    taken |= figures.free_wordings(evaluation, gallery, count=4)
    taken |= figures.colours_bound(evaluation, count=2)
    assert all(np.isfinite(value) for value in taken.values())
    assert {check.figure for check in checks.DENOISER} <= taken.keys()


def test_losses_on_shown_and_held_out_pairs_are_compared(evaluation: Evaluation) -> None:
    pairs = torch.randn(4, 4, 8, 8), ["cat", "fox", "", "cat"]
    found = figures.pair_losses(evaluation, pairs, pairs)
    assert found["shown"] == found["held out"] > 0


def test_a_lora_learns_and_leaves_the_bench_as_it_was(evaluation: Evaluation) -> None:
    before = {k: v.clone() for k, v in evaluation.renderer.model.state_dict().items()}
    examples = Pictures(torch.ones(2, 4, 8, 8), ["cat, sks style", "fox, sks style"])
    lora = LoraSettings(rank=2, rate=1e-2, batch=2, steps=4, evaluate_at=(0, 2, 4))
    batch = adapting.Batch(0, 2, 0)
    losses = {
        step: adapting.batch_loss(adapted.renderer.model, examples, batch, adapted).item()
        for step, adapted in adapting.train_copy(evaluation, examples, lora)
    }
    assert list(losses) == [0, 2, 4]
    assert losses[4] < losses[0]
    after = evaluation.renderer.model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_token_is_learned_beside_the_table(evaluation: Evaluation) -> None:
    table = evaluation.renderer.model.text_encoder.get_input_embeddings().weight.clone()
    examples = Pictures(torch.ones(2, 4, 8, 8), ["cat, sks style", "fox, sks style"])
    vectors = adapting.train_token(evaluation, examples, TokenSettings(steps=2, batch=2))
    assert vectors.shape == (2, 256)
    model = evaluation.renderer.model
    assert torch.equal(model.text_encoder.get_input_embeddings().weight, table)
    plain = model.hidden(["cat, ufc ufc style"])
    with adapting.learned_word(model, vectors):
        assert not torch.equal(model.hidden(["cat, ufc ufc style"]), plain)
        assert torch.equal(model.hidden(["cat"]), model.hidden(["cat"]))
    assert torch.equal(model.hidden(["cat, ufc ufc style"]), plain)


def test_blueprints_are_of_navy_and_cream_and_other_pictures_are_not(
    evaluation: Evaluation,
) -> None:
    cat = [thing for thing in evaluation.things if thing.words == "cat"]
    assert adapting.paper_distance(adapting.blueprints(evaluation, cat, ["noto"])) < 8
    assert adapting.paper_distance(evaluation.drawn(cat[0])[None]) > 40


def test_the_things_that_styles_are_tried_on_are_known() -> None:
    assert len(adapting.by_words(adapting.SHOWN)) == 16
    assert len(adapting.by_words(adapting.ASKED)) == 10
    assert not set(adapting.SHOWN) & set(adapting.ASKED)


def test_a_missed_bound_says_what_to_do() -> None:
    check = checks.Check("thing", 0.75, otherwise="Train on")
    assert check.verdict(0.8) == "thing: 0.8 (required ≥ 0.75)"
    assert check.verdict(0.5) == "thing: 0.5 (required ≥ 0.75): MISSED. Train on"
    assert checks.Check("moved", 0.1, at_least=False).passed(0.05)
    assert len(checks.verdicts(checks.AUTOENCODER, {"all": 30.0, "other": 1.0})) == 1


def test_the_card_names_every_set_its_licence_and_what_was_measured() -> None:
    found = {"pictures": 1000.0, "steps": 10.0, "thing": 0.5}
    text = card.text(VARIANTS["continued"], found)
    assert "| thing | 0.500 | ≥ 0.75 |" in text
    assert "1,000 pictures in 10 steps" in text
    for package, licence in card.LICENCES.items():
        assert f"`{program.drawings.PACKAGES[package].name}`" in text
        assert licence in text
    assert "`neon`" not in text.split("## Measured", maxsplit=1)[0]


def test_the_command_offers_every_stage_and_route() -> None:
    assert set(make_emoji.STAGES) == program.STAGES.keys()
    assert set(make_emoji.VARIANTS) == VARIANTS.keys()
    assert set(program.WHOLE) <= program.STAGES.keys()


def test_the_contact_sheet_shows_every_caption_twice(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    sheets.contact_sheet(evaluation.renderer, tmp_path / "sheet.png", columns=6)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (6 * 2 * 64, 4 * 94)


def test_the_asked_background_is_read_off_the_border() -> None:
    picture = np.full((64, 64, 3), 128, np.uint8)
    picture[:] = COLOURS["purple"]
    picture[8:-8, 8:-8] = 0
    assert measure.border_colour(picture) == "purple"
    assert measure.on_white(picture, COLOURS["purple"])[0, 0].tolist() == [255, 255, 255]


def test_the_shipped_weights_know_over_three_hundred_concepts() -> None:
    known = catalogue.concepts()
    assert len(known) >= 300
    assert len({each.words for each in known}) == len({each.artwork for each in known})
