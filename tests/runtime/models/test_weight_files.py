"""The reader of weight files, on its own: layouts, signatures, and pickles."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from promptlang.runtime.models.weight_files import (
    DamagedFileError,
    ForeignFileError,
    OversizedPickleError,
    detect_layout,
    read_weight_file,
)


def write_safetensors(file: Path, header_bytes: int) -> None:
    """Write a tensor ``a`` of one number, under a header of a given length."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    content = header.ljust(header_bytes).encode()
    file.write_bytes(len(content).to_bytes(8, "little") + content + b"\0\0\x80\x3f")


@pytest.mark.parametrize("start", [b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK"])
def test_a_header_whose_length_looks_like_a_pickle_is_that_of_safetensors(
    start: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "a.safetensors"
    write_safetensors(file, int.from_bytes(start, "little"))
    assert file.read_bytes().startswith(start)
    assert read_weight_file(file).tensors == {"a": torch.ones(1)}


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_a_pickle_is_read_under_any_name_with_its_texts_as_metadata(
    ending: str, mmap: bool, tmp_path: Path
) -> None:
    file = tmp_path / f"a.{ending}"
    content: dict[str, Any] = {"state_dict": {"a": torch.ones(1)}, "b": {"c": torch.zeros(1)}}
    torch.save({**content, "name": "sks", "step": 10}, file)
    weights = read_weight_file(file, mmap=mmap)
    assert weights.tensors == {"a": torch.ones(1), "b.c": torch.zeros(1)}
    assert weights.metadata == {"name": "sks"}


def test_a_picture_in_the_folder_of_a_component_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "diffusion_pytorch_model.bin"
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ForeignFileError, match="it is a picture"):
        detect_layout(file)


@pytest.mark.parametrize("content", [b"", b"what is this?", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_bytes_that_are_no_whole_file_are_damaged(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(content)
    with pytest.raises(DamagedFileError):
        read_weight_file(file)


def test_a_compressed_archive_is_refused_however_little_it_saves(tmp_path: Path) -> None:
    file, smaller = tmp_path / "a.pt", tmp_path / "b.pt"
    torch.save({"a": torch.rand(1000)}, file)
    with (
        zipfile.ZipFile(file) as whole,
        zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert smaller.stat().st_size > file.stat().st_size / 2
    with pytest.raises(OversizedPickleError):
        read_weight_file(smaller)
