"""Methods on one another: a token beside a LoRA, and trainings over what was trained before."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.func import functional_call

from promptlang.inspection.headers import bundled_tokens, trigger_words
from promptlang.plan.events import TextReported, TrainingFinished, TrainingSkipped
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Render, Train
from promptlang.plan.training_config import Dreambooth, Lora, TextualInversion
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import TokenEmbedding, merge_loras, read_embedding, read_lora
from promptlang.runtime.conditioning.text_encoder import build_vocabulary
from promptlang.runtime.models import loader
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.sampling.loaded_model import LoadedModel
from promptlang.runtime.training.optim import precision
from promptlang.source import Span
from tests.runtime.conftest import complaints, kohya, run, says
from tests.runtime.training.methods.test_methods import adapted, alike, plainly
from tests.runtime.training.preparation import prepare, training_loss
from tests.runtime.training.state.test_resume import assert_the_same_when_resumed, digest

SKS = TextualInversion("sks", 2, "cat fox", until=0.5)
PIVOTAL = Lora(2, 2.0, token=SKS)
SAID = {"template": "a <sks> in {ink|ink}"}


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


def rows_of(file: Path) -> Tensor:
    return load_file(file)["bundle_emb.sks.string_to_param.*"]


def sks_ids(base: BaseModel) -> tuple[Tensor, list[int]]:
    """``a <sks> in ink`` with two rows behind the table, and the words that they start as."""
    known, size = (
        build_vocabulary(base.tokenizer),
        len(base.text_encoder.get_input_embeddings().weight),
    )
    said = [known.begin, *known.tokenize("a"), size, size + 1, *known.tokenize("in ink"), known.end]
    words = [*known.tokenize("cat"), *known.tokenize("fox")]
    return torch.tensor([said + [known.pad] * (77 - len(said))]), [
        word for word in words if isinstance(word, int)
    ]


def test_a_token_and_a_lora_learn_together_as_in_plain_pytorch(
    runtime: Runtime, training: Callable[..., Train], base: BaseModel, tmp_path: Path
) -> None:
    step = training(
        replace(PIVOTAL, token=replace(SKS, until=1.0)),
        steps=4,
        weight_decay=0.0,
        token_rate=5e-3,
        **SAID,
    )
    with prepare(step, base) as learner:
        lesson = training_loss(step, base, learner)
        learner.write(tmp_path / "fresh.safetensors", {})
    events = run(runtime, step)
    assert isinstance(events[-1], TrainingFinished), events
    fresh = load_file(tmp_path / "fresh.safetensors")
    fresh.pop("bundle_emb.sks.string_to_param.*")
    matrices = {name: nn.Parameter(each) for name, each in fresh.items() if "alpha" not in name}
    tensors = {**fresh, **matrices}
    text, (ids, words) = deepcopy(base.text_encoder), sks_ids(base)
    table, size = text.get_input_embeddings(), len(base.text_encoder.get_input_embeddings().weight)
    table.weight = nn.Parameter(torch.cat([table.weight.detach(), table.weight.detach()[words]]))
    table.weight.register_hook(
        lambda gradient: gradient * (torch.arange(len(gradient)) >= size)[:, None]
    )

    def predict(batch: object) -> Tensor:
        hidden = text(ids).last_hidden_state.expand(2, -1, -1)
        weights = adapted(base.unet, "lora_unet_", tensors)
        predicted = functional_call(
            base.unet, weights, (batch.noisy, batch.timesteps, hidden)
        ).sample
        return ((predicted - batch.target) ** 2).mean()

    plainly(lesson, step, [([*matrices.values()], 1e-3), ([table.weight], 5e-3)], predict)
    assert torch.allclose(rows_of(step.file), table.weight[size:], atol=1e-5)
    made = load_file(step.file)
    assert all(alike(made[name], each) for name, each in matrices.items())
    assert any(
        told.text.startswith("norm of the token's vectors")
        for told in events
        if isinstance(told, TextReported)
    )


def test_after_its_share_of_the_steps_the_token_stays_bit_for_bit_and_the_lora_does_not(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    """Though the optimizer has moments of its rows, and would make them smaller."""
    whole = training(PIVOTAL, steps=8, warmup=0, weight_decay=0.1, **SAID)
    half = training(
        replace(PIVOTAL, token=replace(SKS, until=1.0)), steps=4, warmup=0, weight_decay=0.1, **SAID
    )
    half = replace(half, file=tmp_path / "half" / "ink.safetensors")
    for step in (whole, half):
        assert isinstance(run(runtime, step)[-1], TrainingFinished)
    assert torch.equal(rows_of(whole.file), rows_of(half.file))
    name = next(key for key in load_file(half.file) if "lora_up" in key)
    assert not torch.equal(load_file(whole.file)[name], load_file(half.file)[name])


@pytest.mark.parametrize("after", [2, 4])
@pytest.mark.parametrize("text_encoder", [False, True])
def test_stopped_before_or_after_the_token_stays_it_goes_on_to_the_very_same_file(
    after: int, text_encoder: bool, runtime: Runtime, training: Callable[..., Train]
) -> None:
    method = replace(PIVOTAL, text_encoder=text_encoder)
    assert_the_same_when_resumed(
        runtime, training(method, steps=6, weight_decay=0.1, ema=0.9, **SAID), after
    )


@pytest.mark.parametrize("after", [3, 5])
def test_looks_at_an_average_leave_nothing_behind_that_is_learned_with(
    after: int, runtime: Runtime, training: Callable[..., Train]
) -> None:
    """States are cached once the token is frozen; averaged weights have other vectors."""
    method = replace(PIVOTAL, token=replace(SKS, until=0.2))
    said = {"template": "a <sks> in {ink|cat|fox|a cat|a fox}", "held_out": 0.4}
    assert_the_same_when_resumed(
        runtime, training(method, steps=10, ema=0.95, token_rate=0.05, **said), after
    )


def test_the_base_is_unchanged_and_the_file_brings_its_token_along(
    runtime: Runtime,
    training: Callable[..., Train],
    base: BaseModel,
    render: Callable[..., Render],
    span: Span,
) -> None:
    step = training(PIVOTAL, steps=2, **SAID)
    before = {name: each.clone() for name, each in base.text_encoder.state_dict().items()}
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    loaded = runtime._models[step.model].base.text_encoder.state_dict()
    assert all(torch.equal(each, before[name]) for name, each in loaded.items())
    assert bundled_tokens(step.file) == {"sks"}
    assert trigger_words(step.file) == "<sks>"
    embedding = read_embedding(Adapter("sks", step.file), base, span)
    assert torch.equal(embedding.rows["text_encoder"], rows_of(step.file))
    said = Resolved(
        (PromptPart((Interval(3, (Segment("a <sks>"),), (ActiveLora("ink", 1.0, 1.0),)),)),)
    )
    adapter = Adapter("ink", step.file)
    with_both = render(prompt=said, adapters=(adapter,), embeddings=(Adapter("sks", step.file),))
    assert complaints(run(runtime, with_both)) == []
    assert (
        complaints(run(Runtime(), with_both.with_file(with_both.file.with_name("again.png")))) == []
    )
    assert with_both.file.with_name("again.png").read_bytes() == with_both.file.read_bytes()


OTHERS = {
    "lora": Lora(2, 2.0),
    "lora-te": Lora(2, 2.0, text_encoder=True),
    "dreambooth": Dreambooth(),
    "pivotal": replace(PIVOTAL, token=replace(SKS, token="x")),
    "ti": TextualInversion("x", 1, "cat"),
}


@pytest.mark.parametrize("way", OTHERS)
def test_a_token_that_is_there_already_is_read_in_captions_as_in_prompts(
    way: str, runtime: Runtime, training: Callable[..., Train], base: BaseModel, tmp_path: Path
) -> None:
    file, draw = tmp_path / "sks.safetensors", torch.Generator().manual_seed(0)
    save_file({"emb_params": torch.randn(2, 32, generator=draw)}, file)
    step = training(
        OTHERS[way], steps=2, template="a (<sks>:1.2), <x>", embeddings=(Adapter("sks", file),)
    )
    if way == "dreambooth":
        step = replace(step, file=step.file.with_suffix(""))
    known = read_embedding(step.embeddings[0], base, step.span)
    with prepare(step, base) as learner, torch.no_grad():
        lesson = training_loss(step, base, learner, (known,))
        batch = lesson.batches.at(0)
        found = lesson.conditioning.encode(batch.captions, batch.time_ids).hidden[:1]
        own = [
            TokenEmbedding("x", "", {part: each.detach() for part, each in rows.items()})
            for rows in learner.tokens.values()
        ]
        (encoder,) = LoadedModel.of(base).encoders
        encoder = encoder.with_extra_embeddings([known, *own])
        assert torch.allclose(found, encoder.encode(encoder.cut(batch.captions[0])), atol=1e-5)
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    assert run(runtime, step) == [TrainingSkipped(step)]
    save_file({"emb_params": torch.randn(2, 32, generator=draw)}, file)
    assert isinstance(run(runtime, step)[-1], TrainingFinished)  # it says something else now


def test_a_token_that_learns_has_to_be_in_a_caption_though_another_is(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    save_file({"emb_params": torch.ones(2, 32)}, tmp_path / "sks.safetensors")
    known = (Adapter("sks", tmp_path / "sks.safetensors"),)
    step = training(TextualInversion("x"), template="a <sks>", embeddings=known)
    assert complaints(run(runtime, step)) == ["PL405 no caption has `<x>`"]


def test_a_lora_is_trained_on_a_dreambooth_model_as_on_any_other(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path, span: Span
) -> None:
    folder = tmp_path / "models" / "cat"
    first = training(Dreambooth(), steps=2, learning_rate=1e-2, file=folder, name="cat")
    over = training(Lora(2, 2.0), steps=2, model=Model("cat", folder))
    plain = training(Lora(2, 2.0), steps=2, file=tmp_path / "plain" / "ink.safetensors")
    for step in (first, over, plain):
        assert isinstance(run(runtime, step)[-1], TrainingFinished)
    assert digest(over) != digest(plain)
    with safe_open(str(over.file), "pt") as opened:
        told = opened.metadata()
    made = loader.load_model(Model("cat", folder), span)
    assert (told["ss_sd_model_name"], told["ss_new_sd_model_hash"]) == ("cat", made.sha256)


@pytest.fixture
def ink(base: BaseModel, tmp_path: Path) -> Adapter:
    file = tmp_path / "worn.safetensors"
    save_file(kohya(base), file)
    return Adapter("worn", file)


def test_a_token_that_learns_under_a_lora_sees_its_weights(
    ink: Adapter, runtime: Runtime, training: Callable[..., Train], base: BaseModel, span: Span
) -> None:
    """As on a model in whose weights the LoRA is."""
    method, use = TextualInversion("sks", 2, "cat fox"), ActiveLora("worn", 0.5, 1.5)
    under = training(method, steps=3, active_loras=(use,), adapters=(ink,), **SAID)
    assert isinstance(run(runtime, under)[-1], TrainingFinished)
    whole = merge_loras(base, [read_lora(ink, base, span)], [use])
    with prepare(under, whole) as learner:
        assert learner.unet is not base.unet
        batch = training_loss(under, whole, learner).batches.at(0)
        hidden = whole.text_encoder(torch.tensor([[0] * 77])).last_hidden_state.expand(2, -1, -1)
        ours = learner.unet(batch.noisy, batch.timesteps, hidden).sample
    by_hand = {name: each.clone() for name, each in base.unet.state_dict().items()}
    tensors = load_file(ink.file)
    for name in [each for each, module in base.unet.named_modules() if hasattr(module, "weight")]:
        key = "lora_unet_" + name.replace(".", "_")
        if f"{key}.alpha" in tensors:
            down, up = tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"]
            product = (up.flatten(1) @ down.flatten(1)) * (
                1.5 * tensors[f"{key}.alpha"] / len(down)
            )
            by_hand[f"{name}.weight"] += product.reshape(by_hand[f"{name}.weight"].shape)
    theirs = functional_call(base.unet, by_hand, (batch.noisy, batch.timesteps, hidden)).sample
    assert torch.allclose(ours, theirs, atol=1e-5)
    plain = training(method, steps=3, file=ink.file.with_name("plain.safetensors"), **SAID)
    run(runtime, plain)
    assert not torch.equal(load_file(under.file)["emb_params"], load_file(plain.file)["emb_params"])


def test_it_is_trained_again_when_the_lora_under_it_has_changed(
    ink: Adapter, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(
        SKS, steps=2, active_loras=(ActiveLora("worn", 1.0, 1.0),), adapters=(ink,), **SAID
    )
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    assert isinstance(run(runtime, step)[-1], TrainingSkipped)
    other = replace(step, active_loras=(ActiveLora("worn", 1.0, 0.5),))
    assert isinstance(run(runtime, other)[-1], TrainingFinished)
    save_file({key: each * 2 for key, each in load_file(ink.file).items()}, ink.file)
    assert isinstance(run(runtime, other)[-1], TrainingFinished)


def test_a_picture_after_a_training_under_a_lora_is_as_before(
    ink: Adapter, runtime: Runtime, training: Callable[..., Train], render: Callable[..., Render]
) -> None:
    step = render(prompt=says("a cat", 3))
    run(runtime, step)
    before = step.file.read_bytes()
    run(
        runtime,
        training(
            SKS, steps=2, active_loras=(ActiveLora("worn", 1.0, 1.0),), adapters=(ink,), **SAID
        ),
    )
    run(runtime, step)
    assert step.file.read_bytes() == before
