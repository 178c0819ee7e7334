"""Models of a hub: from its cache, never from a network in these tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from tests.runtime.conftest import complaints, run

ID = Model("org/tiny", hub=True)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, and no way out."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_model_in_the_cache_is_read_from_there(
    cache: Path, tiny: Model, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    assert tiny.path
    repository = cache / "models--org--tiny"
    shutil.copytree(tiny.path, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    assert np.array_equal(pixels(render(model=ID)), pixels(render()))


@pytest.mark.usefixtures("cache")
def test_one_that_is_not_there_is_not_asked_for_where_that_is_forbidden(
    render: Callable[..., Render],
) -> None:
    assert complaints(run(Runtime(), render(model=ID))) == [
        "PL307 `org/tiny` cannot be used as a model: it is not in the hub's cache, "
        "and `HF_HUB_OFFLINE` forbids to fetch it"
    ]


@pytest.mark.usefixtures("cache")
def test_a_hub_that_cannot_be_reached_is_said(
    render: Callable[..., Render], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("diffusers.DiffusionPipeline.download", unreachable)
    assert complaints(run(Runtime(), render(model=ID))) == [
        "PL307 `org/tiny` cannot be used as a model:"
        " it is not in the hub's cache, and the hub cannot be reached"
    ]
