"""What a picture carries of how it was made: all that it takes to make it again, and no more.

A record is JSON in the PNG's `promptlang` text. It names files, and knows them by their content; folders stay outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from promptlang.plan.steps import (
    ActiveLora,
    Adapter,
    Area,
    Break,
    ComputeConfig,
    Interval,
    Model,
    PromptPart,
    Render,
    Resolved,
    Segment,
    Segments,
)
from promptlang.source import Source

PNG_TEXT_KEY: Final = "promptlang"
"""The PNG text that a record is kept in."""

RECORD_FORMAT: Final = 2
"""Changes whenever an older promptlang could not read the record."""

FILE_KINDS: Final = ("loras", "embeddings", "pictures")
"""Of the files that a record names."""

_PLAIN: Final = (
    "text",
    "negative_text",
    "seed",
    "steps",
    "cfg",
    "sampler",
    "scheduler",
    "emphasis",
    "clip_skip",
    "eta",
    "strength",
    "hires",
)
"""What of a render is a text or a number."""


FileHashes = Mapping[str, tuple[str, str]]
"""Name and sha256 of files."""


class NotARecordError(ValueError):
    """Not written by promptlang, or by a later one."""


@dataclass(frozen=True, slots=True)
class Record:
    """How a picture was made."""

    source: str
    """The line of the program."""
    render: Mapping[str, Any]
    """The render, as JSON."""
    model: tuple[str, str]
    """Name and sha256 of the base model."""
    loras: FileHashes
    """By the name that the prompt calls it; the sha256 is that of its tensors."""
    embeddings: FileHashes
    """Likewise; a token's file may be that of a LoRA that brings it along."""
    pictures: FileHashes
    """Those of ``--init`` and ``--mask``."""
    size: tuple[int, int]
    """Width and height in pixels, before any second pass."""
    vae: str
    """The name of the file or folder whose VAE took the place of the model's own; empty where none did."""
    hub: bool
    """Whether the model's name is that of a repository on a hub."""
    batch: int
    """Pictures that were made side by side: how many decides over the last bits."""
    versions: Mapping[str, str]
    """Of the libraries."""

    def to_json(self) -> str:
        """The text of the PNG's chunk; the same record is the same text."""
        content = {
            "format": RECORD_FORMAT,
            **{name: getattr(self, name) for name in self.__slots__},
        }
        return json.dumps(content, ensure_ascii=False, sort_keys=True)


def read(text: str) -> Record:
    """The record in a PNG's chunk; raises `NotARecordError`."""
    try:
        content = json.loads(text)
        if content["format"] != RECORD_FORMAT:
            raise NotARecordError(
                f"its record has format {content['format']}, and this version knows {RECORD_FORMAT}"
            )
        return Record(
            source=str(content["source"]),
            render=dict(content["render"]),
            model=_pair(content["model"]),
            **{
                kind: {str(name): _pair(file) for name, file in content[kind].items()}
                for kind in FILE_KINDS
            },
            size=(int(content["size"][0]), int(content["size"][1])),
            vae=str(content["vae"]),
            hub=bool(content["hub"]),
            batch=max(1, int(content["batch"])),
            versions=dict(content["versions"]),
        )
    except NotARecordError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotARecordError("its record is damaged") from error


def _pair(value: list[str]) -> tuple[str, str]:
    one, other = value
    return str(one), str(other)


def render_json(step: Render) -> dict[str, Any]:
    """A render without its files, as plain lists, dictionaries, texts and numbers."""
    plain = {name: getattr(step, name) for name in _PLAIN}
    resolved = {
        "prompt": step.prompt.to_json()["parts"],
        "negative": step.negative.to_json()["parts"],
    }
    return {
        **plain,
        **resolved,
        "cfg_by_step": list(step.cfg_by_step),
        "computing": asdict(step.computing),
    }


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """Where the files are that a record only names."""

    model: Model
    loras: Mapping[str, Path]
    embeddings: Mapping[str, Path]
    pictures: Mapping[str, Path]
    file: Path
    """The PNG to make."""


def render_from_record(record: Record, files: RecordFiles) -> Render:
    """The render that makes the picture again; raises `NotARecordError`."""
    source, plain = Source(record.source, "<picture>"), record.render
    try:
        return Render(
            span=source.span(0, len(source.text)),
            model=files.model,
            prompt=_resolved(plain["prompt"]),
            negative=_resolved(plain["negative"]),
            adapters=tuple(Adapter(name, file) for name, file in files.loras.items()),
            embeddings=tuple(Adapter(name, file) for name, file in files.embeddings.items()),
            cfg_by_step=tuple(plain["cfg_by_step"]),
            computing=ComputeConfig(**plain["computing"]),
            size=record.size,
            file=files.file,
            init=files.pictures.get("init"),
            mask=files.pictures.get("mask"),
            batch=record.batch,
            **{name: plain[name] for name in _PLAIN},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotARecordError("its record is damaged") from error


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
