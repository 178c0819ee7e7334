"""Files of other people: what is not a regular file of a bounded size is named, never read."""

import codecs
import os
from pathlib import Path

import pytest

from promptlang.files import UnreadableFileError, is_file, is_folder, read_bytes, read_text


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_a_text_is_read_in_its_encoding(tmp_path: Path, mark: bytes, encoding: str) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(mark + "a red fox\r\nein Füchslein".encode(encoding))
    assert read_text(file) == "a red fox\nein Füchslein"


def test_a_text_in_no_known_encoding_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes("Füchse".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match=r"`x.txt` is not a text in UTF-8 \(byte 1\)"):
        read_text(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_a_device_and_a_folder_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in (
        (tmp_path / "pipe", "a named pipe"),
        (Path("/dev/zero"), "a device"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(UnreadableFileError, match=kind):
            read_bytes(path)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(11))
    assert read_bytes(tmp_path / "x", 11) == bytes(11)
    with pytest.raises(UnreadableFileError, match="larger than 10 bytes"):
        read_bytes(tmp_path / "x", 10)


@pytest.mark.parametrize("name", ["", "a" * 300, "a\0b", "\ud800", "~nobody/x", "a/" * 3000])
def test_no_name_of_a_file_is_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "x"
    assert not is_file(path)
    assert not is_folder(path)
    with pytest.raises(UnreadableFileError):
        read_text(path)
