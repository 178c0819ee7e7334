"""Captions of other people: each file is read rightly, or named with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from promptlang.cli.main import main
from promptlang.datasets import caption_files
from promptlang.datasets.caption_files import MAX_CAPTION_LENGTH, MAX_CAPTIONS, MAX_TEXT_BYTES
from promptlang.datasets.examples import CaptionOrigin, load_examples
from promptlang.datasets.image_files import read_image
from promptlang.datasets.model_size import read_model_size
from promptlang.diagnostics import PromptError
from promptlang.files import UnreadableFileError
from promptlang.plan.steps import EMOJI, Model
from promptlang.source import Source

SPAN = Source("photos").span(0, 6)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures without captions."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one", "two"):
        Image.new("RGB", (64, 64)).save(folder / f"{name}.png")
    return folder


def captions(folder: Path) -> dict[str, tuple[str, ...]]:
    return {each.file.name: each.captions for each in load_examples(folder, SPAN)}


def complaints(folder: Path) -> list[str]:
    with pytest.raises(PromptError) as caught:
        load_examples(folder, SPAN)
    return [f"{each.code} {each.message}" for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_caption_in_any_unicode_encoding_is_read(encoding: str, photos: Path) -> None:
    (photos / "one.txt").write_bytes("a red fóx\r\na fox in snow\r\n".encode(encoding))
    assert captions(photos)["one.png"] == ("a red fóx", "a fox in snow")


def test_a_caption_in_another_encoding_is_named(photos: Path) -> None:
    (photos / "one.txt").write_bytes("a red fóx".encode("latin-1"))
    (photos / "two.caption").write_bytes("a red fóx".encode("cp1252"))
    assert complaints(photos) == [
        "PL408 `one.txt` is not a text in UTF-8 (byte 7); save it as UTF-8",
        "PL408 `two.caption` is not a text in UTF-8 (byte 7); save it as UTF-8",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"a fox\n{'x' * (MAX_CAPTION_LENGTH + 1)}", "PL409 line 2 of `one.txt` has more than"),
        ("a fox\n" * (MAX_CAPTIONS + 1), "PL408 `one.txt` has more than 1000 captions"),
        ("x " * MAX_TEXT_BYTES, "PL408 `one.txt` is larger than"),
    ],
)
def test_a_caption_of_absurd_length_is_named(text: str, complaint: str, photos: Path) -> None:
    (photos / "one.txt").write_text(text)
    (found,) = complaints(photos)
    assert found.startswith(complaint)


def test_the_longest_captions_are_read(photos: Path) -> None:
    (photos / "one.txt").write_text("x" * MAX_CAPTION_LENGTH + "\n")
    (photos / "two.txt").write_text("a fox\n" * MAX_CAPTIONS)
    assert {name: len(found) for name, found in captions(photos).items()} == {
        "one.png": 1,
        "two.png": MAX_CAPTIONS,
    }


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes there")
def test_a_name_that_is_no_utf_8_is_no_caption(photos: Path) -> None:
    picture = photos / os.fsdecode(b"caf\xe9.png")
    try:
        Image.new("RGB", (64, 64)).save(picture)
    except OSError:
        pytest.skip("the file system takes names in UTF-8 only")
    (found,) = complaints(photos)
    assert found == "PL408 the name of `caf\udce9.png` is not UTF-8, so it cannot be the caption"
    (photos / os.fsdecode(b"caf\xe9.txt")).write_text("a cup")
    assert captions(photos)[picture.name] == ("a cup",)


def test_a_picture_whose_name_is_too_long_for_a_caption_beside_it_is_captioned_by_it(
    photos: Path,
) -> None:
    name = f"{'a' * 246}.png"
    Image.new("RGB", (64, 64)).save(photos / name)
    assert captions(photos)[name] == ("a" * 246,)


JSON_LINES = {
    "[" * 100_000: "the JSON is nested more than 100 deep",
    '{"a":' * 100_000: "the JSON is nested more than 100 deep",
    "[1]": "an object was expected, not a list",
    "3": "an object was expected, not a number",
    "{": "it is not JSON",
    '{"file_name": "one.png", "text": [1]}': "its fields are not texts",
    '{"file_name": "one.png", "text": ["a", null]}': "its fields are not texts",
    '{"file_name": "one.png", "text": {"a": "b"}}': "its fields are not texts",
    '{"file_name": ["one.png"], "text": "a"}': "its fields are not texts",
    '{"file_name": "one.png", "text": null}': "it has no `text`",
    '{"file_name": null, "text": "a"}': "it has no `file_name`",
    '{"file_name": "one.png", "text": "\\ud83d"}': (
        "a text in the JSON holds half of a surrogate pair"
    ),
    '{"file_name": "one.png", "text": "a", "text": "b"}': (
        "the key `text` stands twice in one object"
    ),
    '{"file_name": "one.png", "text": "' + "x" * 10_001 + '"}': (
        "its caption has more than 10000 characters"
    ),
    '{"file_name": "one.png", "text": ' + json.dumps(["a"] * 1001) + "}": (
        "it has more than 1000 captions"
    ),
    '{"file_name": "one.png", "seed": ' + "9" * 5000 + ', "text": "a"}': "it is not JSON",
}


@pytest.mark.parametrize("line", JSON_LINES)
def test_a_line_of_json_that_is_no_caption_is_named(line: str, photos: Path) -> None:
    (photos / "metadata.jsonl").write_text(f'{{"file_name": "two.png", "text": "b"}}\n{line}\n')
    assert complaints(photos) == [
        f"PL404 line 2 of `metadata.jsonl` cannot be used: {JSON_LINES[line]}"
    ]


def test_captions_of_a_picture_in_several_lines_are_all_kept(photos: Path) -> None:
    (photos / "metadata.jsonl").write_text(
        '{"file_name": "one.png", "text": "a\\u2028b"}\n\n'
        '{"file_name": "one.png", "text": ["c", "d"]}\n'
        '{"file_name": "two.png", "caption": "e", "text": null}\n',
        "utf-16",
    )
    assert captions(photos) == {"one.png": ("a b", "c", "d"), "two.png": ("e",)}


@pytest.mark.parametrize(
    "table",
    [
        "file_name,text\none.png,a fox\n",
        "\ufefffile_name,text\r\none.png,a fox\r\n",
        'file_name,text\none.png,"a fox"',
        "text,seed,file_name\na fox,1,one.png\n",
        "file_name;caption\none.png;a fox\n",
        "file_name\tprompt\none.png\ta fox\n",
        'file_name,text\none.png,"a\nfox"\n',
        '"file_name","text"\n"one.png","a fox"\n\n',
    ],
)
def test_a_table_of_captions_is_read(table: str, photos: Path) -> None:
    (photos / "metadata.csv").write_bytes(table.encode())
    found = {each.file.name: each for each in load_examples(photos, SPAN)}
    assert found["one.png"].captions == ("a fox",)
    assert found["one.png"].origin is CaptionOrigin.RECORD
    assert found["two.png"].captions == ("two",)


@pytest.mark.parametrize(
    ("table", "line", "reason"),
    [
        ("", 1, "it has no column `file_name`"),
        ("name,text\none.png,a", 1, "it has no column `file_name`"),
        ("file_name,seed\none.png,1", 1, "it has no column `text`"),
        ("file_name,text\none.png,a fox, red", 2, "it has too many fields"),
        ("file_name,text\none.png", 2, "it has no `text`"),
        ('file_name,text\none.png,"a" fox', 2, "it is not CSV: ',' expected after '\"'"),
        ('file_name,text\none.png,"a fox\n', 2, "it is not CSV: unexpected end of data"),
        (f"file_name,text\none.png,{'x' * 200_000}", 2, "it is not CSV: field larger than"),
    ],
)
def test_a_line_of_a_table_that_is_no_caption_is_named(
    table: str, line: int, reason: str, photos: Path
) -> None:
    (photos / "metadata.csv").write_text(table)
    (found,) = complaints(photos)
    assert found.startswith(f"PL404 line {line} of `metadata.csv` cannot be used: {reason}")


def test_of_many_bad_lines_the_first_are_named(photos: Path) -> None:
    (photos / "metadata.jsonl").write_text("{\n" * 100_000)
    assert len(complaints(photos)) == caption_files.MAX_PROBLEMS
    (photos / "list.txt").write_text("none.png\n" * 100_000)
    assert len(complaints(photos / "list.txt")) == caption_files.MAX_PROBLEMS


def test_a_list_in_another_encoding_is_named_and_one_in_utf_16_is_read(photos: Path) -> None:
    (photos / "list.txt").write_bytes("# fóx\none.png".encode("latin-1"))
    (found,) = complaints(photos / "list.txt")
    assert found == "PL408 `list.txt` is not a text in UTF-8 (byte 3); save it as UTF-8"
    (photos / "list.txt").write_text("# fóx\none.png", "utf-16")
    assert captions(photos / "list.txt") == {"one.png": ("one",)}


@pytest.mark.parametrize("pattern", ["**a/*.png", "[", "*" * 300, "../*/*.png", "~*.png", "a\0*"])
def test_a_pattern_that_pathlib_refuses_has_no_pictures(pattern: str, photos: Path) -> None:
    try:
        found = complaints(photos / pattern)
    except pytest.fail.Exception:
        found = ["PL401"]  # `../*/*.png` has some
    assert [each.partition(" ")[0] for each in found] == ["PL401"]


CONFIGURATIONS = [
    *("[1]", "{}", "[", "[" * 10**5, "3"),
    *('{"sample_size": "x"}', '{"sample_size": [1]}'),
]


@pytest.mark.parametrize("content", CONFIGURATIONS)
def test_a_damaged_configuration_leaves_the_size_of_a_model_unknown(
    content: str, tmp_path: Path
) -> None:
    for part in ("unet", "vae"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text(content)
    assert read_model_size(Model("m", tmp_path)) is None
    assert read_model_size(EMOJI) is not None


def test_the_command_names_what_is_wrong_with_captions(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "metadata.jsonl").write_text("[" * 100_000)
    assert main(["check-data", str(photos)]) == 1
    assert "error[PL404]: line 1 of `metadata.jsonl` cannot be used" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes and few links in folders")
def test_what_is_named_like_a_picture_or_caption_is_never_left_out_in_silence(photos: Path) -> None:
    (photos / "moved.png").symlink_to("elsewhere.png")
    os.mkfifo(photos / "pipe.png")
    (photos / "folder.png").mkdir()
    assert {*captions(photos)} == {"one.png", "two.png", "moved.png", "pipe.png"}
    with pytest.raises(UnreadableFileError, match=r"`moved\.png` is a link to nothing"):
        read_image(photos / "moved.png")
    (photos / "one.txt").symlink_to("elsewhere.txt")
    os.mkfifo(photos / "two.txt")
    (photos / "moved.txt").symlink_to("/dev/zero")
    assert complaints(photos) == [
        "PL408 `moved.txt` is a device, not a file",
        "PL408 `one.txt` is a link to nothing",
        "PL408 `two.txt` is a named pipe, not a file",
    ]
    (photos / "metadata.jsonl").symlink_to("elsewhere.jsonl")
    assert complaints(photos) == ["PL408 `metadata.jsonl` is a link to nothing"]
