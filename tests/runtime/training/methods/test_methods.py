"""Each method against plain PyTorch: predictions, gradients, whole trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call
from transformers import CLIPTokenizer

from promptlang.plan.events import DiagnosticRaised, TextReported, TrainingFinished
from promptlang.plan.prompt import Segment
from promptlang.plan.steps import Adapter, Model, Render, Train
from promptlang.plan.training_config import Dreambooth, Lora, PriorConfig, TextualInversion
from promptlang.prompts.chunks import split_into_chunks
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import Attachments, read_lora
from promptlang.runtime.conditioning.text_encoder import CachedTextEncoder, build_vocabulary
from promptlang.runtime.models import loader
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.methods import textual_inversion
from promptlang.runtime.training.noising.noise_schedule import NoiseSchedule
from promptlang.runtime.training.objective.training_loss import TrainingLoss
from promptlang.runtime.training.optim import precision
from promptlang.source import Source, Span
from tests.runtime.conftest import complaints, run
from tests.runtime.training.preparation import prepare, training_loss


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


def change(weight: Tensor, of: Mapping[str, Tensor]) -> Tensor:
    """A layer's weight with an adapter in it, as its paper and LyCORIS say."""
    if "hada_w1_a" in of:
        product = (of["hada_w1_a"] @ of["hada_w1_b"]) * (of["hada_w2_a"] @ of["hada_w2_b"])
        return weight + product.reshape(weight.shape) * of["alpha"] / of["hada_w1_b"].shape[0]
    if any(name.startswith("lokr") for name in of):
        one = of["lokr_w1"] if "lokr_w1" in of else of["lokr_w1_a"] @ of["lokr_w1_b"]
        two = of["lokr_w2"] if "lokr_w2" in of else of["lokr_w2_a"] @ of["lokr_w2_b"]
        rank = next((of[name].shape[0] for name in ("lokr_w1_b", "lokr_w2_b") if name in of), None)
        scale = 1.0 if rank is None else of["alpha"] / rank
        return weight + torch.kron(one, two.flatten(1)).reshape(weight.shape) * scale
    down, up = of["lora_down.weight"], of["lora_up.weight"]
    product = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape) * of["alpha"] / len(down)
    if "dora_scale" not in of:
        return weight + product
    whole = weight + product
    length = (
        whole.detach().flatten(1).norm(dim=1).reshape(of["dora_scale"].shape)
    )  # a constant, says the paper
    return whole * (of["dora_scale"] / length)


def adapted(network: nn.Module, prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of all layers that a file changes."""
    found = {}
    for name, module in network.named_modules():
        key = prefix + name.removeprefix("text_model.").replace(".", "_") + "."
        of = {
            key_.removeprefix(key): each for key_, each in tensors.items() if key_.startswith(key)
        }
        if of and isinstance(module, (nn.Linear, nn.Conv2d)):
            found[f"{name}.weight"] = change(module.weight, of)
    return found


ADAPTERS = [
    Lora(2, 3.0),
    Lora(2, 3.0, "all", text_encoder=True),
    Lora(3, 2.0, "attn+ff", rank_stabilised=True),
    Lora(2, 3.0, "all", "dora"),
    Lora(2, 3.0, "all", "loha", text_encoder=True),
    Lora(2, 2.0, "all", "lokr"),
    Lora(64, 3.0, "qv", "lokr"),
]


@pytest.mark.parametrize(
    "method", ADAPTERS, ids=lambda each: f"{each.algo}-{each.targets}-{each.rank}"
)
def test_the_loss_and_its_gradients_are_those_of_a_network_with_the_files_weights(
    method: Lora, training: Callable[..., Train], base: BaseModel, tmp_path: Path
) -> None:
    step, draw = training(method), torch.Generator().manual_seed(0)
    with prepare(step, base) as learner:
        for parameter in learner.parameters().values():
            parameter.data += torch.randn(parameter.shape, generator=draw) * 0.1
        lesson = training_loss(step, base, learner)
        (loss,) = lesson.losses(0)
        loss.backward()
        gradients = sorted(float(each.grad.norm()) for each in learner.parameters().values())
        learner.write(tmp_path / "made.safetensors", {})
    tensors = {
        name: each.requires_grad_("alpha" not in name)
        for name, each in load_file(tmp_path / "made.safetensors").items()
    }
    batch = lesson.batches.at(0)
    text = deepcopy(base.text_encoder)
    ids = torch.tensor(
        [
            lesson.conditioning.encoders[0].encoder.cut(caption)[0].tokens
            for caption in batch.captions
        ]
    )
    hidden = functional_call(
        text, adapted(text, "lora_te_text_model_", tensors), (ids,)
    ).last_hidden_state
    arguments = batch.noisy, batch.timesteps, hidden
    predicted = functional_call(
        base.unet, adapted(base.unet, "lora_unet_", tensors), arguments
    ).sample
    expected = ((predicted - batch.target) ** 2).mean()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    learned = [each for each in tensors.values() if each.requires_grad]
    scale = (
        method.alpha / method.rank if method.rank == 64 else 1.0
    )  # of the second factor's gradient, in the first
    assert len(learned) == len(gradients)
    if scale == 1.0:
        assert gradients == pytest.approx(
            sorted(float(each.grad.norm()) for each in learned), rel=1e-3, abs=1e-7
        )


@pytest.mark.parametrize("targets", ["qv", "all"])
def test_a_lora_that_is_read_again_predicts_what_was_trained(
    targets: str, training: Callable[..., Train], base: BaseModel, tmp_path: Path, span: Span
) -> None:
    step, draw = (
        training(Lora(2, 3.0, targets, text_encoder=True)),
        torch.Generator().manual_seed(0),
    )
    file = tmp_path / "made.safetensors"
    with prepare(step, base) as learner:
        for parameter in learner.parameters().values():
            parameter.data += torch.randn(parameter.shape, generator=draw) * 0.1
        lesson = training_loss(step, base, learner)
        batch = lesson.batches.at(0)
        with torch.no_grad():
            hidden = lesson.conditioning.encode(batch.captions, batch.time_ids).hidden
            expected = learner.unet(batch.noisy, batch.timesteps, hidden).sample
        learner.write(file, {})
    lora = read_lora(Adapter("made", file), base, span)
    with torch.no_grad(), Attachments(base.text_encoder, ((lora.text_encoder, 1.0),)):
        again = CachedTextEncoder(base.text_encoder, build_vocabulary(base.tokenizer))
        seen = torch.cat([again.encode(again.cut(caption)) for caption in batch.captions])
    with torch.no_grad(), Attachments(base.unet, ((lora.unet, 1.0),)):
        predicted = base.unet(batch.noisy, batch.timesteps, seen).sample
    assert torch.allclose(predicted, expected, atol=1e-4)
    assert not torch.allclose(
        predicted, base.unet(batch.noisy, batch.timesteps, hidden).sample, atol=1e-3
    )


@pytest.mark.parametrize(
    ("targets", "modules"),
    [("attn+ff", 32 + 4 * 4), ("attn1.to_(q|k)$", 8), ("all", None), ("mid_block", None)],
)
def test_targets_choose_the_layers(
    targets: str, modules: int | None, training: Callable[..., Train], base: BaseModel
) -> None:
    with prepare(training(Lora(2, 2.0, targets)), base) as learner:
        found = {name.split(".lora_")[0] for name in learner.main_parameters}
    if modules is None:
        known = {n for n, m in base.unet.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))}
        assert found == {name for name in known if targets == "all" or "mid_block" in name}
    else:
        assert len(found) == modules


def test_targets_that_are_nowhere_are_named(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    assert complaints(run(runtime, training(targets="to_z$"))) == [
        "PL523 `--targets to_z$` matches no layer of the UNet"
    ]


def test_a_complaint_points_at_the_option_that_it_is_about(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    place = Source("train lora ink from photos --targets to_z$").span(27, 42)
    events = run(runtime, replace(training(targets="to_z$"), option_spans=(("targets", place),)))
    assert [each.diagnostic.span for each in events if isinstance(each, DiagnosticRaised)] == [
        place
    ]


def plainly(
    lesson: TrainingLoss,
    step: Train,
    groups: list[tuple[list[nn.Parameter], float]],
    predict: Callable[..., Tensor],
) -> None:
    """A training as one would write it."""
    optimisation = step.config.optimisation
    decay = optimisation.weight_decay
    adam = torch.optim.AdamW(
        [{"params": each, "lr": rate} for each, rate in groups], weight_decay=decay
    )
    for number in range(optimisation.steps):
        batch = lesson.batches.at(number)
        for group, (_, rate) in zip(adam.param_groups, groups, strict=True):
            group["lr"] = rate * (number + 1) / optimisation.steps  # it rises all the way
        adam.zero_grad()
        predict(batch).backward()
        torch.nn.utils.clip_grad_norm_([each for group, _ in groups for each in group], 1.0)
        adam.step()


def alike(one: Tensor, other: Tensor) -> bool:
    """Except numbers whose gradient is a rounding error, which Adam makes as large as any."""
    return bool(((one - other).abs() < 2e-5).float().mean() > 0.99)


def token_ids(base: BaseModel, caption: tuple[Segment, ...]) -> Tensor:
    (chunk,) = split_into_chunks(caption, build_vocabulary(base.tokenizer))
    return torch.tensor([chunk.tokens])


def test_dreambooth_is_a_plain_training_of_unet_and_text_encoder_with_the_bases_own_prediction_kept(
    runtime: Runtime, training: Callable[..., Train], base: BaseModel, tmp_path: Path, span: Span
) -> None:
    folder = tmp_path / "models" / "cat"
    step = training(
        Dreambooth(text_encoder=True),
        prior=PriorConfig(0.7, "a cat"),
        steps=3,
        file=folder,
        name="cat",
    )
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    made = loader.load_model(Model("cat", folder), span)
    with prepare(step, base) as learner:
        lesson = training_loss(step, base, learner)
    unet, text = (deepcopy(each).requires_grad_(True) for each in (base.unet, base.text_encoder))

    def predict(batch: object) -> Tensor:
        hidden = torch.cat(
            [text(token_ids(base, caption)).last_hidden_state for caption in batch.captions]
        )
        learned = unet(batch.noisy, batch.timesteps, hidden).sample
        ids = token_ids(base, (Segment("a cat"),))
        of_class, of_base = (
            each(ids).last_hidden_state.expand(2, -1, -1) for each in (text, base.text_encoder)
        )
        wanted = base.unet(batch.noisy, batch.timesteps, of_base).sample.detach()
        kept = unet(batch.noisy, batch.timesteps, of_class).sample
        return ((learned - batch.target) ** 2).mean() + 0.7 * ((kept - wanted) ** 2).mean()

    plainly(lesson, step, [([*unet.parameters()], 1e-3), ([*text.parameters()], 1e-4)], predict)
    for part, expected in (("unet", unet), ("text_encoder", text)):
        mine, before = {"unet": made.unet, **made.text_encoders}[part], getattr(base, part)
        for name, value in expected.state_dict().items():
            assert alike(mine.state_dict()[name], value), name
        moved = [
            not torch.equal(each, before.state_dict()[name])
            for name, each in mine.state_dict().items()
        ]
        assert sum(moved) > len(moved) / 2
    assert all(
        torch.equal(a, b) for a, b in zip(made.vae.parameters(), base.vae.parameters(), strict=True)
    )


def test_textual_inversion_is_a_plain_training_of_rows_in_the_table(
    runtime: Runtime, training: Callable[..., Train], base: BaseModel
) -> None:
    method = TextualInversion("sks", 2, "cat fox")
    step = training(
        method, template="a <sks> in {ink|ink}", steps=4, learning_rate=5e-3, weight_decay=0.0
    )
    events = run(runtime, step)
    assert isinstance(events[-1], TrainingFinished), events
    with prepare(step, base) as learner:
        lesson = training_loss(step, base, learner)
    known, text = build_vocabulary(base.tokenizer), deepcopy(base.text_encoder)
    table = text.get_input_embeddings()
    size = len(table.weight)
    words = [*known.tokenize("cat"), *known.tokenize("fox")]
    table.weight = nn.Parameter(torch.cat([table.weight.detach(), table.weight.detach()[words]]))
    said = [known.begin, *known.tokenize("a"), size, size + 1, *known.tokenize("in ink"), known.end]
    ids = torch.tensor([said + [known.pad] * (77 - len(said))])
    table.weight.register_hook(
        lambda gradient: gradient * (torch.arange(len(gradient)) >= size)[:, None]
    )

    def predict(batch: object) -> Tensor:
        hidden = text(ids).last_hidden_state.expand(2, -1, -1)
        return ((base.unet(batch.noisy, batch.timesteps, hidden).sample - batch.target) ** 2).mean()

    plainly(lesson, step, [([table.weight], 5e-3)], predict)
    assert torch.allclose(load_file(step.file)["emb_params"], table.weight[size:], atol=1e-5)
    assert torch.equal(table.weight[:size], base.text_encoder.get_input_embeddings().weight)
    told = [each.text for each in events if isinstance(each, TextReported)]
    assert told[1].startswith("norm of the token's vectors: ")


def test_a_token_starts_as_a_word_or_as_the_mean_of_all(
    training: Callable[..., Train], base: BaseModel, runtime: Runtime
) -> None:
    table = base.text_encoder.get_input_embeddings().weight
    for init, row in (
        ("cat", table[build_vocabulary(base.tokenizer).tokenize("cat")[0]]),
        ("", None),
    ):
        with prepare(training(TextualInversion("x", 3, init)), base) as learner:
            rows = learner.main_parameters[textual_inversion.EMBEDDING_KEY]
        assert torch.allclose(
            rows.norm(dim=1), (row if row is not None else table).norm(dim=-1).median()
        )
        assert torch.equal(rows[0], rows[2])
    assert complaints(run(runtime, training(TextualInversion("x"), template="a cat"))) == [
        "PL405 no caption has `<x>`"
    ]
    step = training(TextualInversion("x", 1, " "), template="<x>")
    assert complaints(run(runtime, step)) == ["PL524 `--init  ` has no word to start from"]


def test_a_word_to_start_from_that_is_longer_than_the_token_is_told(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(TextualInversion("x", 2, "a cat a"), template="<x>", steps=1)
    told = "`a cat a` is 3 tokens to the model, and only the first 2 of them are used"
    assert complaints(run(runtime, step)) == [f"PL532 {told}"]
    assert (
        complaints(
            run(runtime, training(TextualInversion("x", 3, "a cat a"), template="<x>", steps=1))
        )
        == []
    )


@pytest.fixture(
    params=[
        Lora(2, 2.0, "all", text_encoder=True),
        Lora(2, 2.0, "attn", "dora"),
        Dreambooth(True),
        TextualInversion("x"),
    ],
    ids=str,
)
def method(request: pytest.FixtureRequest) -> object:
    return request.param


def test_what_is_not_to_learn_is_unchanged_bit_for_bit(
    method: object, tiny: Model, training: Callable[..., Train]
) -> None:
    runtime = Runtime()
    run(runtime, training(steps=1, file=training().file.with_name("first.safetensors")))
    base = runtime._models[tiny].base
    before = {
        part: deepcopy(getattr(base, part).state_dict()) for part in ("unet", "text_encoder", "vae")
    }
    assert isinstance(
        run(runtime, training(method, template="a <x>", steps=2))[-1], TrainingFinished
    )
    for part, values in before.items():
        after = getattr(base, part)
        assert after.state_dict().keys() == values.keys()
        assert all(torch.equal(value, values[name]) for name, value in after.state_dict().items())
        assert not any(parameter.requires_grad for parameter in after.parameters())


def result(step: Train) -> Iterator[tuple[str, Tensor]]:
    """The tensors of what was made."""
    files = sorted(step.file.glob("*/*.safetensors")) if step.file.is_dir() else [step.file]
    for file in files:
        yield from sorted(load_file(file).items())


def test_two_batches_to_a_step_are_one_of_twice_the_size(
    method: object, runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    made = []
    for batch, accumulate in ((4, 1), (2, 2), (1, 4)):
        file = tmp_path / f"{accumulate}" / "made"
        options = {
            "weighting": "min-snr",
            "noise_offset": 0.1,
            "dropout": 0.2,
            "template": "a <x> ${caption}",
        }
        prior = None if isinstance(method, TextualInversion) else PriorConfig(0.5, "a cat")
        step = training(
            method, file=file, batch=batch, accumulate=accumulate, steps=2, prior=prior, **options
        )
        assert isinstance(run(runtime, step)[-1], TrainingFinished)
        made.append(dict(result(step)))
    for other in made[1:]:
        assert made[0].keys() == other.keys()
        assert all(alike(other[name], value) for name, value in made[0].items())


@pytest.mark.parametrize(
    ("algo", "expected"), [("dora", "change by 50.00%"), ("lora", "change by 0.00%")]
)
def test_doras_lengths_count_in_how_strong_it_is(
    algo: str, expected: str, training: Callable[..., Train], base: BaseModel
) -> None:
    with prepare(training(Lora(2, 2.0, "attn", algo)), base) as learner:
        for name, parameter in learner.main_parameters.items():
            if "magnitude" in name:
                parameter.data *= 1.5
        (told,) = learner.report()
    assert told.startswith(f"unet: weights {expected} of their norm")


@pytest.mark.parametrize("method", [Lora(4, 4.0), TextualInversion("x")], ids=["lora", "ti"])
def test_the_losses_of_a_steps_parts_are_those_of_the_whole(
    method: object, training: Callable[..., Train], base: BaseModel
) -> None:
    """Which an optimizer that knows no scale would not show."""
    found = []
    for batch, accumulate in ((4, 1), (2, 2), (1, 4)):
        step = training(method, batch=batch, accumulate=accumulate, template="a <x> ${caption}")
        with prepare(step, base) as learner, torch.no_grad():
            found.append(float(sum(training_loss(step, base, learner).losses(0))))
    assert found == pytest.approx([found[0]] * 3, rel=1e-4)


def test_what_is_held_back_while_the_base_is_asked_stays_held_back(
    training: Callable[..., Train], base: BaseModel
) -> None:
    step = training(
        Lora(2, 2.0, "all"),
        prior=PriorConfig(1.0, "a cat"),
        part_rates=(("down", 0.0), ("mid", 0.0)),
    )
    with prepare(step, base) as learner:
        sum(training_loss(step, base, learner).losses(0)).backward()
        learns = {name for name, each in learner.unet.named_parameters() if each.requires_grad}
        assert learns == learner.main_parameters.keys()


def test_pictures_of_others_of_the_kind_count_by_their_weight(
    training: Callable[..., Train], base: BaseModel, photos: Path
) -> None:
    step = training(prior=PriorConfig(0.25, "a cat", photos), weighting="min-snr", batch=3)
    with prepare(step, base) as learner, torch.no_grad():
        lesson = training_loss(step, base, learner)
        own, others = lesson.losses(5)
        batch = lesson.prior.batches.at(5)
        assert batch.captions == ((Segment("a cat"),),) * 3
        assert not torch.equal(batch.noisy, lesson.batches.at(5).noisy)
        predicted = learner.predict(
            batch.noisy, batch.timesteps, lesson.conditioning.encode(batch.captions, batch.time_ids)
        )
    snr = NoiseSchedule.of(base.scheduler_config).snr[batch.timesteps]
    each = ((predicted - batch.target) ** 2).mean(dim=(1, 2, 3)) * (snr.clamp(max=5) / snr)
    assert others.item() == pytest.approx(0.25 * each.mean().item(), rel=1e-5)
    assert own.item() > 0


@pytest.mark.parametrize(("ratio", "count"), [(2.0, 8), (0.5, 2)])
def test_so_many_of_them_are_seen_for_each_picture_and_count_no_more_for_it(
    ratio: float, count: int, training: Callable[..., Train], base: BaseModel, photos: Path
) -> None:
    step = training(prior=PriorConfig(0.25, "a cat", photos, ratio), batch=2, accumulate=2)
    with prepare(step, base) as learner, torch.no_grad():
        lesson = training_loss(step, base, learner)
        losses = [*lesson.losses(5)]
        batch = lesson.prior.batches.at(5)
        assert len(batch.timesteps) == count
        predicted = learner.predict(
            batch.noisy, batch.timesteps, lesson.conditioning.encode(batch.captions, batch.time_ids)
        )
    assert len(losses) == 4
    wanted = 0.25 * ((predicted - batch.target) ** 2).mean()
    assert sum(losses[2:]).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_without_the_adapter_the_prediction_is_the_bases(
    training: Callable[..., Train], base: BaseModel
) -> None:
    step = training(Lora(2, 2.0, "all"), prior=PriorConfig(1.0, "a cat"))
    with prepare(step, base) as learner:
        _, drift = training_loss(step, base, learner).losses(0)
        assert drift.item() < 1e-10  # nothing is learned yet
        for parameter in learner.parameters().values():
            parameter.data += 0.1
        _, drift = training_loss(step, base, learner).losses(0)
        assert drift.item() > 1e-3
        assert all(parameter.requires_grad for parameter in learner.parameters().values())


def test_a_trained_model_is_a_folder_that_diffusers_and_older_tools_read(
    runtime: Runtime, training: Callable[..., Train], tiny: Model, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "cat"
    run(runtime, training(Dreambooth(text_encoder=True), steps=1, name="cat", file=folder))
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    found = pipeline.text_encoder.state_dict()
    with safe_open(str(folder / "text_encoder" / "model.safetensors"), "pt") as opened:
        for name in opened.keys():  # noqa: SIM118
            assert name.startswith("text_model.")
            assert torch.equal(opened.get_tensor(name), found[name.removeprefix("text_model.")])
    words = [folder / "tokenizer" / name for name in ("vocab.json", "merges.txt")]
    older = CLIPTokenizer(*map(str, words), model_max_length=77)
    before = CLIPTokenizer.from_pretrained(tiny.path / "tokenizer")
    assert older("a cat in ink")["input_ids"] == before("a cat in ink")["input_ids"]
    assert pipeline.scheduler.config.beta_end == 0.012


def test_a_model_that_is_trained_again_is_read_again(
    runtime: Runtime,
    training: Callable[..., Train],
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "models" / "cat"
    seen = []
    for rate in (1e-3, 1e-2):
        run(runtime, training(Dreambooth(), steps=2, name="cat", file=folder, learning_rate=rate))
        seen.append(pixels(render(model=Model("cat", folder))))
    assert not np.array_equal(*seen)
