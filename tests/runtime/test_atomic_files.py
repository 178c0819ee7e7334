"""Files and folders are whole or not there, whatever happens meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from promptlang.runtime.atomic_files import replacing_folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "cat"
    with replacing_folder(folder) as made:
        (made / "unet").mkdir()
        (made / "unet" / "weights").write_text("old")
    return folder


def test_a_folder_is_there_as_before_where_the_new_one_cannot_take_its_place(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise PermissionError
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError), replacing_folder(model) as made:
        (made / "new").write_text("new")
    assert (model / "unet" / "weights").read_text() == "old"
    assert [each.name for each in model.parent.iterdir()] == ["cat"]


def test_what_a_killed_process_left_is_put_back_or_taken_away(model: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    process = ended.stdout.decode().strip()
    model.rename(model.with_name(f".cat.{process}.before"))
    model.with_name(f".cat.{process}.partial").mkdir()
    with pytest.raises(RuntimeError), replacing_folder(model):
        raise RuntimeError
    assert (model / "unet" / "weights").read_text() == "old"
    assert [each.name for each in model.parent.iterdir()] == ["cat"]


def test_what_a_running_process_has_begun_is_left_alone(model: Path) -> None:
    other = model.with_name(".cat.1.partial")
    other.mkdir()
    with replacing_folder(model) as made:
        (made / "new").write_text("new")
    assert other.is_dir()
