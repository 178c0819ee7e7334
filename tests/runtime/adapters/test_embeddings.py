"""Tokens with vectors of their own: the rows stand beside the table."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextModel

from promptlang.diagnostics import PromptError
from promptlang.plan.prompt import Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Render
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import TokenEmbedding, read_embedding
from promptlang.runtime.conditioning.text_encoder import (
    CachedTextEncoder,
    EncodingOptions,
    build_vocabulary,
    final_layer_norm,
)
from promptlang.runtime.models.loader import BaseModel
from tests.runtime.adapters.conftest import SPAN
from tests.runtime.conftest import complaints, run

ROWS = torch.randn(3, 32, generator=torch.Generator().manual_seed(5))
WIDE = torch.randn(3, 48, generator=torch.Generator().manual_seed(6))


def pickled(what: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        torch.save(what, folder / "style.pt")
        return folder / "style.pt"

    return make


def safe(tensors: dict[str, Tensor]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        save_file(
            {key: each.clone() for key, each in tensors.items()}, folder / "style.safetensors"
        )
        return folder / "style.safetensors"

    return make


A1111 = {
    "string_to_token": {"*": 265},
    "string_to_param": {"*": ROWS},
    "name": "style",
    "step": 500,
}
PARAMETERS = {**A1111, "string_to_param": nn.ParameterDict({"*": nn.Parameter(ROWS.clone())})}
FLOATS = {**A1111, "string_to_param": {"*": {"TORCHTENSOR": ROWS.tolist()}}}


def picture(text: str | None, hidden: bool = False, size: int = 64) -> Callable[[Path], Path]:
    """A preview with a token, as A1111 draws it, without its pattern in the upper bits."""

    def make(folder: Path) -> Path:
        image = Image.new("RGB", (size, size), (90, 140, 200))
        if hidden:
            image = between_blocks(image, zlib.compress(json.dumps(FLOATS).encode()))
        info = PngInfo()
        if text is not None:
            info.add_text("sd-ti-embedding", text)
        image.save(folder / "style.png", pnginfo=info)
        return folder / "style.png"

    return make


def between_blocks(image: Image.Image, stream: bytes) -> Image.Image:
    height = image.height
    columns = -(-len(stream) // (3 * height))
    data = np.resize(np.frombuffer(stream, np.uint8), (height, columns, 3))
    state, noise = 0, []
    for _ in range(data.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        noise.append(state % 255 % 16)
    shift = np.array(noise, np.uint8).reshape(data.shape)
    wide = Image.new("RGB", (2 * columns + 2 + image.width, height))
    wide.paste(Image.fromarray((data & 15 ^ shift) | 0xA0), (0, 0))
    wide.paste(image, (columns + 1, 0))
    wide.paste(Image.fromarray((data >> 4 ^ shift) | 0x50), (columns + image.width + 2, 0))
    return wide


def encoded(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


LOW_RANK = {"lora_unet_x.lora_down.weight": torch.ones(1, 1)}

FORMATS = {
    "A1111": pickled(A1111),
    "A1111 with parameters": pickled(PARAMETERS),
    "diffusers .bin": pickled({"<style>": ROWS}),
    "diffusers .safetensors": safe({"<style>": ROWS}),
    "diffusers, another name": safe({"<painterly>": ROWS}),
    "diffusers, two tokens": safe({"<other>": ROWS[:1], "<style>": ROWS}),
    "kohya": safe({"emb_params": ROWS}),
    "clip_l": safe({"clip_l": ROWS}),
    "in a LoRA": safe({**LOW_RANK, "bundle_emb.style.clip_l": ROWS}),
    "in a LoRA of kohya's": safe({**LOW_RANK, "bundle_emb.style.string_to_param.*": ROWS}),
    "A1111's picture, in its text": picture(encoded(FLOATS)),
    "A1111's picture, in its pixels": picture(None, hidden=True),
    "in a LoRA, with points": safe({"bundle_emb.a.b.clip_l": ROWS}),
    "in a LoRA, with points, of A1111's": safe({"bundle_emb.a.b.string_to_param.*": ROWS}),
    "with an optimizer": pickled({**A1111, "optimizer": {"state": [ROWS + 1]}}),
    "one of two in a LoRA": safe(
        {"bundle_emb.x.clip_l": ROWS[:1], "bundle_emb.<style>.clip_l": ROWS}
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read(name: str, sd1: Any, tmp_path: Path) -> None:
    found = read_embedding(Adapter("style", FORMATS[name](tmp_path)), sd1, SPAN)
    assert torch.equal(found.rows["text_encoder"], ROWS)
    assert found.summary == "token, 3 vectors"


def test_a_single_vector_may_be_flat(sd1: Any, tmp_path: Path) -> None:
    found = read_embedding(Adapter("style", safe({"<style>": ROWS[0]})(tmp_path)), sd1, SPAN)
    assert torch.equal(found.rows["text_encoder"], ROWS[:1])
    assert found.summary == "token, 1 vector"


@pytest.mark.parametrize("start", ["", "bundle_emb.style."])
def test_a_token_for_two_text_encoders_has_rows_for_each(
    start: str, sdxl: Any, tmp_path: Path
) -> None:
    file = safe({f"{start}clip_l": ROWS, f"{start}clip_g": WIDE})(tmp_path)
    found = read_embedding(Adapter("style", file), sdxl, SPAN)
    assert {part: len(rows[0]) for part, rows in found.rows.items()} == {
        "text_encoder": 32,
        "text_encoder_2": 48,
    }


@pytest.mark.parametrize(
    ("model", "make", "reason"),
    [
        (
            "sd1",
            safe({"clip_l": ROWS, "clip_g": WIDE}),
            "it is made for SDXL, not for a model like `small`",
        ),
        (
            "sd1",
            safe({"t5xxl": WIDE}),
            "it is made for Stable Diffusion 3 or Flux, not for a model like `small`",
        ),
        (
            "sd1",
            safe({"emb_params": torch.ones(1, 768)}),
            "it is made for Stable Diffusion 1, not for",
        ),
        (
            "sd1",
            safe({"emb_params": torch.ones(1, 1024)}),
            "it is made for Stable Diffusion 2, not for",
        ),
        (
            "sd1",
            safe({"emb_params": WIDE}),
            "its vectors have 48 numbers each, and the model `small` reads 32",
        ),
        (
            "sd1",
            safe({"emb_params": ROWS.repeat(30, 1)}),
            "it has 90 vectors, and a chunk has room for 75",
        ),
        (
            "sd1",
            safe({"emb_params": ROWS * torch.nan}),
            "`emb_params` holds numbers that are infinite or not numbers",
        ),
        ("sd1", safe({"emb_params": torch.ones(1, 1, 1)}), "it holds no vectors of a token"),
        ("sd1", safe(LOW_RANK), "it holds no vectors of a token"),
        ("sd1", safe({}), "it holds no vectors of a token"),
        ("sd1", safe({"<a>": ROWS, "<b>": ROWS}), "it holds several tokens: `<a>`, `<b>`"),
        (
            "sd1",
            safe({"clip_l_out": ROWS}),
            "it holds output embeddings of OneTrainer (`clip_l_out`)",
        ),
        (
            "sd1",
            safe({"clip_l": ROWS, "clip_l_out": ROWS}),
            "it holds output embeddings of OneTrainer",
        ),
        (
            "sd1",
            safe({"bundle_emb.style.clip_l": ROWS, "bundle_emb.style.clip_l_out": ROWS}),
            "it holds output embeddings of OneTrainer (`clip_l_out`)",
        ),
        (
            "sd1",
            safe({"emb_params": ROWS, "emb_pooled": ROWS}),
            "beside the vectors of a token it holds `emb_pooled`",
        ),
        (
            "sd1",
            safe({"emb_params": torch.ones(2, 8).to(torch.int8)}),
            "`emb_params` holds numbers of the type int8",
        ),
        ("sd1", picture(None), "it is a picture, and no token is saved in it"),
        ("sd1", picture("%%%"), "the vectors in `style.png` are damaged"),
        ("sd1", picture(encoded([1])), "the vectors in `style.png` are damaged"),
        ("sd1", picture(encoded({"a": {"TORCHTENSOR": ["b"]}})), "the vectors in `style.png` are"),
        ("sd1", picture(encoded({"a": {"TORCHTENSOR": [[1], []]}})), "the vectors in `style.png`"),
        (
            "sd1",
            pickled({"<style>": torch.nested.nested_tensor([ROWS, ROWS[:1]], layout=torch.jagged)}),
            "`<style>` is a nested or sparse tensor, or has no numbers",
        ),
        (
            "sd1",
            pickled({"<style>": ROWS.to("meta")}),
            "`<style>` is a nested or sparse tensor, or has no numbers",
        ),
        ("sd1", safe({"bundle_emb.style": ROWS}), "it holds no vectors of a token"),
        (
            "sd1",
            safe({"x.shira_indices": torch.ones(2, 2, dtype=torch.int32)}),
            "it is an adapter of the kind SHiRA",
        ),
        ("sd1", safe({"image_proj.proj.weight": ROWS}), "it is an IP-Adapter"),
        ("sd1", pickled({"x": print}), "it is a pickle with a program in it, which was not run"),
        (
            "sdxl",
            safe({"emb_params": ROWS}),
            "its vectors do not fit both text encoders of the model `large`",
        ),
        (
            "sdxl",
            safe({"clip_l": ROWS, "clip_g": WIDE[:1]}),
            "its vectors do not fit both text encoders",
        ),
    ],
)
def test_what_is_no_token_for_the_model_is_refused(
    model: str,
    make: Callable[[Path], Path],
    reason: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    with pytest.raises(PromptError) as caught:
        read_embedding(Adapter("style", make(tmp_path)), request.getfixturevalue(model), SPAN)
    (diagnostic,) = caught.value.diagnostics
    assert f"cannot be used as the token `<style>`: {reason}" in diagnostic.message
    assert diagnostic.hint is not None


def encoder(base: BaseModel, *names: str, rows: Tensor = ROWS) -> CachedTextEncoder:
    known = [embedding_of(name, rows) for name in names]
    return CachedTextEncoder(
        base.text_encoder, build_vocabulary(base.tokenizer)
    ).with_extra_embeddings(known)


def embedding_of(name: str, rows: Tensor) -> Any:
    return TokenEmbedding(name, f"hash of {name} {rows.sum()}", {"text_encoder": rows})


def by_table(base: BaseModel, ids: list[int], rows: Tensor, clip_skip: int = 1) -> Tensor:
    """The states where the rows are put into the table, as new ids at its end."""
    text_encoder = CLIPTextModel(base.text_encoder.config).eval()
    text_encoder.load_state_dict(base.text_encoder.state_dict())
    table = text_encoder.get_input_embeddings()
    text_encoder.set_input_embeddings(nn.Embedding.from_pretrained(torch.cat([table.weight, rows])))
    with torch.no_grad():
        found = text_encoder(torch.tensor([ids]), output_hidden_states=True).hidden_states[
            -clip_skip
        ]
        return final_layer_norm(text_encoder)(found)


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_the_states_are_those_of_rows_in_the_table(clip_skip: int, base: BaseModel) -> None:
    words, size = base.tokenizer, len(base.tokenizer)
    cat = words("a cat", add_special_tokens=False)["input_ids"]
    ids = [words.bos_token_id, *cat, size, size + 1, size + 2, *cat]
    ids += [words.eos_token_id] + [words.pad_token_id] * (76 - len(ids))
    ours = encoder(base, "style")
    states = ours.encode(
        ours.cut([Segment("a cat <style> a cat")]), EncodingOptions(clip_skip=clip_skip)
    )
    assert torch.equal(states, by_table(base, ids, ROWS, clip_skip))


def test_the_table_and_the_tokenizer_stay_as_they_are(base: BaseModel) -> None:
    table = base.text_encoder.get_input_embeddings().weight.clone()
    size = len(base.tokenizer)
    before = encoder(base).encode(encoder(base).cut([Segment("a cat")]))
    ours = encoder(base, "style")
    ours.encode(ours.cut([Segment("a <style>")]))
    assert torch.equal(table, base.text_encoder.get_input_embeddings().weight)
    assert len(base.tokenizer) == size
    assert not base.text_encoder.get_input_embeddings()._forward_hooks
    after = encoder(base)
    assert torch.equal(before, after.encode(after.cut([Segment("a cat")])))


def test_tokens_are_weighted_and_stacked(base: BaseModel) -> None:
    ours = encoder(base, "a", "b")
    (chunk,) = ours.cut([Segment("x <a>"), Segment("<b> <a>", 1.3)])
    assert [(at, each.name, each.count) for at, each in chunk.vectors] == [
        (1, "a", 3),
        (4, "b", 3),
        (7, "a", 3),
    ]
    assert chunk.weights[:12] == (1, 1, 1, 1, 1, *[1.3] * 6, 1)


def test_all_vectors_count_and_are_never_torn_apart(base: BaseModel) -> None:
    ours = encoder(base, "style")
    first, second = ours.cut([Segment("x " * 73 + "<style> y")])
    assert first.used == 73
    assert (second.used, second.vectors[0][0]) == (4, 0)


def test_an_embedding_made_anew_under_its_name_is_encoded_anew(base: BaseModel) -> None:
    shared = CachedTextEncoder(base.text_encoder, build_vocabulary(base.tokenizer))
    found = []
    for rows in (ROWS, ROWS + 1):
        ours = shared.with_extra_embeddings([embedding_of("style", rows)])
        found.append(ours.encode(ours.cut([Segment("<style>")])))
    assert not torch.equal(*found)


def says(text: str, *more: Segment) -> Resolved:
    return Resolved((PromptPart((Interval(3, (Segment(text), *more)),)),))


def test_a_picture_with_a_token_and_the_next_without(
    render: Callable[..., Render], tmp_path: Path, pixels: Callable[[Render], Any]
) -> None:
    plain = pixels(render())
    file = FORMATS["kohya"](tmp_path)
    step = render(prompt=says("a cat <style>"), embeddings=(Adapter("style", file),))
    assert (plain != pixels(step)).any()
    with Image.open(step.file) as picture:
        assert 'TI hashes: "style: ' in picture.text["parameters"]
    assert (plain == pixels(render())).all()
    negative = render(negative=says("<style>"), embeddings=(Adapter("style", file),))
    assert (plain != pixels(negative)).any()


def test_after_a_damaged_token_the_session_goes_on(
    runtime: Runtime, render: Callable[..., Render], tmp_path: Path, pixels: Callable[[Render], Any]
) -> None:
    plain = pixels(render())
    file = tmp_path / "style.pt"
    file.write_bytes(b"PK\x03\x04 nothing")
    step = render(
        prompt=says("<style>"), embeddings=(Adapter("style", file),), file=tmp_path / "never.png"
    )
    reason = "`style.pt` cannot be used as the token `<style>`: it is not a whole PyTorch file"
    assert complaints(run(runtime, step)) == [f"PL302 {reason}"]
    assert not step.file.exists()
    assert (plain == pixels(render())).all()
