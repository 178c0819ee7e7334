from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from promptlang.datasets.examples import Example, load_examples
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.plan.training_config import DataConfig
from promptlang.runtime.training.data.image_loading import TrainingImage, load_image
from promptlang.runtime.training.data.split import split_examples
from promptlang.source import Span


def opened(file: Path, span: Span, **options: bool) -> TrainingImage:
    found = load_image(
        Example(file, ("",), 1, options.pop("mask", None)), span, **{"alpha_mask": False, **options}
    )
    assert isinstance(found, TrainingImage), found
    return found


def test_a_picture_is_turned_upright_put_on_white_and_cut_to_its_middle(
    tmp_path: Path, span: Span
) -> None:
    lying = Image.new("RGB", (40, 20), "red")
    lying.paste("blue", (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    lying.save(tmp_path / "lying.jpg", exif=exif, quality=100)
    upright = opened(tmp_path / "lying.jpg", span).pixels((16, 16))
    assert upright.shape == (3, 16, 16)
    assert upright[0, 0].mean() > 0.9  # red above
    assert upright[2, -1].mean() > 0.9  # blue below
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert torch.equal(opened(tmp_path / "clear.png", span).pixels((16, 16)), torch.ones(3, 16, 16))


def save(kind: str, file: Path) -> None:
    """A grey of half the brightness."""
    grey = Image.new("RGB", (16, 16), (128, 128, 128))
    match kind:
        case "palette.gif":
            grey.quantize(4).save(file)
        case "cmyk.jpg" | "print.tiff":
            grey.convert("CMYK").save(file, quality=100)
        case "animated.gif" | "moving.webp":
            grey.save(
                file,
                save_all=True,
                lossless=True,
                append_images=[Image.new("RGB", (16, 16), "red")],
            )
        case "deep.png":
            Image.fromarray(np.full((16, 16), 128 * 257, dtype=np.uint16)).save(file)
        case "float.tiff":
            Image.fromarray(np.full((16, 16), 128 / 255, dtype=np.float32)).save(file)
        case "grey.png":
            grey.convert("L").save(file)
        case "faded.png":  # black, half of it on white
            Image.new("LA", (16, 16), (0, 127)).save(file)
        case "see-through.png":  # a palette one colour of which is not there
            marked = grey.quantize(2)
            marked.putpixel((0, 0), 1)
            marked.save(file, transparency=1)
        case "pixel.png":
            grey.resize((1, 1)).save(file)
        case "deep.tiff":
            Image.fromarray(np.full((16, 16), 128 * 257, dtype=np.int32)).save(file)


KINDS = (
    "palette.gif",
    "cmyk.jpg",
    "animated.gif",
    "deep.png",
    "float.tiff",
    "grey.png",
    "faded.png",
    "pixel.png",
)
KINDS += ("see-through.png", "moving.webp", "print.tiff", "deep.tiff")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_every_kind_has_its_colours(kind: str, tmp_path: Path, span: Span) -> None:
    save(kind, tmp_path / kind)
    pixels = opened(tmp_path / kind, span).pixels((16, 16))
    assert torch.allclose(pixels[:, 4:, 4:], torch.full((3, 12, 12), 128 / 127.5 - 1), atol=0.03)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright_however_its_camera_was_held(
    orientation: int, tmp_path: Path, span: Span
) -> None:
    """Each orientation as a camera stores it: the inverse of the turn that a reader has to make."""
    upright = Image.new("RGB", (16, 16), "white")
    upright.paste("red", (0, 0, 8, 8))
    upright.paste("blue", (8, 8, 16, 16))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "held.png", exif=exif)
    wanted = torch.from_numpy(np.array(upright)).permute(2, 0, 1).float() / 127.5 - 1
    assert torch.equal(opened(tmp_path / "held.png", span).pixels((16, 16)), wanted)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "it is not a picture"),
        ("page.jpg", b"<html>", "it is not a picture"),
        ("half.png", None, "image file is truncated"),
        ("half.jpg", None, "image file is truncated"),
    ],
)
def test_a_damaged_picture_is_named_with_what_is_wrong(
    name: str, content: bytes | None, reason: str, tmp_path: Path, span: Span
) -> None:
    file = tmp_path / name
    if content is None:
        Image.fromarray(
            np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        ).save(file)
        content = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(content)
    found = load_image(Example(file, ("",)), span, alpha_mask=False)
    assert isinstance(found, Diagnostic)
    assert found.code == "PL402"
    assert found.message.startswith(f"the picture `{name}` cannot be read: {reason}")


def test_a_mask_is_its_file_times_what_is_not_transparent(tmp_path: Path, span: Span) -> None:
    seen = np.full((16, 16, 4), 255, dtype=np.uint8)
    seen[:, :8, 3] = 0
    Image.fromarray(seen).save(tmp_path / "one.png")
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[:8] = 255
    Image.fromarray(mask).save(tmp_path / "one-mask.png")
    (example,) = load_examples(tmp_path, span)
    assert example.mask == tmp_path / "one-mask.png"
    found = load_image(example, span, alpha_mask=True)
    assert isinstance(found, TrainingImage)
    assert found.latent_mask((16, 16), (2, 2)).tolist() == [[[0.0, 1.0], [0.0, 0.0]]]


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path, span: Span) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    (tmp_path / "one-mask.png").write_text("no picture")
    (example,) = load_examples(tmp_path, span)
    found = load_image(example, span, alpha_mask=False)
    assert isinstance(found, Diagnostic)
    assert found.message == "the picture `one-mask.png` cannot be read: it is not a picture"


def test_a_caption_is_the_text_beside_the_picture_or_else_its_name(
    photos: Path, span: Span
) -> None:
    found = load_examples(photos, span)
    assert [example.captions for example in found] == [("ink",), ("a cat in ink",), ("red fox 2",)]


def test_a_texts_lines_are_captions_to_choose_from(photos: Path, span: Span) -> None:
    (photos / "ink.txt").write_text("\ufeffa  cat\n\n a dog \n", "utf-8")
    assert load_examples(photos, span)[0].captions == ("a cat", "a dog")


def test_a_template_is_said_instead_of_the_caption_or_around_it(photos: Path, span: Span) -> None:
    (photos / "ink.txt").write_text("a cat\na dog")
    assert load_examples(photos, span, "sks, ${caption}")[0].captions == (
        "sks, a cat",
        "sks, a dog",
    )
    assert load_examples(photos, span, "a photo of sks")[0].captions == ("a photo of sks",)


def test_a_folder_in_kohyas_manner_says_how_often_and_what(photos: Path, span: Span) -> None:
    other = photos / "10_sks dog"
    other.mkdir()
    (photos / "red-fox_2.png").rename(other / "a.png")
    (photos / "no-number").mkdir()
    (photos / "ink.png").rename(photos / "no-number" / "b.png")
    found = load_examples(photos, span)
    assert [(each.file.name, each.captions, each.repeats) for each in found] == [
        ("one.png", ("a cat in ink",), 1),
        ("a.png", ("sks dog",), 10),
    ]


def test_a_metadata_file_has_captions(photos: Path, span: Span) -> None:
    lines = [
        {"file_name": "one.png", "text": "a  cat"},
        {"file_name": "ink.png", "caption": ["a", "b"]},
    ]
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert [each.captions for each in load_examples(photos, span)] == [
        ("a", "b"),
        ("a cat",),
        ("red fox 2",),
    ]


def test_every_bad_line_of_a_metadata_file_is_named(photos: Path, span: Span) -> None:
    (photos / "metadata.jsonl").write_text(
        '{"file_name": "a"}\n{\n{"text": "a"}\n{"file_name": "a", "text": 3}'
    )
    with pytest.raises(PromptError) as caught:
        load_examples(photos, span)
    assert [each.message.removeprefix("line ") for each in caught.value.diagnostics] == [
        "1 of `metadata.jsonl` cannot be used: it has no `text`",
        "2 of `metadata.jsonl` cannot be used: it is not JSON",
        "3 of `metadata.jsonl` cannot be used: it has no `file_name`",
        "4 of `metadata.jsonl` cannot be used: its fields are not texts",
    ]


def test_some_are_held_out_the_same_each_time_and_never_learned_from(
    photos: Path, span: Span
) -> None:
    found = load_examples(photos, span)
    learned, watched = split_examples(found, DataConfig(photos, held_out=0.4), 0, span)
    assert (learned, watched) == split_examples(found, DataConfig(photos, held_out=0.4), 0, span)
    assert (len(learned), len(watched)) == (2, 1)
    assert {*learned, *watched} == {*found}
    with pytest.raises(PromptError, match="no picture left"):
        split_examples(found[:1], DataConfig(photos, held_out=0.1), 0, span)


def test_captions_are_read_from_kohyas_files_too(photos: Path, span: Span) -> None:
    (photos / "ink.caption").write_text("sks, a well of ink\n")
    said = {each.file.name: each.captions for each in load_examples(photos, span)}
    assert said["ink.png"] == ("sks, a well of ink",)
    assert said["one.png"] == ("a cat in ink",)
