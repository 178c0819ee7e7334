from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import save_file

from promptlang import Session, Source
from promptlang.analysis.model_paths import ModelPaths
from promptlang.cli.commands import replay
from promptlang.cli.main import main
from promptlang.metadata import record
from promptlang.metadata.record import NotARecordError, RecordFiles
from promptlang.plan.prompt import Area, Break, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Model, Plan, Render
from promptlang.runtime import Runtime
from promptlang.runtime.models.loader import BaseModel
from tests.runtime.conftest import kohya, run
from tests.support.renders import changed


@pytest.fixture
def make(
    tiny: Model, base: BaseModel, tmp_path: Path, runtime: Runtime
) -> Callable[[str], list[Path]]:
    """The pictures of a program in a folder with a LoRA and a token `ink`, a photo and a mask."""
    (tmp_path / "adapters").mkdir()
    save_file(kohya(base), tmp_path / "adapters" / "ink.safetensors")
    (tmp_path / "embeddings").mkdir()
    torch.save({"<ink>": torch.ones(2, 32)}, tmp_path / "embeddings" / "ink.pt")
    draw = np.random.default_rng(0)
    Image.fromarray(draw.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save(tmp_path / "mask.png")

    def render(program: str) -> list[Path]:
        planned = Session(tmp_path).plan(Source(f'use model "{tiny.path}"\n{program}'))
        assert not planned.failed, planned.diagnostics
        list(runtime.execute(Plan(planned.plan.steps)))
        return [step.file for step in planned.plan.steps if isinstance(step, Render)]

    return render


PROGRAMS = [
    "a cat --seed 3",
    "[a cat:a fox:0.5] AND ink:-0.4 --steps 6 --cfg [3:7:0.5]",
    '(a cat:1.4), <lora:ink:0@0,1@1> --negative "ink" --clip-skip 2 --emphasis comfy',
    "a cat AND <area:0,0.5,0,1:feather=0.2> ink <lora:ink:0.5>",
    "a cat --init photo.png --mask mask.png --strength 0.5",
    "a cat --hires 2 --strength 0.6 --sampler euler_a",
    "a {cat|fox} in ink --seed 1..5",
    "a cat --cfg 1 --n 2 --eta 0.3",
    "a cat, <ink> <lora:ink:1>",
    'use lora "adapters/ink.safetensors" as wash\na cat <lora:wash:0.5>',
    'use ti "embeddings/ink.pt" as <dye>\na (<dye>:1.2)',
    "set precision bf16\nset memory low\na cat",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_picture_made_again_has_the_same_bytes_of_pixels(
    program: str, make: Callable[[str], list[Path]], tiny: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(program)
    assert main(["replay", str(made[-1]), "--model", str(tiny.path)]) == 0
    assert capsys.readouterr().out.endswith("the same picture, bit for bit\n")
    again = made[-1].with_name(f"{made[-1].stem}-replay.png")
    assert np.array_equal(np.asarray(Image.open(made[-1])), np.asarray(Image.open(again)))


def test_another_vae_is_named_again_and_missed_where_it_is_not(
    make: Callable[[str], list[Path]],
    tiny: Model,
    base: BaseModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.manual_seed(3)
    AutoencoderKL.from_config(base.vae.config).save_pretrained(tmp_path / "vae")
    (made,) = make("use vae vae\na cat")
    again = ["replay", str(made), "--model", str(tiny.path)]
    assert main([*again, "--vae", str(tmp_path / "vae")]) == 0
    assert main(again) == 1
    assert (
        "it was made with the VAE `vae`; name its place with `--vae PATH`"
        in capsys.readouterr().err
    )


def test_a_lora_that_has_changed_since_is_said(
    make: Callable[[str], list[Path]],
    tiny: Model,
    base: BaseModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (made,) = make("a cat <lora:ink:1>")
    save_file(kohya(base, seed=1), tmp_path / "adapters" / "ink.safetensors")
    assert main(["replay", str(made), "--model", str(tiny.path)]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("not the same picture: up to ")
    assert last.endswith("of 255 apart (the LoRA `ink` has changed)")


def test_a_lora_that_is_gone_is_said_with_the_remedy(
    make: Callable[[str], list[Path]],
    tiny: Model,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (made,) = make("a cat <lora:ink:1>")
    (tmp_path / "adapters" / "ink.safetensors").rename(tmp_path / "ink.safetensors.bak")
    assert main(["replay", str(made), "--model", str(tiny.path)]) == 1
    assert capsys.readouterr().err == (
        f"error: `{made.name}` cannot be rendered again: there is no `ink.safetensors` beside it; "
        "name its folder with `--from FOLDER`\n"
    )


def test_a_lora_on_a_shelf_is_found_there(
    make: Callable[[str], list[Path]], tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = make("a cat <lora:ink:1>")
    shelf = tmp_path / "elsewhere" / "styles"
    shelf.mkdir(parents=True)
    (tmp_path / "adapters" / "ink.safetensors").rename(shelf / "ink.safetensors")
    monkeypatch.setattr(replay, "load_model_paths", lambda: ModelPaths({"loras": (shelf.parent,)}))
    assert main(["replay", str(made), "--model", str(tiny.path)]) == 0


def test_a_picture_says_as_much_as_it_is_told_to(make: Callable[[str], list[Path]]) -> None:
    for setting, texts in {
        "full": {"parameters", "promptlang"},
        "minimal": {"parameters"},
        "none": set(),
    }.items():
        (made,) = make(f"set metadata {setting}\na cat")
        with Image.open(made) as picture:
            assert set(picture.info) == texts


def test_no_folder_goes_into_a_picture(make: Callable[[str], list[Path]], tmp_path: Path) -> None:
    (made,) = make("a cat <lora:ink:1> --init photo.png")
    assert str(tmp_path).encode() not in made.read_bytes()


def test_a_picture_without_a_record_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    assert main(["replay", str(tmp_path / "plain.png")]) == 1
    assert "its metadata has no record of promptlang" in capsys.readouterr().err


def test_a_record_keeps_all_of_a_render(render: Callable[..., Render], runtime: Runtime) -> None:
    intervals = (
        Interval(1, (Segment("a", 1.1),), weight=0.3),
        Interval(3, (Segment("ü"), Break(), Segment("d"))),
    )
    prompt = Resolved(
        (
            PromptPart(intervals, 0.3, Area(0, 1, 0, 0.5, 0.1)),
            PromptPart((Interval(3, (Segment("b"),)),)),
        )
    )
    step = render(prompt=prompt, size=(16, 16), cfg_by_step=(1.0, 2.0, 3.0))
    run(runtime, step)
    with Image.open(step.file) as picture:
        kept = record.read(picture.info["promptlang"])
    again = record.render_from_record(kept, RecordFiles(step.model, {}, {}, {}, step.file))
    assert changed(again, span=step.span, batch=None) == step


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 1}', '{"format": 99}', "null", '{"format": 1, "size": [1]}']
)
def test_a_damaged_record_is_said(text: str) -> None:
    with pytest.raises(NotARecordError):
        record.read(text)


def test_a_record_is_plain_json(make: Callable[[str], list[Path]]) -> None:
    (made,) = make("a cat --seed 3")
    with Image.open(made) as picture:
        content = json.loads(picture.info["promptlang"])
    assert content["source"] == "a cat --seed 3"
    assert content["versions"]["torch"] == torch.__version__
