"""Checked programs to plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from promptlang import Disk, Session, Source
from promptlang.plan.prompt import Area, Segment
from promptlang.plan.steps import EMOJI, Adapter, ComputeConfig, ContactSheet, Model, Render, Train
from promptlang.plan.training_config import (
    DataConfig,
    Dreambooth,
    Lora,
    ObjectiveConfig,
    OptimizerConfig,
    PriorConfig,
    TextualInversion,
)
from tests.conftest import FOLDER, WORLD


def plan(session: Session, text: str) -> list[Render | Train]:
    planned = session.plan(Source(text))
    assert planned.diagnostics == ()
    return list(planned.plan.steps)


def test_a_training_knows_where_its_options_are_written(session: Session) -> None:
    (step,) = plan(session, "train lora a from photos --targets attn")
    assert isinstance(step, Train)
    assert [step.span_of(option).text for option in ("targets", "from")] == [
        "--targets attn",
        "photos",
    ]
    assert step.span_of("rank") == step.span


def test_a_prompt_takes_its_own_options_before_the_settings_before_the_defaults(
    session: Session,
) -> None:
    (first, second) = plan(
        session,
        "a fox\nset steps 30\nset negative 'x'\n".replace("'", '"') + "a fox --cfg 3 --size 64x128",
    )
    assert isinstance(first, Render)
    assert isinstance(second, Render)
    assert (
        first.sampling.steps,
        first.sampling.cfg,
        first.image.size,
        first.prompts.negative_text,
    ) == (25, 5.0, None, "")
    assert (
        second.sampling.steps,
        second.sampling.cfg,
        second.image.size,
        second.prompts.negative_text,
    ) == (
        30,
        3.0,
        (64, 128),
        "x",
    )


def test_a_trained_lora_is_known_from_the_next_line_on(session: Session) -> None:
    (training, render) = plan(
        session, "train lora crayon from photos --rank 4\na fox, <lora:crayon:0.5>"
    )
    assert isinstance(training, Train)
    assert isinstance(render, Render)
    assert (training.config.method, training.config.data.folder) == (
        Lora(4, 4.0),
        FOLDER / "photos",
    )
    assert render.prompts.adapters == (Adapter("crayon", training.file),)


def test_a_lora_is_not_known_before_it_is_trained(session: Session) -> None:
    assert session.plan(Source("a fox, <lora:crayon>\ntrain lora crayon from photos")).failed


def test_a_model_holds_for_what_follows(session: Session) -> None:
    steps = plan(session, 'a fox\nuse model "models/sd"\na fox')
    assert [step.model for step in steps] == [EMOJI, Model("sd", FOLDER / "models/sd")]


def test_what_a_model_predicts_can_be_said(session: Session) -> None:
    steps = plan(session, 'use model "models/sd" --prediction v\na fox\nuse model emoji\na fox')
    assert [step.model for step in steps] == [
        Model("sd", FOLDER / "models/sd", prediction="v"),
        EMOJI,
    ]
    assert session.plan(Source("use model emoji --prediction x0\na fox")).failed


@pytest.mark.parametrize(
    ("reference", "model"),
    [
        ("emoji", EMOJI),
        ('"emoji"', None),
        ("models/sd", Model("sd", FOLDER / "models/sd")),
        ('"downloads/dream.safetensors"', Model("dream", FOLDER / "downloads/dream.safetensors")),
        ("stabilityai/sdxl-base-1.0", Model("stabilityai/sdxl-base-1.0", hub=True)),
        ("photos/typo", None),  # `photos` is a folder here
        ("a/b/c", None),
    ],
)
def test_a_model_is_built_in_a_folder_a_file_or_a_hubs(
    session: Session, reference: str, model: Model | None
) -> None:
    planned = session.plan(Source(f"use model {reference}\na fox"))
    assert [step.model for step in planned.plan.steps if isinstance(step, Render)] == (
        [model] if model else []
    )
    assert [each.code for each in planned.diagnostics] == ([] if model else ["PL103"])


def test_a_vae_holds_until_the_next_model(session: Session) -> None:
    steps = plan(session, 'use vae "downloads/wash.safetensors"\na fox\nuse model models/sd\na fox')
    assert [step.model.vae for step in steps] == [FOLDER / "downloads/wash.safetensors", None]


def test_how_it_is_computed_holds_for_pictures(session: Session) -> None:
    before, after = plan(
        session, "a fox\nset precision bf16\nset device cpu\nset memory low\na fox"
    )
    assert isinstance(before, Render)
    assert isinstance(after, Render)
    assert before.computing == ComputeConfig(None, "auto", "normal")
    assert after.computing == ComputeConfig("bf16", "cpu", "low")


def test_a_model_of_no_use_is_left_for_the_one_before(session: Session) -> None:
    plan(session, "use model models/sd\na fox")
    bad = Model("dream", FOLDER / "downloads/dream.safetensors")
    plan(session, 'use model "downloads/dream.safetensors"\nuse vae "downloads/wash.safetensors"')
    worse = plan(session, "a fox")[0].model
    session.leave(bad)
    assert (
        plan(session, "a fox")[0].model
        == worse
        == replace(bad, vae=FOLDER / "downloads/wash.safetensors")
    )
    session.leave(worse)
    session.leave(bad)
    assert plan(session, "a fox")[0].model == Model("sd", FOLDER / "models/sd")


def test_an_error_leaves_the_session_as_it_was(session: Session) -> None:
    assert session.plan(Source("set steps 30\na fox, <lora:nowhere>")).plan.steps == ()
    assert plan(session, "a fox")[0].sampling.steps == 25


def test_a_session_remembers_what_was_set(session: Session) -> None:
    plan(session, "set steps 7")
    assert plan(session, "a fox")[0].sampling.steps == 7
    assert ("steps", "7") in session.describe()
    assert ("size", "the base model's size") in session.describe()
    assert ("mask", "none") in session.describe()


def test_pictures_are_numbered_through_a_session_and_called_after_their_prompt(
    session: Session,
) -> None:
    plan(session, "a fox")
    (second,) = plan(session, "an (old) owl, <lora:ink>")
    assert isinstance(second, Render)
    assert second.file == FOLDER / "out" / "recipe-02-an-old-owl.png"


@pytest.mark.parametrize(
    "text", ["set n 3\nset seed 9\na fox", "set n 3\na fox --seed 9", "set seed 9\na fox --n 3"]
)
def test_several_pictures_have_one_seed_after_the_other_wherever_the_first_is_said(
    text: str,
) -> None:
    assert [
        each.sampling.seed
        for each in plan(Session(FOLDER, world=WORLD), text)
        if isinstance(each, Render)
    ] == [9, 10, 11]


def test_a_recipes_seed_is_the_same_each_time_and_the_repls_a_new_one() -> None:
    recipe = [plan(Session(FOLDER, world=WORLD), "a fox")[0].sampling.seed for _ in range(2)]
    repl = [
        plan(Session(FOLDER, world=WORLD, fresh_seeds=True), "a fox")[0].sampling.seed
        for _ in range(2)
    ]
    assert recipe == [0, 0]
    assert repl[0] != repl[1]


def test_paths_start_at_the_recipe() -> None:
    session = Session(Path("recipe"), world=WORLD)
    (training,) = plan(session, "train lora x from photos")
    assert isinstance(training, Train)
    assert training.config.data.folder == Path("recipe/photos")


def test_and_is_a_word_in_a_negative_prompt(session: Session) -> None:
    (render,) = plan(session, 'a :0.5 AND b <lora:ink> --negative "x AND y:2"')
    assert isinstance(render, Render)
    assert [part.weight for part in render.prompts.prompt.parts] == [0.5, 1.0]
    assert [segment.text for segment in render.prompts.negative.parts[0].intervals[0].segments] == [
        "x AND y:2"
    ]
    assert [adapter.name for adapter in render.prompts.adapters] == ["ink"]


def test_a_lora_that_comes_later_is_found_too(session: Session) -> None:
    (render,) = plan(session, "a [<lora:ink>:0.5]")
    assert isinstance(render, Render)
    assert [adapter.name for adapter in render.prompts.adapters] == ["ink"]


def test_what_a_prompt_says_of_areas_weights_and_layers_is_in_its_plan(session: Session) -> None:
    (step,) = plan(
        session,
        "a sea AND <area:0,0.5,0.25,1:feather=0.1> a fox:0.8 --emphasis comfy --clip-skip 2",
    )
    assert isinstance(step, Render)
    assert step.prompts.prompt.parts[1].area == Area(0, 0.5, 0.25, 1, 0.1)
    assert (step.prompts.prompt.parts[1].weight, step.prompts.emphasis, step.prompts.clip_skip) == (
        0.8,
        "comfy",
        2,
    )


def sheet(session: Session, text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each row's label, and the labels and numbers of its pictures."""
    *renders, last = session.plan(Source(text)).plan.steps
    assert isinstance(last, ContactSheet)
    assert [each.output.sheet_position for each in renders if isinstance(each, Render)] == [
        (at, len(renders)) for at in range(1, len(renders) + 1)
    ]
    return [
        (row.label, [(label, file.name[7:9]) for label, file in row.cells]) for row in last.rows
    ]


def test_a_sweep_comes_with_a_contact_sheet(session: Session) -> None:
    assert sheet(session, "a fox --seed 1,2 --cfg 3..5 --steps 4") == [
        ("seed 1", [("cfg 3", "01"), ("cfg 4", "02"), ("cfg 5", "03")]),
        ("seed 2", [("cfg 3", "04"), ("cfg 4", "05"), ("cfg 5", "06")]),
    ]


def test_three_sweeps_share_two_sides(session: Session) -> None:
    rows = sheet(session, "a {red|blue} fox --every --seed 1,2 --emphasis comfy,none")
    assert [label for label, _ in rows] == [
        "a red fox, seed 1",
        "a red fox, seed 2",
        "a blue fox, seed 1",
        "a blue fox, seed 2",
    ]
    assert rows[0][1] == [("emphasis comfy", "01"), ("emphasis none", "02")]


def test_a_single_sweep_goes_on_in_the_next_line(session: Session) -> None:
    rows = sheet(session, "a fox --n 10 --seed 5")
    assert [(label, len(cells)) for label, cells in rows] == [("", 8), ("", 2)]
    assert rows[1][1][-1] == ("seed 14", "10")


def test_there_is_no_sheet_of_one_picture_nor_against_ones_will(session: Session) -> None:
    for text in ("a fox", "a fox --seed 1,2 --no-grid", "set grid off\na fox --seed 1,2"):
        assert all(
            isinstance(step, Render) and step.output.sheet_position is None
            for step in session.plan(Source(text)).plan.steps
        )
    assert sheet(session, "a fox --seed 1,2 --grid")


def test_a_token_is_looked_up_among_the_embeddings_and_in_the_loras_that_bring_one_along() -> None:
    world = replace(WORLD, tokens_there=["old"], tokens_of={"ukiyo-e": ["wave"]})
    program = (
        'use ti "downloads/wash.safetensors" as <wash>\na (<wash>:1.2), <wave> --negative "<old>"'
    )
    planned = Session(FOLDER, world=world).plan(Source(program))
    assert [each.code for each in planned.diagnostics] == []
    (step,) = planned.plan.steps
    assert isinstance(step, Render)
    assert {each.name: each.file.name for each in step.prompts.embeddings} == {
        "wash": "wash.safetensors",
        "wave": "ukiyo-e.safetensors",
        "old": "old.pt",
    }


def test_a_trigger_is_the_words_that_its_lora_stores() -> None:
    world = replace(WORLD, triggers_of={"ink": "sks ink"})
    (step,) = (
        Session(FOLDER, world=world).plan(Source("a fox, <trigger:ink> <lora:ink:1>")).plan.steps
    )
    assert isinstance(step, Render)
    assert step.prompts.prompt.parts[0].intervals[0].segments == (Segment("a fox, sks ink"),)


def test_every_option_of_a_training_is_in_its_plan(session: Session) -> None:
    (step,) = plan(
        session,
        """train lora x from photos --rank 4 --alpha 2 --targets "to_(q|v)$" --algo dora --rslora
    --te --te-lr 2e-5 --prompt "sks, ${caption}" --caption-dropout 10% --shuffle-captions
    --keep-tokens 1 --flip --buckets --alpha-mask --hold-out 0.2
    --crop 30% --colour-jitter 0.2 --pixel-noise 0.02 --variants 5
    --class "a cat" --class-data photos --prior 0.5 --loss cosine --cosine-weight 0.3 --min-snr 4
    --noise-offset 0.05 --perturbation 0.1 --optimizer adamw8bit --lr 1e-4 --weight-decay 0.1
    --warmup 5 --scheduler cosine-restarts --cycles 2 --steps 9 --batch 3 --accumulate 2
    --clip 0 --ema 0.9
    --gradient-checkpointing --attention xformers --mid-lr 3e-4 --seed 5 --force""",
    )
    assert isinstance(step, Train)
    config, photos = step.config, FOLDER / "photos"
    assert config.method == Lora(
        4, 2.0, "to_(q|v)$", "dora", rank_stabilised=True, text_encoder=True
    )
    assert config.data == DataConfig(
        photos, "sks, ${caption}", 0.1, True, 1, True, True, True, None, 0.2, 0.3, 0.2, 0.02, 5
    )
    assert config.objective == ObjectiveConfig("cosine", 0.3, "min-snr", 4.0, 0.05, 0.0, 0.1)
    assert config.optimisation == OptimizerConfig(
        *(1e-4, 2e-5, 5e-3, "adamw8bit", 0.1, "cosine-restarts", 5, 2, 9, 3, 2, 0.0, 0.9),
        gradient_checkpointing=True,
        attention="xformers",
        part_rates=(("mid", 3e-4),),
    )
    assert (config.prior, config.seed, step.force) == (PriorConfig(0.5, "a cat", photos), 5, True)


def test_an_alias_of_an_option_fills_the_same_field_on_a_line_and_in_set(session: Session) -> None:
    named, aliased = plan(
        session,
        "train lora a from photos --max-grad-norm 0.5\ntrain lora a from photos --clip 0.5",
    )
    assert isinstance(named, Train)
    assert isinstance(aliased, Train)
    assert named.config == aliased.config
    assert aliased.span_of("max-grad-norm").text == "--clip 0.5"
    by_line, by_setting = plan(session, "a fox --guidance-scale 7\nset guidance-scale 7\na fox")
    assert isinstance(by_line, Render)
    assert isinstance(by_setting, Render)
    assert (by_line.sampling.cfg, by_setting.sampling.cfg) == (7.0, 7.0)


def test_a_trained_model_and_a_trained_token_are_known_from_the_next_line_on(
    session: Session,
) -> None:
    (model, token, render) = plan(
        session,
        """train dreambooth cat from photos --class "a cat" --te
train ti <sks> from photos --init "cat fox"
use model cat
a <sks>""",
    )
    assert isinstance(model, Train)
    assert isinstance(token, Train)
    assert (model.config.method, model.file) == (
        Dreambooth(text_encoder=True),
        FOLDER / "models" / "cat",
    )
    assert model.config.prior == PriorConfig(1.0, "a cat")
    assert (token.config.method, token.file) == (
        TextualInversion("sks", 1, "cat fox"),
        FOLDER / "embeddings" / "sks.safetensors",
    )
    assert (token.config.data.template, token.config.optimisation.weight_decay) == (
        "a picture of <sks>",
        0.0,
    )
    assert (render.model, token.model) == (Model("cat", model.file), EMOJI)


def test_a_training_knows_the_tokens_that_are_there_already_but_its_own(session: Session) -> None:
    (first, second) = plan(
        session, "train ti <sks> from photos\ntrain ti <sks> from photos --vectors 2"
    )
    (_, lora) = plan(session, "train ti <sks> from photos\ntrain lora ink from photos")
    assert isinstance(first, Train)
    assert isinstance(second, Train)
    assert isinstance(lora, Train)
    assert first.embeddings == second.embeddings == ()
    assert lora.embeddings == (Adapter("sks", FOLDER / "embeddings" / "sks.safetensors"),)


def test_dreambooth_can_make_a_lora(session: Session) -> None:
    (step, render) = plan(
        session, "train dreambooth cat from photos --as lora --rank 4\na <lora:cat:0.5>"
    )
    assert isinstance(step, Train)
    assert isinstance(render, Render)
    assert (step.config.method, render.prompts.adapters) == (
        Lora(4, 4.0),
        (Adapter("cat", step.file),),
    )


def test_the_last_word_counts_on_what_dreambooth_makes(session: Session) -> None:
    (step,) = session.plan(
        Source("train dreambooth cat from photos --as lora --as model")
    ).plan.steps
    assert isinstance(step, Train)
    assert (step.config.method, step.file) == (Dreambooth(), FOLDER / "models" / "cat")


def test_a_token_that_a_lora_brings_along_is_known_from_the_next_line_on(session: Session) -> None:
    (step, render) = plan(
        session,
        "train lora cat from photos --with-ti <sks> --vectors 2 --init cat --ti-until 30% "
        "--ti-lr 0.001\na <sks>",
    )
    assert isinstance(step, Train)
    assert isinstance(render, Render)
    assert step.config.method == Lora(token=TextualInversion("sks", 2, "cat", 0.3))
    assert step.config.optimisation.token_rate == 1e-3
    assert step.config.data.template == "a picture of <sks>"
    assert render.prompts.embeddings == (Adapter("sks", step.file),)


def test_a_picture_may_start_from_one_that_was_made_above_it(session: Session) -> None:
    first, second = plan(session, "a fox\na fox --init out/recipe-01-a-fox.png")
    assert isinstance(second, Render)
    assert isinstance(first, Render)
    assert second.image.init == first.file
    (missing,) = session.plan(Source("a fox\na fox --init elsewhere/x.png")).diagnostics
    assert missing.code == "PL304"


def test_a_training_may_be_over_another_model_and_under_loras(session: Session) -> None:
    (model, lora, token) = plan(
        session,
        """train dreambooth cat from photos
train lora wash from photos --on cat
train ti <sks> from photos --on cat --under "<lora:wash:0.5> <lora:ink:0.3:0.8>" --steps 10
    --ti-until 0.7""",
    )
    assert isinstance(lora, Train)
    assert isinstance(token, Train)
    assert lora.model == token.model == Model("cat", model.file)
    assert [(use.name, use.text_encoder, use.unet) for use in token.active_loras] == [
        ("wash", 0.5, 0.5),
        ("ink", 0.3, 0.8),
    ]
    assert [adapter.file for adapter in token.adapters] == [
        lora.file,
        FOLDER / "adapters" / "ink.safetensors",
    ]
    assert token.steps == 7  # a token alone that stays as it is has no more steps


@pytest.mark.parametrize(
    ("written", "sampler", "scheduler"),
    [
        ("dpm++_2m_karras", "dpm++_2m", "karras"),
        ('"DPM++ 2M SDE Karras"', "dpm++_2m_sde", "karras"),
        ('"Euler a"', "euler_a", "normal"),
        ("k_euler_ancestral", "euler_a", "normal"),
        ("dpmpp_2m_sde_gpu", "dpm++_2m_sde", "normal"),
        ("UniPC", "unipc", "normal"),
        ("dpm++_2m_karras --scheduler exponential", "dpm++_2m", "exponential"),
    ],
)
def test_a_sampler_goes_by_any_tools_name(
    session: Session, written: str, sampler: str, scheduler: str
) -> None:
    (step,) = plan(session, f"a fox --sampler {written}")
    assert isinstance(step, Render)
    assert (step.sampling.sampler, step.sampling.scheduler) == (sampler, scheduler)


def test_samplers_are_swept_by_any_name(session: Session) -> None:
    steps = plan(session, 'a fox --sampler euler,"DPM++ 2M Karras"')
    made = [
        (step.sampling.sampler, step.sampling.scheduler)
        for step in steps
        if isinstance(step, Render)
    ]
    assert made == [("euler", "normal"), ("dpm++_2m", "karras")]


def test_samples_are_prompts_below_the_training_in_each_variant(session: Session) -> None:
    (step,) = session.plan(
        Source(
            "set steps 7\nset cfg 3\n"
            'train ti <sks> from photos --steps 90 --seed 5 --samples "a <sks> {fox|owl}"'
        )
    ).plan.steps
    assert isinstance(step, Train)
    fox, owl = step.samples
    folder = FOLDER / "embeddings" / "sks.report" / "samples"
    assert (fox.prompts.text, fox.sampling.steps, fox.sampling.cfg, fox.sampling.seed) == (
        "a <sks> fox",
        7,
        3.0,
        5,
    )
    assert [each.file for each in (fox, owl)] == [
        folder / "01-a-sks-fox.png",
        folder / "02-a-sks-owl.png",
    ]
    assert (fox.prompts.embeddings, fox.prompts.adapters, fox.output.metadata) == (
        (),
        (),
        "minimal",
    )
    assert step.sample_every == 23


def test_samples_follow_the_settings_and_the_model_that_is_trained_on(session: Session) -> None:
    text = """set n 2
set seed 9
set metadata none
train dreambooth cat from photos
train lora x from photos --on cat --samples "a fox" --sample-every 10"""
    (model, step) = session.plan(Source(text)).plan.steps
    assert isinstance(step, Train)
    assert isinstance(model, Train)
    assert [each.sampling.seed for each in step.samples] == [9]
    assert all(each.model == step.model == Model("cat", model.file) for each in step.samples)
    assert (step.sample_every, step.samples[0].output.metadata) == (10, "none")


def test_without_a_seed_samples_have_that_of_the_training() -> None:
    """A resumed training resumes with the same samples, even where every prompt has a new seed."""
    fresh = Session(FOLDER, world=WORLD, fresh_seeds=True)
    (step,) = fresh.plan(Source('train lora x from photos --samples "a fox"')).plan.steps
    assert isinstance(step, Train)
    assert [each.sampling.seed for each in step.samples] == [0]


def test_a_lora_in_pefts_layout_is_a_folder_and_is_found_as_one(
    session: Session, tmp_path: Path
) -> None:
    (step, render) = plan(session, "train lora cat from photos --format peft\na <lora:cat:1>")
    assert isinstance(step, Train)
    assert isinstance(render, Render)
    assert (step.file, render.prompts.adapters) == (
        FOLDER / "adapters" / "cat",
        (Adapter("cat", FOLDER / "adapters" / "cat"),),
    )
    for made in ("one", "two/unet"):
        (tmp_path / made).mkdir(parents=True)
        (tmp_path / made / "adapter_config.json").touch()
    (tmp_path / "two.safetensors").touch()
    assert Disk().loras(tmp_path) == {"one": tmp_path / "one", "two": tmp_path / "two.safetensors"}


def test_an_optimizer_has_a_learning_rate_of_its_own(session: Session) -> None:
    def rates(options: str) -> tuple[float, float]:
        (step,) = plan(session, f"train lora x from photos {options}")
        assert isinstance(step, Train)
        return step.config.optimisation.learning_rate, step.config.optimisation.text_encoder_rate

    assert rates("") == (1e-3, 1e-4)
    assert rates("--optimizer lion") == (2e-4, 2e-5)
    assert rates("--optimizer lion --lr 1e-3") == (1e-3, 1e-4)
    assert rates("--optimizer prodigy") == (1.0, 1.0)
    (token,) = plan(session, "train lora x from photos --with-ti sks --optimizer lion")
    assert isinstance(token, Train)
    assert token.config.optimisation.token_rate == 1e-3
    (step,) = plan(session, "train dreambooth x from photos --as lora")
    assert isinstance(step, Train)
    assert step.config.optimisation.learning_rate == 1e-3
    assert rates("--lr 1e-2 --te --te-lr 1e-5") == (1e-2, 1e-5)
    (step,) = plan(session, "train lora x from photos --up-lr 1e-5 --down-lr 0")
    assert isinstance(step, Train)
    assert step.config.optimisation.part_rates == (("down", 0.0), ("up", 1e-5))


def test_precision_and_device_are_settings_and_options(session: Session) -> None:
    (one, other) = plan(
        session, "set precision bf16\na fox\na fox --precision fp32 --device cpu --memory low"
    )
    assert isinstance(one, Render)
    assert isinstance(other, Render)
    assert (one.computing, other.computing) == (
        ComputeConfig("bf16"),
        ComputeConfig("fp32", "cpu", "low"),
    )


def test_a_model_that_was_trained_in_an_earlier_run_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "models" / "cat").mkdir(parents=True)
    (tmp_path / "models" / "cat" / "model_index.json").touch()
    planned = Session(tmp_path).plan(Source("use model cat\na fox"))
    assert planned.diagnostics == ()
    (step,) = planned.plan.steps
    assert isinstance(step, Render)
    assert step.model == Model("cat", tmp_path / "models" / "cat")
