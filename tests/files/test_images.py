"""Pictures are opened in formats that run no program."""

import os
import stat
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from promptlang.files import UnreadableFileError
from promptlang.files.images import FORMATS, load_image, open_image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
def test_no_picture_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "gs"
    program.write_text(f'#!/bin/sh\necho ran >> "{tmp_path}/log"\nexit 1\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "a.png").write_bytes(EPS)
    with pytest.raises(UnreadableFileError, match=r"`a\.png` is not a picture"):
        load_image(tmp_path / "a.png")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "QOI"])
def test_a_picture_in_each_format_is_read(name: str) -> None:
    if name == "AVIF":
        pytest.importorskip("PIL._avif")
    stream = BytesIO()
    Image.new("RGB", (4, 3), "red").save(stream, name)
    stream.seek(0)
    assert load_image(stream).size == (4, 3)


def test_a_picture_cut_short_is_named(tmp_path: Path) -> None:
    whole = BytesIO()
    Image.effect_noise((64, 64), 50).save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:900])
    with pytest.raises(UnreadableFileError, match=r"`cut\.png` is a damaged picture"):
        load_image(tmp_path / "cut.png")


def test_a_picture_of_absurd_size_is_refused() -> None:
    stream = BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    stream.seek(0)
    with pytest.raises(UnreadableFileError, match="too many pixels"), open_image(stream):
        pass
