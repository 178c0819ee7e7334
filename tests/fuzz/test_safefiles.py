"""Hostile files through the commands: no traceback, no control character, and each file named."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from promptlang.cli.main import main
from promptlang.dialects.conversion import convert
from promptlang.files import printable
from promptlang.plan.backend import Backend
from tests.fuzz.conftest import Cases

Draw = random.Random

STYLING = re.compile(r"\r?\x1b\[[\d;?]*[A-Za-z]|\x1b\]8;(?:id=[\d-]+)?;[!-~]*\x1b\\")
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")

HOSTILE = (
    *("\x1b]0;PWNED\x07", "\x1b[2J", "\x9b31m", "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\", "\u202e"),
    *(
        "\r",
        "\n",
        "\t",
        "\x00",
        "\x08",
        "\x85",
        "\u2028",
        "\u2066",
        "::error::x",
        "\u200f",
        "\ufeff",
    ),
    *("[" * 99, "(" * 99, '{"a":' * 300, "9" * 400, "-1", "1e999", "NaN", "é", "狐", "\\", '"'),
)
"""Pieces that steer a terminal, end a line, nest deeply, or are absurd numbers."""

RECIPES = (
    "a fox, (red:1.3), [blue] --seed 7\nset steps 20\n",
    'train lora ink from "photos" --steps 10 --rank 4\na fox, <lora:ink:0.8>\n',
    'include "base.pl"\nlet hero = a man in {red|blue}\n${hero}, [fox:owl:0.5] --cfg 3..7/2\n',
    'use wildcards "w"\n__animal__ AND a hill:0.5 --negative "bad" --init "a.png"\n',
)

INFOTEXT = "a fox, <lora:ink:0.8>\nNegative prompt: bad\nSteps: 20, Sampler: Euler a, CFG scale: 7"

GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "positive": ["6", 0],
        },
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox"}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}

_INTERVAL = {"until": 20, "segments": [["a fox", 1.0]], "loras": [["ink", 0.8, 0.8]]}
_PART = {"intervals": [_INTERVAL], "weight": 1.0, "area": None}
RECORD = {
    "format": 2,
    "source": "a fox --seed 7",
    "model": ["emoji", "0" * 64],
    "loras": {"ink": ["ink.safetensors", "1" * 64]},
    "embeddings": {},
    "pictures": {},
    "size": [64, 64],
    "vae": "",
    "hub": False,
    "batch": 1,
    "versions": {"torch": "2.13"},
    "render": {
        "text": "a fox",
        "negative_text": "",
        "emphasis": "mean",
        "clip_skip": 1,
        "seed": 7,
        "steps": 20,
        "cfg": 4.0,
        "sampler": "ddim",
        "scheduler": "",
        "eta": 0.0,
        "strength": 0.6,
        "hires": 1.0,
        "prompt": [_PART],
        "negative": [_PART],
        "cfg_by_step": [],
        "computing": {"device": "cpu"},
    },
}

TEXTS = (
    ("parameters", INFOTEXT),
    ("prompt", json.dumps(GRAPH)),
    ("workflow", json.dumps({"nodes": [{"id": 1, "type": "KSampler"}], "links": []})),
    ("invokeai_metadata", json.dumps({"positive_prompt": "a fox", "seed": 1, "steps": 20})),
    ("promptlang", json.dumps(RECORD)),
    ("Comment", json.dumps({"prompt": "a fox", "steps": 28, "uc": "bad"})),
    ("sui_image_params", json.dumps({"sui_image_params": {"prompt": "a fox", "seed": 1}})),
)


class Tty(io.StringIO):
    """A screen in memory."""

    def isatty(self) -> bool:
        return True


def mutated(draw: Draw, text: str) -> str:
    """Return a text with hostile pieces put in, and stretches repeated, moved or cut."""
    for _ in range(draw.choice((0, 1, 1, 2, 5))):
        start, end = sorted((draw.randrange(len(text) + 1), draw.randrange(len(text) + 1)))
        match draw.randrange(4):
            case 0 | 1:
                text = text[:start] + draw.choice(HOSTILE) + text[start:]
            case 2:
                text = text[:start] + text[end:]
            case _:
                text = text[:end] + text[start:]
    return text[:20_000]


def mutated_json(draw: Draw, value: object) -> object:
    """Return JSON in which some values have become others."""
    if not draw.randrange(12):
        return draw.choice((None, True, -8, 2**70, 1e308, float("nan"), "x", [], {}, [[1]], ["a"]))
    if isinstance(value, dict):
        return {
            (draw.choice(HOSTILE) if not draw.randrange(25) else name): mutated_json(draw, each)
            for name, each in value.items()
            if draw.randrange(25)
        }
    if isinstance(value, list):
        return [mutated_json(draw, each) for each in value]
    return mutated(draw, value) if isinstance(value, str) and not draw.randrange(6) else value


def mutated_bytes(draw: Draw, content: bytes) -> bytes:
    """Return bytes of which some are changed, cut off or put in."""
    changed = bytearray(content)
    for _ in range(draw.choice((0, 0, 1, 3, 20))):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    match draw.randrange(6):
        case 0:
            del changed[draw.randrange(len(changed) + 1) :]
        case 1:
            at = draw.randrange(len(changed) + 1)
            changed[at:at] = draw.randbytes(draw.randrange(40))
    return bytes(changed)


def picture_texts(draw: Draw) -> dict[str, str]:
    chosen = draw.sample(TEXTS, draw.randrange(4))
    return {
        mutated(draw, name)[:60] if not draw.randrange(10) else name: (
            json.dumps(mutated_json(draw, json.loads(text)), ensure_ascii=draw.random() < 0.5)
            if text.startswith("{") and draw.randrange(3)
            else mutated(draw, text)
        )
        for name, text in chosen
    }


def png(draw: Draw) -> bytes:
    info = PngInfo()
    for name, text in picture_texts(draw).items():
        key = name.encode("latin-1", "replace").replace(b"\0", b"?")[:79] or b"x"
        kind = draw.randrange(3)
        raw = text.encode("utf-8", "replace")
        if kind == 0:
            info.add(b"tEXt", key + b"\0" + raw)
        elif kind == 1:
            info.add(b"zTXt", key + b"\0\0" + zlib.compress(raw))
        else:
            info.add(b"iTXt", key + b"\0\0\0\0\0" + raw)
    stream = io.BytesIO()
    Image.new(draw.choice(("RGB", "L", "P", "RGBA")), (64, 48)).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def photo(draw: Draw) -> bytes:
    text = next(iter(picture_texts(draw).values()), INFOTEXT)
    comment = draw.choice(
        (
            b"UNICODE\0" + text.encode("utf-16-be", "replace"),
            b"ASCII\0\0\0" + text.encode("utf-8", "replace"),
            text.encode("utf-16", "replace"),
        )
    )
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment[:60_000]
    exif[0x0112] = draw.randrange(10)
    stream = io.BytesIO()
    name = draw.choice(("JPEG", "WEBP"))
    Image.new("RGB", (64, 48)).save(stream, name, exif=exif.tobytes())
    return stream.getvalue()


def adapter(draw: Draw) -> bytes:
    key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight"
    header = {
        "__metadata__": {
            "ss_tag_frequency": json.dumps({"10_sks dog": {"sks": 3}}),
            "modelspec.trigger_phrase": "sks",
            "ss_output_name": "ink",
        },
        key: {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]},
    }
    text = json.dumps(mutated_json(draw, header)).encode()
    return struct.pack("<Q", len(text)) + text + bytes(64)


def noise(draw: Draw) -> bytes:
    marks = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"RIFF\x10\0\0\0WEBP", b"GIF89a", b"II*\0")
    start = draw.choice((b"", *marks))
    return start + draw.randbytes(draw.randrange(200))


def file_name(draw: Draw, ending: str) -> str:
    stem = mutated(draw, "fox")[:40] if not draw.randrange(4) else "fox"
    return "x" + "".join(each for each in stem if each not in "/\0") + ending


MAKERS: tuple[Callable[[Draw], bytes], ...] = (png, png, photo, adapter, noise)


def hostile_file(draw: Draw, folder: Path) -> Path:
    content = draw.choice(MAKERS)(draw)
    file = folder / file_name(draw, draw.choice((".png", ".jpg", ".safetensors", "")))
    file.write_bytes(mutated_bytes(draw, content) if draw.randrange(2) else content)
    return file


def recipe(draw: Draw, folder: Path) -> Path:
    file = folder / file_name(draw, ".pl")
    content = mutated(draw, draw.choice(RECIPES)).encode("utf-8", "surrogatepass")
    file.write_bytes(mutated_bytes(draw, content) if not draw.randrange(4) else content)
    (folder / "base.pl").write_bytes(mutated(draw, draw.choice(RECIPES)).encode())
    return file


def data_set(draw: Draw, folder: Path) -> Path:
    photos = folder / "photos"
    photos.mkdir()
    names = [f"{at}.{draw.choice(('png', 'jpg'))}" for at in range(draw.randrange(4))]
    for name in names:
        content = png(draw) if name.endswith("png") else photo(draw)
        (photos / name).write_bytes(content if draw.randrange(3) else mutated_bytes(draw, content))
        if draw.randrange(2):
            text = mutated(draw, "a (red:1.2) fox\nan [owl\n")
            caption = text.encode(draw.choice(("utf-8", "utf-16")))
            (photos / f"{name.partition('.')[0]}.txt").write_bytes(mutated_bytes(draw, caption))
    if not draw.randrange(3):
        records: list[object] = [{"file_name": name, "text": "a fox"} for name in names]
        lines = (json.dumps(mutated_json(draw, each)) for each in records)
        (photos / "metadata.jsonl").write_text("\n".join(lines))
    if not draw.randrange(3):
        table = "file_name,text\n" + "".join(f"{name},a fox\n" for name in names)
        (photos / "metadata.csv").write_text(mutated(draw, table), "utf-8")
    return photos


def no_backend() -> Backend:
    raise ModuleNotFoundError("No module named 'torch'")


COMMANDS: dict[str, Callable[[Draw, Path], Path]] = {
    "info": hostile_file,
    "replay": hostile_file,
    "check": recipe,
    "fmt": recipe,
    "ast": recipe,
    "check-data": data_set,
}


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> tuple[int, str, str]:
    """Run a command line on a screen; return the exit code, the output and the errors."""
    out, errors = Tty(), Tty()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", errors)
    code = main(words, no_backend)
    return code, out.getvalue(), errors.getvalue()


def plain(shown: str) -> str:
    """Return what a screen shows, less its styling."""
    return STYLING.sub("", shown)


def test_hostile_files_are_described_or_named_and_steer_nothing(
    cases: Cases, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, draw in enumerate(cases):
        folder = fresh / str(number)
        folder.mkdir()
        command = draw.choice([*COMMANDS])
        file = COMMANDS[command](draw, folder)
        options = {"check": [[], ["--github"], ["--json"]], "fmt": [["--check"], []]}
        words = [command, *draw.choice(options.get(command, [[]])), str(file)]
        code, out, errors = run(monkeypatch, words)
        assert code in (0, 1, 2), words
        assert not STEERING.findall(plain(out + errors).replace("\n", "")), words
        if command in ("info", "replay") and code:
            assert printable(file.name) in plain(errors), words
        if command == "info" and not code:
            assert printable(file.name) in plain(out), words
        assert code == 0 or out or errors, words
        shutil.rmtree(folder)


def test_a_converted_prompt_reaches_a_pipe_exactly_and_a_screen_harmlessly(
    cases: Cases, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fresh.is_dir()
    for draw in islice(cases, 0, None, 3):  # a case takes some 30 ms
        prompt = mutated(draw, draw.choice(("a (fox:1.2)", "[a|b], {c|d}", INFOTEXT)))
        prompt = prompt.replace("\0", "").lstrip("-") or "x"
        source = draw.choice(("a1111", "comfy", "infotext", "novelai"))
        words = ["convert", "--from", source, "--to", "comfy", prompt]
        _, out, errors = run(monkeypatch, words)
        assert not STEERING.findall(plain(out + errors).replace("\n", "")), prompt
        pipe = io.StringIO()
        monkeypatch.setattr(sys, "stdout", pipe)
        main(words, no_backend)
        assert pipe.getvalue() == f"{convert(prompt, source=source, target='comfy').text}\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_hostile_picture_on_a_real_terminal_steers_nothing(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    info = PngInfo()
    text = "a \x1b]0;PWNED\x07\x9b31m fox\nSteps: 20, Seed: 1, \x1b[2JName: \x1b[5m"
    info.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(tmp_path / "a\x1b[2J.png", pnginfo=info)
    shown, code = pexpect.run(
        f"{sys.executable} -m promptlang info 'a\x1b[2J.png' 'none\x1b]0;x\x07'",
        cwd=tmp_path,
        withexitstatus=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    assert code == 1
    lines = shown.decode().replace("\r\n", "\n")
    assert "PWNED" in lines
    assert not STEERING.findall(plain(lines))
