"""Texts of pictures, in each container and encoding."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, features

from promptlang.inspection.image_texts import read_image_texts
from promptlang.inspection.image_texts.decoding import decode_comment
from promptlang.inspection.image_texts.reading import read_hidden_texts
from tests.inspection.writers.containers import (
    chunk,
    exif,
    hide,
    picture,
    png,
    text_chunk,
    write_exif,
)

TEXTS = {
    "English": "a fox\nSteps: 20, Seed: 3",
    "Chinese": "一只狐狸，在雪中，红色的天空，高质量，杰作",
    "mixed": "a 狐 in snow, café 🦊\nSteps: 20",
    "Korean": "눈 속의 여우, 걸작",
    "Japanese": "雪の中のキツネ、傑作",
    "Russian": "лиса в снегу, шедевр",
}


def texts_of(content: bytes, folder: Path) -> dict[str, str]:
    file = folder / "picture"
    file.write_bytes(content)
    return dict(read_image_texts(file).texts)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "iTXz"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_chunk_of_a_png_is_read_before_and_after_the_pixels(
    text: str, kind: str, late: bool, tmp_path: Path
) -> None:
    content = png(text_chunk(kind, "parameters", text.encode()), late=late)
    assert texts_of(content, tmp_path) == {"parameters": text}


def test_a_chunk_in_latin_1_is_read(tmp_path: Path) -> None:
    content = png(text_chunk("tEXt", "parameters", "café à 20 °C".encode("latin-1")))
    assert texts_of(content, tmp_path) == {"parameters": "café à 20 °C"}


def test_chunks_of_one_name_are_all_kept(tmp_path: Path) -> None:
    chunks = [text_chunk("tEXt", "Comment", text) for text in (b"a", b"b", b"a")]
    found = texts_of(png(*chunks), tmp_path)
    assert found == {"Comment": "a", "Comment (2)": "b", "Comment (3)": "a"}


COMMENTS = {
    "UTF-16, high byte first": lambda text: b"UNICODE\0" + text.encode("utf-16-be"),
    "UTF-16, low byte first": lambda text: b"UNICODE\0" + text.encode("utf-16-le"),
    "UTF-16 with a mark": lambda text: b"UNICODE\0" + text.encode("utf-16"),
    "UTF-16 with the other mark": lambda text: b"UNICODE\0\xfe\xff" + text.encode("utf-16-be"),
    "UTF-8 as UNICODE": lambda text: b"UNICODE\0" + text.encode(),
    "UTF-8 as ASCII": lambda text: b"ASCII\0\0\0" + text.encode(),
    "UTF-8 as nothing": lambda text: bytes(8) + text.encode(),
    "UTF-8 without a code": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: b"UNICODE\0\xef\xbb\xbf" + text.encode(),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encode", COMMENTS.values(), ids=COMMENTS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_user_comment_is_what_decodes_to_text(
    text: str, encode: object, order: str, tmp_path: Path
) -> None:
    content = encode(text)  # type: ignore[operator]
    file = write_exif(tmp_path / "picture.jpg", exif({}, content, order=order))
    assert read_image_texts(file).texts == {"UserComment": text}


def test_a_comment_in_jis_is_read() -> None:
    text = "雪の中のキツネ"
    for encoding in ("iso2022_jp", "utf-8", "cp932", "euc_jp"):
        content = b"JIS\0\0\0\0\0" + text.encode(encoding)
        assert decode_comment(content, big_endian=True) == text, encoding


def test_a_comment_of_zeros_or_odd_bytes_is_no_error() -> None:
    assert decode_comment(b"UNICODE\0", big_endian=True) == ""
    assert decode_comment(bytes(64), big_endian=False) == ""


@pytest.mark.parametrize("ending", ["jpg", "webp", "png", "avif"])
def test_fields_of_exif_are_read_in_each_format(ending: str, tmp_path: Path) -> None:
    if ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    fields = {0x010E: "a 狐", 0x010F: 'prompt:{"1": {}}', 0x0110: "Workflow: {}"}
    comment = b"UNICODE\0" + "x 狐".encode("utf-16-be")
    file = write_exif(tmp_path / f"picture.{ending}", exif(fields, comment))
    assert dict(read_image_texts(file).texts) == {
        "ImageDescription": "a 狐", "prompt": '{"1": {}}', "workflow": "{}", "UserComment": "x 狐"
    }  # fmt: skip


def test_a_user_comment_in_a_tiff_is_read(tmp_path: Path) -> None:
    comment = b"UNICODE\0" + "x 狐".encode("utf-16-le")
    file = write_exif(tmp_path / "picture.tif", exif({}, comment))
    assert read_image_texts(file).texts == {"UserComment": "x 狐"}


def test_a_comment_in_the_first_directory_and_windows_fields_are_read(tmp_path: Path) -> None:
    fields = {
        0x9286: "a fox",
        0x927C: "fooocus",
        0x9C9C: "ein Füchschen 狐".encode("utf-16-le") + b"\0\0",
    }
    file = write_exif(tmp_path / "picture.jpg", exif(fields))
    assert dict(read_image_texts(file).texts) == {
        "UserComment": "a fox", "MakerNote": "fooocus", "XPComment": "ein Füchschen 狐"
    }  # fmt: skip


def test_the_binary_note_of_a_camera_is_no_text(tmp_path: Path) -> None:
    note = bytes(range(256)) * 8
    file = write_exif(tmp_path / "photo.jpg", exif({0x010F: "Camera", 0x927C: note}))
    assert read_image_texts(file).texts == {"Make": "Camera"}


def test_the_comments_of_a_jpeg_are_read(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg", comment="a 狐".encode())
    assert read_image_texts(tmp_path / "a.jpg").texts == {"comment": "a 狐"}


XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" xmp:CreatorTool="Draw Things">
<exif:UserComment><rdf:Alt><rdf:li xml:lang="x-default">{&quot;c&quot;: &quot;狐&quot;}</rdf:li>
</rdf:Alt></exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def test_xmp_is_read_in_a_png_a_jpeg_and_a_webp(tmp_path: Path) -> None:
    expected = {"xmp:CreatorTool": "Draw Things", "exif:UserComment": '{"c": "狐"}'}
    files = [tmp_path / f"a.{ending}" for ending in ("png", "jpg", "webp")]
    files[0].write_bytes(png(text_chunk("iTXt", "XML:com.adobe.xmp", XMP.encode())))
    for file in files[1:]:
        picture().save(file, xmp=XMP.encode())
    for file in files:
        assert read_image_texts(file).texts == expected, file.name


def test_an_entity_in_xmp_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    (tmp_path / "a.png").write_bytes(png(text_chunk("iTXt", "XML:com.adobe.xmp", bomb.encode())))
    found = read_image_texts(tmp_path / "a.png")
    assert (dict(found.texts), found.damages) == ({}, ("the XMP data are damaged",))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_text_in_the_pixels_is_read(mode: str, packed: bool, tmp_path: Path) -> None:
    hide("a 狐\nSteps: 20".encode(), mode=mode, packed=packed).save(tmp_path / "a.png")
    assert read_hidden_texts(tmp_path / "a.png").texts == {"parameters": "a 狐\nSteps: 20"}
    assert read_image_texts(tmp_path / "a.png").texts == {}


def test_pixels_without_a_text_give_none(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64)).save(tmp_path / "a.png")
    assert read_hidden_texts(tmp_path / "a.png").texts == {}


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (png(chunk(b"zTXt", b"a\0\0nothing")), "the text `a` is damaged: it cannot be unpacked"),
        (png(text_chunk("zTXt", "a", b"x" * 40))[:-20], "the picture's file is cut short"),
        (png(chunk(b"eXIf", b"MM\0*\0\0\0\x63")), "a directory of the EXIF data is missing"),
        (png(chunk(b"eXIf", b"nothing")), "the EXIF data have no valid beginning"),
        (png(text_chunk("zTXt", "a", bytes(2**26))), "the text `a` is too long to be read"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, damage: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert read_image_texts(tmp_path / "a.png").damages == (damage,)
