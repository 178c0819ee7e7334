"""Headers of safetensors files: read where safetensors reads them, else refused in words."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptlang.files import UnreadableFileError, read_safetensors_header
from promptlang.inspection.inspect_file import inspect
from tests.fuzz.conftest import Cases

safetensors = pytest.importorskip("safetensors")

DTYPES = {"F32": 4, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "I64": 8, "F8_E4M3": 1, "BOOL": 1}
ODD: list[Any] = [
    *(None, True, -1, 1.5, 2**63, 2**64, "", "x", [], {}, [[]], [1, "2"], {"a": 1}, 1e400),
    *("\x1b]0;x\x07", "F4", "f32", [0, 0, 0], [2**40, 2**40], "\ud800"),
]


def odd(draw: random.Random) -> Any:
    return copy.deepcopy(draw.choice(ODD))


def well_made(draw: random.Random) -> dict[str, Any]:
    content: dict[str, Any] = {}
    place = 0
    for index in range(draw.randrange(5)):
        dtype = draw.choice([*DTYPES])
        shape = [draw.randrange(4) for _ in range(draw.randrange(4))]
        size = DTYPES[dtype]
        for each in shape:
            size *= each
        name = draw.choice(["lora_unet_x.lora_down.weight", "emb_params", "a.b", "ü", "clip_l"])
        content[f"{name}{index or ''}"] = {
            "dtype": dtype, "shape": shape, "data_offsets": [place, place + size]
        }  # fmt: skip
        place += size
    if draw.random() < 0.5:
        content["__metadata__"] = {
            draw.choice(["ss_tag_frequency", "modelspec.architecture", "x"]): draw.choice(
                ['{"10_a cat": {"a": 3}}', "[" * 200, "sdxl", "NaN", '{"a": [1]}']
            )
        }
    return content


def mutate(draw: random.Random, content: dict[str, Any]) -> None:
    """Change a value somewhere in the header."""
    if not content:
        content["w"] = odd(draw)
        return
    name = draw.choice([*content])
    entry = content[name]
    if isinstance(entry, dict) and entry and draw.random() < 0.8:
        key = draw.choice([*entry])
        if isinstance(entry[key], list) and entry[key] and draw.random() < 0.5:
            entry[key][draw.randrange(len(entry[key]))] = odd(draw)
        elif draw.random() < 0.2:
            del entry[key]
        else:
            entry[key] = odd(draw)
    else:
        content[name] = odd(draw)


def files(cases: Cases, file: Path) -> Iterator[str]:
    for draw in cases:
        content = well_made(draw)
        ends = [each["data_offsets"][1] for name, each in content.items() if name[0] != "_"]
        for _ in range(draw.choice([0, 0, 1, 2])):
            mutate(draw, content)
        header = json.dumps(content).encode("utf-8")
        if draw.random() < 0.1:
            at = draw.randrange(len(header) + 1)
            header = header[:at] + bytes([draw.randrange(256)]) + header[at + 1 :]
        length = len(header) if draw.random() < 0.95 else draw.choice([0, 2**63, len(header) + 1])
        data = bytes(max(0, max(ends, default=0) + draw.choice([0, 0, 0, 0, -1, 1])))
        file.write_bytes(struct.pack("<Q", length) + header + data)
        yield header.decode("utf-8", "replace")


def oracle(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]] | None:
    try:
        with safetensors.safe_open(str(file), "np") as opened:
            names = opened.keys()
            shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in names}
            if any(size >= 2**63 for shape in shapes.values() for size in shape):
                return None  # torch has no such size, also beside one of 0
            return shapes, opened.metadata() or {}
    except safetensors.SafetensorError:
        return None


def test_a_header_is_read_where_safetensors_reads_it(cases: Cases, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    read = refused = 0
    for header in files(cases, file):
        expected = oracle(file)
        if expected is None:
            with pytest.raises(UnreadableFileError):
                read_safetensors_header(file)
            refused += 1
            continue
        found = read_safetensors_header(file)
        shapes = {name: each.shape for name, each in found.tensors.items()}
        assert (shapes, found.metadata) == expected, header
        read += 1
    assert read > refused / 4 > 0


def test_info_describes_or_refuses_each_file(cases: Cases, tmp_path: Path) -> None:
    """Each tensor is counted, or the file is refused by its name."""
    file = tmp_path / "x.safetensors"
    for header in files(cases, file):
        count = counted(file)
        if count is None:
            with pytest.raises(UnreadableFileError, match=r"`x\.safetensors`"):
                inspect(file)
        else:
            assert dict(inspect(file).rows)["tensors"] == str(count), header


def counted(file: Path) -> int | None:
    try:
        return len(read_safetensors_header(file).tensors)
    except UnreadableFileError:
        return None
