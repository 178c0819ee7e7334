from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlang import Session, Source
from promptlang.analysis.model_paths import ConfigurationError, ModelPaths, load_model_paths
from promptlang.analysis.world import Disk
from promptlang.plan.steps import Model, Render
from tests.conftest import FOLDER, WORLD


@pytest.fixture
def shelves(tmp_path: Path) -> Callable[[str], ModelPaths]:
    """A configuration's, beside an A1111 and a ComfyUI."""
    for name in (
        "a1111/models/Lora/style/ink.safetensors",
        "a1111/embeddings/wash.pt",
        "a1111/models/Stable-diffusion/dream.ckpt",
        "comfy/models/loras/wave.safetensors",
        "comfy/models/diffusers/sd/model_index.json",
        "comfy/models/diffusers/sd/unet/weights.safetensors",
        "elsewhere/lora/far.safetensors",
        "mine/ink.safetensors",
        "mine/note.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "comfy" / "extra_model_paths.yaml").write_text(
        "other:\n  base_path: ../elsewhere\n  loras: |\n    lora\n    more\n"
    )

    def write(text: str) -> ModelPaths:
        (tmp_path / "config.toml").write_text(text)
        return load_model_paths(tmp_path / "config.toml")

    return write


def names(shelves: ModelPaths, kind: str) -> list[str]:
    return sorted(shelves.shelves[kind].files)


def test_a1111s_and_comfyuis_folders_are_known(shelves: Callable[[str], ModelPaths]) -> None:
    found = shelves('a1111 = "a1111"\ncomfyui = "comfy"')
    assert names(found, "loras") == ["far", "ink", "style/ink", "wave"]
    assert names(found, "embeddings") == ["wash"]
    assert names(found, "models") == ["dream", "sd"]


def test_loras_of_every_kind_are_found(
    shelves: Callable[[str], ModelPaths], tmp_path: Path
) -> None:
    folder = tmp_path / "every"
    (folder / "peft").mkdir(parents=True)
    for part in ("unet", "text_encoder"):
        (folder / "both" / part).mkdir(parents=True)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (folder / "both" / part / name).touch()
    for name in (
        "old.pt",
        "older.ckpt",
        "b.bin",
        "peft/adapter_config.json",
        "peft/adapter_model.safetensors",
    ):
        (folder / name).touch()
    assert names(shelves(f'loras = "{folder}"'), "loras") == ["b", "both", "old", "older", "peft"]
    assert Disk().loras(folder) == {"both": folder / "both", "peft": folder / "peft"}


def test_a_name_that_two_files_have_is_neither(shelves: Callable[[str], ModelPaths]) -> None:
    found = shelves('loras = ["mine"]\na1111 = ["a1111"]').shelves["loras"]
    assert sorted(found.files) == ["style/ink"]
    assert [file.parent.name for file in found.ambiguous["ink"]] == ["mine", "style"]


def test_a_folder_that_is_not_there_holds_nothing(shelves: Callable[[str], ModelPaths]) -> None:
    assert names(shelves('loras = "no/such"'), "loras") == []
    assert load_model_paths(Path("no/such.toml")) == ModelPaths()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loras = [", "cannot be read"),
        ("loras = 3", "has `3` in the place of a folder"),
        ('loras = {a = "b"}', "in the place of a folder"),
        ("loras = [3]", "has `3` in the place of a folder; write the folder in quotes"),
        ('lroas = "x"', "has the unknown key `lroas`"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_said(
    text: str, said: str, shelves: Callable[[str], ModelPaths]
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        shelves(text)


@pytest.mark.parametrize("text", ["a: [", "- a", "a: b", "[" * 5000, "a: &a [*a]"])
def test_a_broken_list_of_comfyuis_is_said(
    tmp_path: Path, shelves: Callable[[str], ModelPaths], text: str
) -> None:
    (tmp_path / "comfy" / "extra_model_paths.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"extra_model_paths\.yaml` cannot be read"):
        shelves('comfyui = "comfy"')


def test_what_lies_on_a_shelf_is_used_by_name_and_the_recipes_own_comes_first(
    tmp_path: Path, shelves: Callable[[str], ModelPaths]
) -> None:
    world = Disk(shelves('a1111 = "a1111"\ncomfyui = "comfy"'))
    recipe = tmp_path / "recipe"
    (recipe / "adapters").mkdir(parents=True)
    (recipe / "adapters" / "wave.safetensors").touch()
    program = "use model dream\na <lora:style/ink:1> <lora:wave:1> <wash>"
    (step,) = Session(recipe, world=world).plan(Source(program)).plan.steps
    assert isinstance(step, Render)
    assert step.model == Model("dream", tmp_path / "a1111/models/Stable-diffusion/dream.ckpt")
    assert [
        each.file.parent.name for each in (*step.prompts.adapters, *step.prompts.embeddings)
    ] == [
        "style",
        "adapters",
        "embeddings",
    ]


def test_a_name_that_may_be_several_files_is_an_error_that_names_them(
    shelves: Callable[[str], ModelPaths],
) -> None:
    shelf = shelves('loras = ["mine"]\na1111 = ["a1111"]').shelves["loras"]
    world = replace(WORLD, adapters=[], shelved={"loras": shelf})
    (found,) = Session(FOLDER, world=world).plan(Source("a <lora:ink:1>")).diagnostics
    assert found.code == "PL111"
    assert all(str(file) in found.message for file in shelf.ambiguous["ink"])


def test_lists_of_comfyuis_may_have_empty_sections_and_a_mark(
    tmp_path: Path, shelves: Callable[[str], ModelPaths]
) -> None:
    (tmp_path / "comfy" / "more").mkdir()
    (tmp_path / "comfy" / "more" / "owl.safetensors").touch()
    text = "empty:\nb:\n  loras: [more]\n  checkpoints:\n"
    (tmp_path / "comfy" / "extra_model_paths.yaml").write_text(text, "utf-8-sig")
    assert "owl" in names(shelves('comfyui = "comfy"'), "loras")
