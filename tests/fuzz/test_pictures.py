"""Random infotexts in every container, compared with what was written, and metadata of each tool.

Each field of a tool's metadata is a row, in the line, or named as lost.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.inspect_file import inspect
from promptlang.inspection.tools.recipe import is_empty, show
from promptlang.metadata import infotext
from tests.fuzz.conftest import Cases
from tests.inspection.writers import tools
from tests.inspection.writers.containers import (
    chunk,
    exif,
    hide,
    picture,
    png,
    text_chunk,
    write_exif,
)

WORDS = (
    *("a", "fox", "(snow:1.2)", "[cat|dog]", "<lora:ink:0.7>", "8k", "AND", "{red|blue}", "C#"),
    *(
        "狐狸",
        "лиса",
        "café",
        "🦊",
        "Steps: 20 up",
        '"quoted"',
        "a: b",
        "re:zero",
        "[[x]]",
        "\\(y\\)",
    ),
    *("ratio 16:9", "(old:1.3)", "<sks>", "--seed", "100%", "__x__", "Template", "Size: big"),
)
VALUES = (
    *("7", "6.5", "Euler a", "512x768", "v1.10.1", "dream_v1", "a, b: c", 'say "x": y', "模型"),
    *('{"a": "b, c", "d": [1, 2]}', '[{"type":"lora","weight":0.8}]', "True", "a\nb", "x: 1, y: 2"),
    *("0.7.1", "-1", "{a|b", "[c", "C:\\models\\x"),
)
NAMES = (
    *("Sampler", "CFG scale", "Seed", "Size", "Model", "Model hash", "Clip skip", "Version"),
    *("Lora hashes", "TI hashes", "Hashes", "ADetailer prompt", "Hires prompt", "ControlNet 0"),
    *("Schedule type", "Denoising strength", "Civitai resources", "Eta-2", "RP Divide/Ratio"),
)


def words(draw: random.Random, least: int = 1) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(least, 12)))


def quoted(value: str) -> str:
    """A value as A1111 quotes it; JSON stays as Civitai writes it."""
    if value.startswith(("{", "[")) and value.endswith(("}", "]")):
        return value
    return json.dumps(value, ensure_ascii=False) if any(m in value for m in ",:\n") else value


def one_infotext(draw: random.Random) -> tuple[str, infotext.Infotext]:
    """A text, and what must be read in it."""
    prompt = "\n".join(words(draw) for _ in range(draw.choice((1, 1, 2, 3))))
    negative = "\n".join(words(draw) for _ in range(draw.choice((0, 1, 1, 2))))
    names = draw.sample(NAMES, draw.randint(2, len(NAMES)))
    settings = {"Steps": "20", **{name: draw.choice(VALUES) for name in names}}
    line = ", ".join(f"{name}: {quoted(value)}" for name, value in settings.items())
    lines = [prompt, *([f"Negative prompt: {negative}"] if negative else []), line]
    if draw.random() < 0.2 and "Steps: 20 up" not in prompt + negative:
        prompt, negative = prompt.replace("\n", " "), negative.replace("\n", " ")
        joined = f"{prompt} Negative prompt: {negative}" if negative else prompt
        return f"{joined} {line}", infotext.Infotext(prompt, negative, settings, {})
    if draw.random() < 0.3:
        settings["Template"] = words(draw)
        lines.append(f"Template: {settings['Template']}")
        if draw.random() < 0.5:
            settings["Negative Template"] = words(draw)
            lines.append(f"Negative Template: {settings['Negative Template']}")
    text = draw.choice(("\n", "\r\n")).join(lines)
    return text, infotext.Infotext(prompt, negative, settings, {})


def _png(draw: random.Random, file: Path, text: str) -> None:
    kind = draw.choice(("tEXt", "zTXt", "iTXt", "iTXz"))
    content = text_chunk(kind, "parameters", text.encode())
    file.write_bytes(png(content, late=draw.random() < 0.3))


def _comment(draw: random.Random, file: Path, text: str) -> None:
    order = draw.choice("<>")
    code, encoding = draw.choice(
        (
            (b"UNICODE\0", "utf-16-be"),
            (b"UNICODE\0", "utf-16-le"),
            (b"UNICODE\0", "utf-16"),
            (b"UNICODE\0", "utf-8"),
            (b"ASCII\0\0\0", "utf-8"),
            (bytes(8), "utf-8"),
            (b"", "utf-8"),
            (b"", "utf-16"),
        )
    )
    data = exif({}, code + text.encode(encoding), order=order)
    if file.suffix == ".png":
        file.write_bytes(png(chunk(b"eXIf", data)))
    else:
        write_exif(file, data)


def _field(draw: random.Random, file: Path, text: str) -> None:
    number = draw.choice((0x010E, 0x9286, 0x9C9C))
    value: bytes | str = text.encode("utf-16-le") + b"\0\0" if number == 0x9C9C else text
    write_exif(file, exif({number: value}, order=draw.choice("<>")))


def _hidden(draw: random.Random, file: Path, text: str) -> None:
    mode = draw.choice(("RGB", "RGBA"))
    hide(text.encode(), mode=mode, packed=draw.random() < 0.7).save(file)


def _jpeg_comment(_draw: random.Random, file: Path, text: str) -> None:
    picture().save(file, comment=text.encode())


CONTAINERS: tuple[tuple[str, Callable[[random.Random, Path, str], None]], ...] = (
    *(("png", _png),) * 4,
    *(("jpg", _comment), ("webp", _comment), ("png", _comment)),
    *(("jpg", _field), ("webp", _field), ("png", _hidden), ("jpg", _jpeg_comment)),
)


def test_an_infotext_is_read_in_every_layout_encoding_and_container(
    cases: Cases, tmp_path: Path
) -> None:
    for number, draw in enumerate(cases):
        text, truth = one_infotext(draw)
        read = infotext.read(text)
        found = read.prompt, read.negative, dict(read.settings), read.stray
        expected = truth.prompt, truth.negative, dict(truth.settings), ()
        assert found == expected, (number, text)
        ending, write = draw.choice(CONTAINERS)
        file = tmp_path / f"picture.{ending}"
        write(draw, file, text)
        info = inspect(file)
        rows = [row for row in info.rows if row[0] not in {"size"}]
        facts = [
            ("prompt", truth.prompt),
            *([("negative", truth.negative)] if truth.negative else []),
        ]
        assert rows == [*facts, *truth.settings.items()], (number, write.__name__, text)


ODD: tuple[Any, ...] = (
    *(None, "", True, False, 0, -1, 2**70, 3.5, 1e400, float("nan"), "text", "7", [], {}, [1, "a"]),
    *(
        {"a": {"b": [None]}},
        "None",
        "-3",
        "7,5",
        "狐",
        "\ud800",
        "a\nb",
        [["x", 1], ["y"]],
        "x" * 600,
    ),
    *({"name": "ink", "weight": "0.5"}, {"model": {"name": 3}}, [{"weight": 1}], ["<x>:1"]),
)

OBJECTS: dict[str, Any] = {
    "SwarmUI": ("parameters", tools.SWARM, "sui_image_params"),
    "StableSwarmUI": ("UserComment", tools.STABLE_SWARM, "sui_image_params"),
    "Fooocus": ("parameters", tools.FOOOCUS, ""),
    "Fooocus, log": ("parameters", tools.FOOOCUS_LOG, ""),
    "Fooocus-MRE": ("Comment", tools.FOOOCUS_MRE, ""),
    "RuinedFooocus": ("parameters", tools.RUINED, ""),
    "NovelAI 3": ("Comment", tools.NOVELAI_3, ""),
    "NovelAI 4": ("Comment", tools.NOVELAI_4, ""),
    "InvokeAI 3": ("invokeai_metadata", tools.INVOKE_3, ""),
    "InvokeAI 5": ("invokeai_metadata", tools.INVOKE_5, ""),
    "InvokeAI 2": ("sd-metadata", tools.INVOKE_2, "image"),
    "Easy Diffusion": ("UserComment", tools.EASY, ""),
    "Draw Things": ("exif:UserComment", tools.DRAW_THINGS, ""),
    "TensorArt": ("generation_data", tools.TENSOR_DATA, ""),
    "Civitai": ("UserComment", {"extraMetadata": tools.CIVITAI_EXTRA}, "extraMetadata"),
    "diffusers": ("parameters", tools.DIFFUSERS, ""),
}


def mutated(draw: random.Random, content: dict[str, Any]) -> dict[str, Any]:
    """The fields in another order, some missing, some odd, some unknown."""
    names = [name for name in content if draw.random() > 0.1]
    draw.shuffle(names)
    changed = {name: draw.choice(ODD) if draw.random() < 0.15 else content[name] for name in names}
    if draw.random() < 0.3:
        changed[draw.choice(("extra", "狐", "a b", "x" * 90))] = draw.choice(ODD)
    return changed


def unaccounted(info: FileInfo, content: dict[str, Any], chunk_name: str) -> list[str]:
    """The fields that are neither in a row, nor in the line, nor named as lost."""
    if any(name.removeprefix("also ").strip("`") == chunk_name for name, _ in info.rows):
        return []  # no reader knows it, so that it is shown as it is
    shown = [value for _name, value in info.rows]
    lost = " ".join(info.lost)
    missing = []
    for name, value in content.items():
        text = re.sub(r"[\ud800-\udfff]", "\ufffd", show(value))
        is_shown = any(text in each for each in shown) or text in info.line
        known = is_shown or name in lost or text.strip() in lost
        if not (is_empty(value) or known or _is_in_parts(value, shown, lost)):
            missing.append(f"{name}: {text}")
    return missing


def _is_in_parts(value: object, shown: list[str], lost: str) -> bool:
    """Whether all texts and numbers in a list or object are shown, each by itself."""
    if isinstance(value, dict):
        return all(is_empty(each) or _is_in_parts(each, shown, lost) for each in value.values())
    if isinstance(value, list):
        return all(is_empty(each) or _is_in_parts(each, shown, lost) for each in value)
    text = re.sub(r"[\ud800-\udfff]", "\ufffd", show(value))  # type: ignore[arg-type]
    text = text.removesuffix(".0")
    pieces = [each.strip() for each in re.split(r"[\[\]]", text)]  # InvokeAI 2's negative prompts
    return all(any(piece in each for each in shown) or piece in lost for piece in pieces)


def test_each_field_of_a_tools_metadata_is_shown_or_named_as_lost(
    cases: Cases, tmp_path: Path
) -> None:
    for number, draw in enumerate(cases):
        tool = draw.choice([*OBJECTS])
        name, sample, inner = OBJECTS[tool]
        content = mutated(draw, sample[inner] if inner else sample)
        part = json.dumps(content) if tool == "Civitai" else content
        whole = {**sample, inner: part} if inner else content
        text = json.dumps(whole)
        if draw.random() < 0.03:
            text = text[: draw.randrange(1, len(text))]
        file = tmp_path / "a.png"
        more = {"Software": "NovelAI", "Source": "NovelAI x"} if "NovelAI" in tool else {}
        chunks = {name: text, **more}
        file.write_bytes(png(*(text_chunk("iTXt", n, t.encode()) for n, t in chunks.items())))
        info = inspect(file)
        if text == json.dumps(whole):
            assert unaccounted(info, content, name) == [], (number, tool, text, info)
        else:
            rows = {n.removeprefix("also ").strip("`") for n, _ in info.rows}
            assert info.lost or name in rows, (number, tool, text, info)
