"""Descriptions of pictures, from the texts of the tools that made them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from promptlang.dialects.conversion import INFOTEXT, convert, format_recipe_line
from promptlang.inspection import comfy
from promptlang.inspection.file_info import FileInfo, describe_losses
from promptlang.inspection.image_texts import read_image_texts
from promptlang.metadata import infotext, record
from promptlang.plan.sampler_names import parse_sampler_name

Rows = Iterator[tuple[str, str]]


def inspect_picture(file: Path) -> FileInfo:
    """Describe a picture by the first text that a known tool wrote.

    Raises `UnrecognizedFileError` if the file is not a picture.
    """
    found = read_image_texts(file)
    if "UserComment" in found.texts:
        texts = {"parameters": found.texts["UserComment"], **found.texts}
        found = replace(found, texts=texts)
    size = ("size", "{}x{} pixels, {}".format(*found.size, found.format))
    for name, read in TOOLS.items():
        if name in found.texts:
            with suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):
                findings = read(found.texts[name], found.texts)
                return replace(findings, rows=(size, *findings.rows))
    others = tuple(found.texts.items())
    return FileInfo("picture without metadata on how it was made", (size, *others))


def _describe_promptlang(text: str, texts: Mapping[str, str]) -> FileInfo:
    made = record.read(text)
    rows = [("line", made.source), *_infotext_rows(texts.get("parameters", ""))]
    rows.append((f"sha256 of {made.model[0]}", made.model[1]))
    named = {"<lora:{}>": made.loras, "<{}>": made.embeddings, "--{}": made.pictures}
    for written, files in named.items():
        rows += (
            (written.format(name), f"{file}, sha256 {sha256}")
            for name, (file, sha256) in files.items()
        )
    rows += ((name, version) for name, version in made.versions.items())
    return FileInfo("picture by promptlang", tuple(rows), made.source)


def _describe_a1111(text: str, _texts: Mapping[str, str]) -> FileInfo:
    maker = infotext.read(text).settings.get("Version", "")
    kind = (
        "picture by promptlang" if maker.startswith("promptlang") else "picture with A1111's text"
    )
    converted = convert(text, source=INFOTEXT)
    return FileInfo(
        kind, tuple(_infotext_rows(text)), converted.text, describe_losses(converted.diagnostics)
    )


def _infotext_rows(text: str) -> Rows:
    read = infotext.read(text)
    yield "prompt", read.prompt
    if read.negative:
        yield "negative", read.negative
    yield from read.settings.items()


def _describe_comfy(text: str, _texts: Mapping[str, str]) -> FileInfo:
    made = comfy.read(text)
    return FileInfo("picture by ComfyUI", made.rows, made.line, made.lost)


def _describe_workflow(text: str, _texts: Mapping[str, str]) -> FileInfo:
    made = comfy.read_workflow(text)
    return FileInfo("picture by ComfyUI", made.rows, made.line, made.lost)


def _describe_invokeai(text: str, _texts: Mapping[str, str]) -> FileInfo:
    content = json.loads(text)
    rows = [("prompt", str(content["positive_prompt"]))]
    if content.get("negative_prompt"):
        rows.append(("negative", str(content["negative_prompt"])))
    rows += (
        (name, _shown(value))
        for name, value in content.items()
        if not name.endswith("_prompt") and value
    )
    return FileInfo("picture by InvokeAI", tuple(rows), _invokeai_line(content))


def _invokeai_loras(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the LoRAs as tags, as InvokeAI writes them before version 4 and since."""
    for each in content.get("loras") or ():
        named = each.get("model") or each.get("lora") or {}
        name, weight = named.get("name") or named.get("model_name"), each.get("weight", 1)
        if isinstance(name, str) and isinstance(weight, int | float):
            yield f"<lora:{PurePosixPath(name).stem}:{weight:g}>"


def _invokeai_line(content: Mapping[str, Any]) -> str:
    texts = str(content["positive_prompt"]), str(content.get("negative_prompt") or "")
    names = {"seed": "seed", "steps": "steps", "cfg_scale": "cfg"}
    words = [
        f"--{ours} {content[name]}"
        for name, ours in names.items()
        if isinstance(content.get(name), int | float)
    ]
    if isinstance(content.get("width"), int) and isinstance(content.get("height"), int):
        words.append(f"--size {content['width']}x{content['height']}")
    sampler = parse_sampler_name(re.sub(r"_k\Z", "_karras", str(content.get("scheduler", ""))))
    if sampler is not None:
        words.append(f"--sampler {sampler.value}")
    prompt, negative = (convert(text, source="invokeai").text for text in texts)
    return format_recipe_line(" ".join([prompt, *_invokeai_loras(content)]), negative, words)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


TOOLS: Final[Mapping[str, Callable[[str, Mapping[str, str]], FileInfo]]] = MappingProxyType(
    {
        record.PNG_TEXT_KEY: _describe_promptlang,
        "parameters": _describe_a1111,
        "prompt": _describe_comfy,
        "workflow": _describe_workflow,
        "invokeai_metadata": _describe_invokeai,
    }
)
"""Readers by the names of the texts that tools write."""
