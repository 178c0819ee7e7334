from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from promptlang import check
from promptlang.cli.main import main
from promptlang.diagnostics.dialects import unknown_sampler
from promptlang.source import Source

INFOTEXT = (
    "a (fox:1.2)\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 3, Size: 512x512"
)
GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd.safetensors"}},
    "2": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8, "model": ["1", 0]},
    },
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (fox:1.2)", "clip": ["2", 1]}},
    "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["2", 1]}},
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 3,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "euler_ancestral",
            "positive": ["3", 0],
            "negative": ["4", 0],
        },
    },
}
INVOKE = {
    "positive_prompt": "a fox+",
    "negative_prompt": "",
    "seed": 3,
    "steps": 20,
    "cfg_scale": 7.5,
    "width": 512,
    "height": 768,
}


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    def make(**texts: str) -> Path:
        chunks, file = PngInfo(), tmp_path / "picture.png"
        for name, text in texts.items():
            chunks.add_text(name, text)
        Image.new("RGB", (8, 16)).save(file, pnginfo=chunks)
        return file

    return make


def describe(file: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(["info", "--json", str(file)]) == 0
    return json.loads(capsys.readouterr().out)


def test_a1111s_picture_is_told_and_said_as_a_line_of_a_recipe(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = describe(png(parameters=INFOTEXT), capsys)
    assert found["kind"] == "picture with A1111's text"
    assert found["facts"]["Sampler"] == "Euler a"
    line = (
        'a (fox:1.2) --negative "blurry"'
        " --steps 20 --sampler euler_a --cfg 7 --seed 3 --size 512x512"
    )
    assert found["line"] == line


def test_a1111s_text_is_found_in_a_jpeg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + INFOTEXT.replace("fox", "fuchs 🦊").encode(
        "utf-16-be"
    )
    Image.new("RGB", (8, 16)).save(tmp_path / "picture.jpg", exif=exif)
    assert describe(tmp_path / "picture.jpg", capsys)["facts"]["prompt"] == "a (fuchs 🦊:1.2)"


def test_what_a_line_does_not_say_is_told(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = "a\nSteps: 20, Sampler: PLMS, CFG scale: 7, Seed: 1, Model hash: abc, Version: 1.9"
    assert describe(png(parameters=text), capsys)["lost"] == [
        f"there is no sampler like `PLMS`: {unknown_sampler('PLMS', Source('').span(0, 0)).hint}",
        "without Model hash, Version",
    ]
    assert main(["info", str(png(parameters=text))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  but without Model hash, Version"


def test_the_loras_and_the_size_of_comfyuis_graph_are_in_the_line(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lora = {"lora_name": "styles\\ink.safetensors", "strength_model": 0.8, "strength_clip": 0.5}
    alone = {"lora_name": "wash.safetensors", "strength_model": 1.0}
    sampling = {**GRAPH["5"]["inputs"], "sampler_name": "dpmpp_2m", "scheduler": "karras"}
    nodes = {
        "6": {"inputs": lora},
        "7": {"inputs": alone},
        "8": {"inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "5": {"inputs": sampling},
    }
    graph = {name: each for name, each in GRAPH.items() if name in "34"} | nodes
    found = describe(png(prompt=json.dumps(graph)), capsys)
    assert found["facts"]["lora"][0] == "styles\\ink.safetensors at 0.8 and 0.5"
    assert found["line"] == (
        'a (fox:1.2) <lora:ink:0.5:0.8> <lora:wash:0:1> --negative "blurry"'
        " --seed 3 --steps 20 --cfg 7.5 "
        "--sampler dpm++_2m --scheduler karras --size 512x768 --emphasis comfy"
    )
    assert check(found["line"]) == ()


@pytest.mark.parametrize("named", [{"model": {"name": "ink"}}, {"lora": {"model_name": "ink"}}])
def test_invokeais_loras_and_sampler_are_in_the_line(
    named: dict[str, object], png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {**INVOKE, "scheduler": "dpmpp_2m_k", "loras": [{**named, "weight": 0.7}]}
    line = describe(png(invokeai_metadata=json.dumps(asked)), capsys)["line"]
    assert line.startswith("a (fox) <lora:ink:0.7> --seed 3")
    assert line.endswith("--sampler dpm++_2m --scheduler karras")


def test_comfyuis_picture_is_told_by_its_graph(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = describe(png(prompt=json.dumps(GRAPH)), capsys)
    assert found["kind"] == "picture by ComfyUI"
    assert found["facts"]["lora"] == "ink.safetensors at 0.8"
    line = (
        'a (fox:1.2) <lora:ink:0:0.8> --negative "blurry"'
        " --seed 3 --steps 20 --cfg 7.5 --sampler euler_a --emphasis comfy"
    )
    assert found["line"] == line


def test_a_line_is_one_of_a_recipe_whatever_words_and_quotes_are_in_it(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"3": "set steps for a play", "4": 'say "hi"'}
    graph = {node: each for node, each in GRAPH.items() if "lora_name" not in each["inputs"]}
    unusual = {**graph, **{node: {"inputs": {"text": text}} for node, text in texts.items()}}
    asked = {**INVOKE, "positive_prompt": texts["3"], "negative_prompt": texts["4"]}
    pictures = {"prompt": json.dumps(unusual)}, {"invokeai_metadata": json.dumps(asked)}
    lines = [str(describe(png(**each), capsys)["line"]) for each in pictures]
    negatives = '"""say "hi" """', '"say hi"'  # to InvokeAI the quotes are part of its syntax
    for line, negative in zip(lines, negatives, strict=True):
        assert line.startswith(
            f"render set steps for a play --negative {negative} --seed 3 --steps 20"
        )
        assert check(line) == ()


def test_a_graph_that_is_a_circle_or_none_at_all_is_only_shown(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    circle = {
        "1": {"inputs": {"conditioning": ["1", 0], "positive": ["1", 0], "negative": ["1", 0]}}
    }
    assert describe(png(prompt=json.dumps(circle)), capsys)["facts"]["prompt"] == ""
    assert (
        describe(png(prompt="{}"), capsys)["kind"] == "picture without metadata on how it was made"
    )


def test_invokeais_picture_is_told(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = describe(png(invokeai_metadata=json.dumps(INVOKE)), capsys)
    assert found["line"] == "a (fox) --seed 3 --steps 20 --cfg 7.5 --size 512x768"


def test_an_adapter_is_told_by_its_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = {
        "__metadata__": {
            "ss_output_name": "ink",
            "ss_tag_frequency": json.dumps({"1_ink": {"ink": 9, "fox": 3}}),
        },
        "lora_unet_x.lora_down.weight": {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]},
        "lora_unet_x.lora_up.weight": {"dtype": "F32", "shape": [2, 4], "data_offsets": [32, 64]},
    }
    text = json.dumps(header).encode()
    (tmp_path / "ink.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))
    facts = describe(tmp_path / "ink.safetensors", capsys)["facts"]
    assert facts == {
        "kind": "LoRA", "tensors": "2", "modules": "1", "rank": "4", "ss_output_name": "ink",
        "tags": "ink (9), fox (3)"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("diffusion_model.x.lora_A.weight", "LoRA"),
        ("lora_unet_x.diff_b", "differences"),
        ("model.diffusion_model.x.weight", None),
        ("diffusion_model.x.weight", None),
    ],
)
def test_a_diffusion_model_is_no_difference(
    key: str, kind: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps({key: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (tmp_path / "ink.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    described = describe(tmp_path / "ink.safetensors", capsys)
    assert described["facts"].get("kind") == kind
    assert (described["kind"] == "adapter") == (kind is not None)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is neither a picture nor an adapter"),
        (b"no picture", "is neither a picture nor an adapter"),
        ((2**60).to_bytes(8, "little") + b"{", "is damaged: its header is longer than the file"),
        (
            (9).to_bytes(8, "little") + b"{" + b"x" * 8,
            "is damaged: its header cannot be read: the text is not JSON "
            "(line 1, column 2: Expecting property name enclosed in double quotes)",
        ),
        (
            (64).to_bytes(8, "little")
            + b'{"a": {"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(64),
            "is damaged: its end is missing",
        ),
    ],
)
def test_what_is_damaged_is_said(
    content: bytes, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unknown").write_bytes(content)
    assert main(["info", str(tmp_path / "unknown")]) == 1
    assert capsys.readouterr().err == f"error: `unknown` {complaint}\n"


def test_a_folder_of_peft_is_told_with_the_family_it_is_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = (
        "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight"
    )
    text = json.dumps(
        {name: {"dtype": "F32", "shape": [4, 768], "data_offsets": [0, 4 * 4 * 768]}}
    ).encode()
    content = len(text).to_bytes(8, "little") + text + bytes(4 * 4 * 768)
    for folder in (tmp_path / "one", tmp_path / "two" / "unet"):
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(content)
        (folder / "adapter_config.json").write_text(
            '{"peft_type": "LORA", "r": 4, "lora_alpha": 2}'
        )
    (tmp_path / "one" / "promptlang.json").write_text('{"modelspec.title": "ink"}')
    one, two = (describe(tmp_path / each, capsys)["facts"] for each in ("one", "two"))
    facts = {
        "kind": "LoRA",
        "for": "Stable Diffusion 1",
        "tensors": "1",
        "modules": "1",
        "rank": "4",
        "alpha": "2",
    }
    assert (one, two) == ({**facts, "modelspec.title": "ink"}, facts)


def test_any_other_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path)]) == 1
    assert "adapter_config.json" in capsys.readouterr().err


@pytest.mark.parametrize("beginning", [b"\x80\x02}q\x00.", b"PK\x03\x04archive/data.pkl"])
def test_a_pickle_is_named_and_not_opened(
    beginning: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ink.pt").write_bytes(beginning)
    assert main(["info", str(tmp_path / "ink.pt")]) == 1
    assert "`ink.pt` is a pickle of PyTorch's" in capsys.readouterr().err


def test_a_token_in_a_picture_is_named(
    png: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = describe(png(**{"sd-ti-embedding": "e30="}), capsys)
    assert found["kind"] == "picture with a token of a textual inversion, for `use ti`"
