"""Record of how a picture was made: all that is needed to make it again, and no more.

A record is JSON in the PNG's `promptlang` text. It names files without their folders, and
identifies them by the sha256 of their content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from promptlang.files import Json, UnreadableFileError, as_integer, as_object, parse_json
from promptlang.metadata.record_values import (
    MAX_BATCH,
    MAX_SIDE,
    Check,
    WrongValueError,
    check_render,
    is_text,
    is_true_or_false,
    is_whole,
    require,
)
from promptlang.plan.prompt import (
    ActiveLora,
    Area,
    Break,
    Interval,
    PromptPart,
    Resolved,
    Segment,
    Segments,
)
from promptlang.plan.steps import (
    Adapter,
    ComputeConfig,
    ImageConfig,
    Model,
    OutputConfig,
    Prompts,
    Render,
    SamplingConfig,
)
from promptlang.source import Source

PNG_TEXT_KEY: Final = "promptlang"
"""Keyword of the PNG text chunk with the record."""

RECORD_FORMAT: Final = 2
"""Version of the record; it changes whenever an older promptlang could not read a newer record."""

_PREDICTIONS: Final = ("", "epsilon", "v")
"""What a record may say of the model's prediction."""

_PROMPT_FIELDS: Final = ("text", "negative_text", "emphasis", "clip_skip")
_SAMPLING_FIELDS: Final = ("seed", "steps", "cfg", "sampler", "scheduler", "eta")
_IMAGE_FIELDS: Final = ("strength", "hires")
"""Texts and numbers of a render, by the records that hold them."""


FileHashes = Mapping[str, tuple[str, str]]
"""Name and sha256 of files, by the name that the program uses."""


class NotARecordError(ValueError):
    """The text is no record of promptlang, or one of a later version."""


@dataclass(frozen=True, slots=True)
class Record:
    """Inputs of a rendered picture."""

    source: str
    """The program's line, without remarks, and with names instead of paths."""
    render: Mapping[str, Any]
    """The render, as JSON."""
    model: tuple[str, str]
    """Name and sha256 of the base model."""
    loras: FileHashes
    """LoRAs by their name in the prompt; the sha256 is that of the tensors."""
    embeddings: FileHashes
    """Tokens by their name; a token's file may be that of a LoRA that contains it."""
    pictures: FileHashes
    """The files of ``--init`` and ``--mask``."""
    size: tuple[int, int]
    """Width and height in pixels, before any second pass."""
    vae: str
    """Name of the file or folder of the VAE used instead of the model's own; empty for its own."""
    hub: bool
    """Flag that the model's name is a repository on a hub."""
    batch: int
    """Pictures rendered side by side: the count affects the last bits."""
    versions: Mapping[str, str]
    """Versions of the libraries."""
    prediction: str = ""
    """What the model predicts by the program's word; empty, and not written, by its own."""

    def to_json(self) -> str:
        """Return the text of the PNG's chunk; equal records give equal texts."""
        content = {
            "format": RECORD_FORMAT,
            **{name: getattr(self, name) for name in self.__slots__},
        }
        if not self.prediction:
            del content["prediction"]
        return json.dumps(content, ensure_ascii=False, sort_keys=True)


def read(text: str) -> Record:
    """Parse the record in a PNG's chunk; raises `NotARecordError`."""
    try:
        content = as_object(parse_json(text))
    except UnreadableFileError as error:
        raise NotARecordError(f"its record is damaged: {error}") from error
    version = content.get("format")
    if version != RECORD_FORMAT:
        raise NotARecordError(
            f"its record has format {str(version)[:20]}, and this version knows {RECORD_FORMAT}"
        )
    try:
        return _record(content)
    except WrongValueError as error:
        raise NotARecordError(
            f"its record is damaged: `{error}` is missing, or has an impossible value"
        ) from error


_CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "source": is_text,
        "vae": is_text,
        "hub": is_true_or_false,
        "batch": is_whole(0, MAX_BATCH),
    }
)


def _record(content: Mapping[str, Json]) -> Record:
    require(content, _CHECKS)
    render, versions = content.get("render"), content.get("versions")
    if not isinstance(render, dict):
        raise WrongValueError("render")
    check_render(render)
    if not isinstance(versions, dict) or not all(map(is_text, versions.values())):
        raise WrongValueError("versions")
    found: dict[str, Any] = {name: content[name] for name in ("source", "vae", "hub")}
    return Record(
        **found,
        render=render,
        model=_pair("model", content.get("model")),
        loras=_files("loras", content.get("loras")),
        embeddings=_files("embeddings", content.get("embeddings")),
        pictures=_files("pictures", content.get("pictures")),
        size=_size(content.get("size")),
        batch=max(1, as_integer(content["batch"]) or 1),
        versions={name: str(version) for name, version in versions.items()},
        prediction=_prediction(content.get("prediction", "")),
    )


def _pair(name: str, value: Json) -> tuple[str, str]:
    match value:
        case [str(file), str(sha256)]:
            return file, sha256
        case _:
            raise WrongValueError(name)


def _files(kind: str, value: Json) -> FileHashes:
    if not isinstance(value, dict):
        raise WrongValueError(kind)
    return {name: _pair(kind, file) for name, file in value.items()}


def _size(value: Json) -> tuple[int, int]:
    side = is_whole(1, MAX_SIDE)
    match value:
        case [int(width), int(height)] if side(width) and side(height):
            return width, height
        case _:
            raise WrongValueError("size")


def _prediction(value: Json) -> str:
    if not isinstance(value, str) or value not in _PREDICTIONS:
        raise WrongValueError("prediction")
    return value


def render_json(step: Render) -> dict[str, Any]:
    """Return a render without its files, as lists, dictionaries, texts and numbers."""
    return {
        **{name: getattr(step.prompts, name) for name in _PROMPT_FIELDS},
        **{name: getattr(step.sampling, name) for name in _SAMPLING_FIELDS},
        **{name: getattr(step.image, name) for name in _IMAGE_FIELDS},
        "prompt": step.prompts.prompt.to_json()["parts"],
        "negative": step.prompts.negative.to_json()["parts"],
        "cfg_by_step": list(step.sampling.cfg_by_step),
        "computing": asdict(step.computing),
    }


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """Paths of the files that a record names."""

    model: Model
    loras: Mapping[str, Path]
    embeddings: Mapping[str, Path]
    pictures: Mapping[str, Path]
    file: Path
    """The PNG to make."""


def render_from_record(record: Record, files: RecordFiles) -> Render:
    """Return the render that makes the picture again; raises `NotARecordError`."""
    source, plain = Source(record.source, "<picture>"), record.render
    try:
        return Render(
            span=source.span(0, len(source.text)),
            model=files.model,
            prompts=_prompts(plain, files),
            sampling=SamplingConfig(
                cfg_by_step=tuple(plain["cfg_by_step"]),
                batch=record.batch,
                **{name: plain[name] for name in _SAMPLING_FIELDS},
            ),
            image=ImageConfig(
                size=record.size,
                init=files.pictures.get("init"),
                mask=files.pictures.get("mask"),
                **{name: plain[name] for name in _IMAGE_FIELDS},
            ),
            output=OutputConfig(files.file),
            computing=ComputeConfig(**plain["computing"]),
            line=record.source,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotARecordError("its record is damaged") from error


def _prompts(plain: Mapping[str, Any], files: RecordFiles) -> Prompts:
    return Prompts(
        prompt=_resolved(plain["prompt"]),
        negative=_resolved(plain["negative"]),
        adapters=tuple(Adapter(name, file) for name, file in files.loras.items()),
        embeddings=tuple(Adapter(name, file) for name, file in files.embeddings.items()),
        **{name: plain[name] for name in _PROMPT_FIELDS},
    )


def _resolved(parts: list[dict[str, Any]]) -> Resolved:
    return Resolved(tuple(_part(part) for part in parts))


def _part(part: Mapping[str, Any]) -> PromptPart:
    intervals = tuple(_interval(each) for each in part["intervals"])
    return PromptPart(intervals, part["weight"], Area(**part["area"]) if part["area"] else None)


def _interval(interval: Mapping[str, Any]) -> Interval:
    loras = tuple(ActiveLora(*use) for use in interval["loras"])
    return Interval(
        interval["until"], _segments(interval["segments"]), loras, interval.get("weight")
    )


def _segments(pairs: Sequence[tuple[str, float]]) -> Segments:
    return tuple(
        Break() if (text, weight) == (Break.text, Break.weight) else Segment(text, weight)
        for text, weight in pairs
    )
