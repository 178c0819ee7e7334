"""JSON and safetensors headers of other people."""

import json
import struct
from pathlib import Path

import pytest

from promptlang.files import (
    UnreadableFileError,
    as_integer,
    as_number,
    as_object,
    parse_json,
    read_safetensors_header,
)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "{", "", "[1e5]]", "9" * 5000, '"', b"\xff"]
)
def test_no_text_but_json_is_read(text: str | bytes) -> None:
    with pytest.raises(UnreadableFileError):
        parse_json(text)


def test_brackets_in_texts_do_not_count() -> None:
    assert parse_json(json.dumps("[" * 1000 + '\\"' + "{" * 1000))


def test_half_of_a_surrogate_pair_is_seen() -> None:
    assert parse_json(r'{"a\ud83e": ["\ud83e\udd8a \ud83e", "\\ud83e"]}') == {
        "a\ufffd": ["🦊 \ufffd", "\\ud83e"]
    }
    with pytest.raises(UnreadableFileError, match="half of a surrogate pair"):
        parse_json(r'["\ud83e"]', strict=True)


def test_values_by_their_types() -> None:
    seed = 1125899906842623
    assert as_integer(parse_json(str(seed))) == seed
    assert as_integer(20.0) == 20
    assert [as_number(each) for each in (True, "1", float("nan"), 1.5)] == [None, None, None, 1.5]
    with pytest.raises(UnreadableFileError, match="an object was expected, not a list"):
        as_object([])


def write(file: Path, content: object, data: bytes = bytes(8)) -> Path:
    header = content if isinstance(content, bytes) else json.dumps(content).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return file


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


def test_a_header_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "x", {"__metadata__": {"a": "b"}, "w": entry()})
    header = read_safetensors_header(file)
    assert header.metadata == {"a": "b"}
    assert header.tensors["w"].shape == (2,)
    assert header.tensors["w"].elements == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "an object was expected"),
        ({"w": []}, "no dtype, shape and place of `w`"),
        ({"w": entry(shape=[-2])}, "not a whole number"),
        ({"w": entry(shape=[True, 2])}, "not a whole number"),
        ({"w": entry(shape=[3])}, "does not fit its bytes"),
        ({"w": entry(data_offsets=["0", "8"])}, "not a whole number"),
        ({"w": entry(dtype="F7")}, "unknown dtype `F7`"),
        ({"w": entry(), "v": entry()}, "overlap"),
        ({"w": entry(shape=[4], data_offsets=[0, 16])}, "its end is missing"),
        ({"w": entry(shape=[1], data_offsets=[0, 4])}, "bytes follow"),
        ({"__metadata__": {"a": 1}, "w": entry()}, "the metadata `a` is not a text"),
        ({"__metadata__": [], "w": entry()}, "metadata are not an object"),
        (b'{"w":{},"w":{}}', "stands twice"),
        (b"[" * 1000, "nested"),
        ({"w" * 5000: entry()}, "5000 characters"),
    ],
)
def test_a_damaged_header_is_named(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        read_safetensors_header(write(tmp_path / "x.safetensors", content))


def test_a_header_longer_than_its_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(struct.pack("<Q", 2**63))
    with pytest.raises(UnreadableFileError, match="longer than the file"):
        read_safetensors_header(tmp_path / "x")
