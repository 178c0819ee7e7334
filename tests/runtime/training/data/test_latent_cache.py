"""Pictures are encoded once, with a bar, and by all processes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from promptlang.datasets.examples import load_examples
from promptlang.diagnostics import PromptError
from promptlang.plan.events import TaskProgress
from promptlang.plan.steps import Train
from promptlang.plan.training_config import DataConfig
from promptlang.runtime import Runtime
from promptlang.runtime.distributed import Processes
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.data.latent_cache import DatasetEncoder
from promptlang.source import Span
from tests.runtime.conftest import returned, run


@dataclass(frozen=True, slots=True)
class One(Processes):
    """One of two: what the other found is known, or what this one found is noted for it."""

    told: list[Mapping[int, Any]] = field(default_factory=list)
    heard: tuple[Mapping[int, Any], ...] = ()

    def gather(self, own: Mapping[int, Any]) -> dict[int, Any]:
        self.told.append(own)
        others = self.heard[len(self.told) - 1] if self.heard else {}
        return dict(sorted({**own, **others}.items()))


def second(base: BaseModel, photos: Path, span: Span) -> tuple[Mapping[int, Any], ...]:
    """What the second of two processes tells the first: its problems, and its pictures."""
    process = One(2, 1)
    with pytest.raises((PromptError, ValueError)):  # it has only its own
        returned(
            DatasetEncoder(base, span, processes=process).of(
                load_examples(photos, span), DataConfig(photos)
            )
        )
    return tuple(process.told)


def test_each_process_encodes_its_share_and_has_all(
    base: BaseModel, photos: Path, span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, data = load_examples(photos, span), DataConfig(photos)
    alone = returned(DatasetEncoder(base, span).of(found, data)).buckets
    heard = second(base, photos, span)
    asked = []
    encode = base.vae.encode
    monkeypatch.setattr(
        base.vae, "encode", lambda pixels: asked.append(len(pixels)) or encode(pixels)
    )
    both = returned(
        DatasetEncoder(base, span, processes=One(2, 0, heard=heard)).of(found, data)
    ).buckets
    assert sum(asked) == 2 < len(found)
    assert [bucket.examples for bucket in both] == [bucket.examples for bucket in alone]
    assert all(torch.equal(one.mean, other.mean) for one, other in zip(both, alone, strict=True))


def test_what_one_process_cannot_read_is_an_error_in_each(
    base: BaseModel, photos: Path, span: Span
) -> None:
    found = load_examples(photos, span)
    found[1].file.write_bytes(b"no picture")
    first = One(2, 0, heard=second(base, photos, span)[:1])
    with pytest.raises(PromptError, match=found[1].file.name):
        returned(DatasetEncoder(base, span, processes=first).of(found, DataConfig(photos)))


def test_encoding_is_told_picture_by_picture(
    runtime: Runtime, training: Callable[..., Train], photos: Path
) -> None:
    events = run(runtime, training(steps=1, validation=photos))
    bars = [(each.done, each.total) for each in events if isinstance(each, TaskProgress)]
    assert bars == [(0, 3), (1, 3), (2, 3)] * 2
