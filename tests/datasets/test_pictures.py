"""Pictures of other people: no program starts, and each is read rightly or named."""

from __future__ import annotations

import ast
import io
import os
import stat
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from promptlang.cli.main import main
from promptlang.datasets.examples import Example
from promptlang.datasets.image_files import describe_error, is_complete, read_image
from promptlang.datasets.image_stats import ImageStats, measure_image
from promptlang.files import UnreadableFileError
from promptlang.source import Source

ROOT = Path(__file__).parents[2]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which a `gs` that stands first on the path writes its arguments."""
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir()
    program = programs / "gs"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexit 1\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return log


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("command", ["check-data", "info", "replay"])
def test_a_picture_that_is_a_program_is_named_and_never_run(
    command: str, ending: str, log: Path, capsys: Captured
) -> None:
    folder = log.parent / "photos"
    folder.mkdir()
    file = folder / f"a.{ending}"
    file.write_bytes(EPS)
    assert main([command, str(folder if command == "check-data" else file)]) == 1
    assert f"a.{ending}" in capsys.readouterr().err
    assert not log.exists()


def opens_pictures(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(ast.Name("Image" | "PIL"), "open"):
            return True
        case ast.ImportFrom(module="PIL.Image", names=names):
            return any(each.name == "open" for each in names)
    return False


def test_pictures_are_opened_in_one_module_only() -> None:
    openers = {
        file.relative_to(ROOT).as_posix()
        for folder in ("promptlang", "runtime", "grammar")
        for file in (ROOT / folder).rglob("*.py")
        if any(map(opens_pictures, ast.walk(ast.parse(file.read_text("utf-8")))))
    }
    assert openers == {"promptlang/files/images.py"}


def saved(picture: Image.Image, file: Path, **options: object) -> Path:
    picture.save(file, **options)  # type: ignore[arg-type]
    return file


RED = (255, 0, 0, 255)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]
)
def test_a_picture_of_any_mode_is_read_with_8_bits_a_channel(mode: str, tmp_path: Path) -> None:
    kinds = {"CMYK": "tif", "F": "tif", "I": "tif", "PA": "tif"}
    wide = {"I;16": 65535, "I": 65535, "F": 1.0}
    white = Image.new(mode, (8, 4), wide.get(mode)) if mode in wide else None
    if white is None:
        white = Image.new("RGBA", (8, 4), "white").convert("P" if mode == "PA" else mode)
    file = saved(white, tmp_path / f"a.{kinds.get(mode, 'png')}")
    file = file.rename(tmp_path / "a.png")
    assert read_image(file).getpixel((3, 2)) == (255, 255, 255, 255)
    assert read_image(file).size == (8, 4)


def test_numbers_that_are_none_become_black_without_a_warning(tmp_path: Path) -> None:
    values = np.full((4, 4), 0.5, dtype=np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    file = saved(Image.fromarray(values), tmp_path / "a.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = read_image(file)
    assert shown.getpixel((0, 0)) == (0, 0, 0, 255)
    assert shown.getpixel((3, 3)) == (128, 128, 128, 255)


def test_of_an_animation_the_first_picture_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "a.webp", "a.png"):
        file = saved(frames[0], tmp_path / name, save_all=True, append_images=frames[1:])
        assert np.abs(np.subtract(read_image(file).getpixel((4, 4)), RED)).max() < 8, name
        stats = measure_image(Example(file, ("",)), Source("a").span(0, 1))
        assert isinstance(stats, ImageStats)
        assert "animated" in stats.kinds


def test_a_photo_with_a_depth_map_is_not_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    file = saved(
        frames[0], tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:]
    )
    stats = measure_image(Example(file, ("",)), Source("a").span(0, 1))
    assert isinstance(stats, ImageStats)
    assert stats.kinds == ()
    assert is_complete(file)


def test_a_picture_with_damaged_exif_data_is_read_as_it_is(tmp_path: Path) -> None:
    for damage in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM", b"Exif\0\0" + b"\xff" * 40):
        file = saved(Image.new("RGB", (8, 4), "red"), tmp_path / "a.png", exif=damage)
        assert read_image(file).getpixel((1, 1)) == RED
        assert isinstance(measure_image(Example(file, ("",)), Source("a").span(0, 1)), ImageStats)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width: int, height: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not a picture"),
        (b"<html>", "it is not a picture"),
        (EPS, "it is not a picture"),
        (png(12_000, 12_000, b""), "it has too many pixels: 12000 × 12000"),
        (png(2**31 - 1, 2**31 - 1, b""), "it has too many pixels"),
        (png(0, 0, b""), "it is not a picture"),
        (png(8, 8, chunk(b"IDAT", b"garbage")), ""),
    ],
)
def test_a_picture_that_cannot_be_read_is_named_with_the_reason(
    content: bytes, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(UnreadableFileError) as raised:
        read_image(file)
    assert describe_error(file, raised.value).startswith(reason)
    assert "a.png" not in describe_error(file, raised.value)
    assert not is_complete(file) or b"IDAT" in content
    assert capfd.readouterr() == ("", "")


def test_pictures_that_are_not_files_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in {
        "none.png": "there is no such file",
        "pipe.png": "it is a named pipe, not a file",
        f"{'a' * 300}.png": "it cannot be read: file name too long",
    }.items():
        with pytest.raises(UnreadableFileError) as raised:
            read_image(tmp_path / name)
        assert describe_error(tmp_path / name, raised.value) == reason


def test_pillow_says_nothing_on_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    palette = Image.new("P", (8, 8))
    palette.info["transparency"] = bytes(range(256))
    stream = io.BytesIO()
    palette.save(stream, "PNG", transparency=bytes(range(256)))
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        read_image(tmp_path / "a.png")
        measure_image(Example(tmp_path / "a.png", ("",)), Source("a").span(0, 1))
    assert capfd.readouterr() == ("", "")


def test_the_decoder_of_tiff_says_nothing_on_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = io.BytesIO()
    Image.effect_noise((32, 32), 90).save(stream, "TIFF", compression="tiff_lzw")
    content = bytearray(stream.getvalue())
    content[20:60] = b"\xff" * 40
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"`a\.tif`"):
        read_image(tmp_path / "a.tif")
    os.write(2, b"said afterwards")
    assert capfd.readouterr() == ("", "said afterwards")


def test_a_damaged_avif_is_read_or_named(tmp_path: Path) -> None:
    pytest.importorskip("PIL._avif")
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((24, 20)).convert("RGB").save(stream, "AVIF")
    file, named = tmp_path / "a.png", 0
    for at in range(0, len(stream.getvalue()), 4):
        content = bytearray(stream.getvalue())
        content[at] ^= 0xFF
        file.write_bytes(content)
        try:
            read = read_image(file)
        except UnreadableFileError as error:
            named += str(error).startswith("`a.png`")
        else:
            named += read.mode == "RGBA"
    assert named == len(range(0, len(stream.getvalue()), 4))
