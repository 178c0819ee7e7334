"""Files and folders are whole or not there, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from promptlang.runtime import atomic_files, processes
from promptlang.runtime.atomic_files import (
    ensure_writable,
    move,
    replacing,
    replacing_folder,
    set_aside,
    windows_name_problem,
    write_atomically,
)
from promptlang.runtime.processes import is_running
from promptlang.runtime.training.state import lock


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


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_leftovers_of_dead_processes_and_of_this_number_are_swept(
    dead: int, tmp_path: Path
) -> None:
    """In containers each run has the same number, so a leftover of this one is an earlier run's."""
    stays = f".a.txt.{os.getppid()}.partial"
    for name in (f".a.txt.{dead}.partial", f".a.txt.{os.getpid()}.partial", stays, ".a.txt.x.y"):
        (tmp_path / name).write_text("left")
    (tmp_path / ".a.txt.99999999999999999999.partial").write_text("left")
    write_atomically(tmp_path / "a.txt", b"new")
    assert names(tmp_path) == sorted([stays, ".a.txt.x.y", "a.txt"])
    (tmp_path / f".cat.{os.getpid()}.partial").mkdir()
    with replacing_folder(tmp_path / "cat") as made:
        (made / "x").write_text("new")
    assert (tmp_path / "cat" / "x").read_text() == "new"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_an_error_of_the_system_within_safetensors_is_one_of_the_file(
    number: int, tmp_path: Path
) -> None:
    file = tmp_path / "a.safetensors"
    said = f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})"
    with pytest.raises(OSError, match=os.strerror(number)) as raised, replacing(file):
        raise SafetensorError(said)
    assert (raised.value.errno, raised.value.filename) == (number, str(file))
    assert names(tmp_path) == []
    with pytest.raises(SafetensorError), replacing(file):
        raise SafetensorError("a mistake in the tensors")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a disk limit of POSIX")
def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    import resource
    import signal

    file = tmp_path / "a.safetensors"
    write_atomically(file, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="large") as raised, replacing(file) as partial:
            save_file({"a": torch.zeros(10_000)}, partial)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert raised.value.filename == str(file)
    assert (names(tmp_path), file.read_bytes()) == (["a.safetensors"], b"old")


def test_an_error_in_a_partial_file_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"a\.txt") as raised,
        replacing(tmp_path / "a.txt") as partial,
    ):
        raise OSError(errno.ENOSPC, "No space left on device", str(partial))
    assert raised.value.filename == str(tmp_path / "a.txt")


def test_what_is_set_aside_takes_the_place_of_what_was(tmp_path: Path) -> None:
    for content in ("one", "two"):
        (tmp_path / "a").write_text(content)
        kept = set_aside(tmp_path / "a", tmp_path / "report")
        assert kept.read_text() == content
    (tmp_path / "a").mkdir()
    assert set_aside(tmp_path / "a", tmp_path / "report").is_dir()
    assert names(tmp_path) == ["report"]


def test_a_folder_is_writable_only_if_its_name_is_possible(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new" / "a", folder=True)
    ensure_writable(tmp_path / "new" / "a", folder=False, size=10)
    with pytest.raises(OSError, match="name too long"):
        ensure_writable(tmp_path / ("n" * 250), folder=True)
    with pytest.raises(OSError, match="do not fit"):
        ensure_writable(tmp_path / "new" / "a", folder=False, size=10**18)
    (tmp_path / "new" / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        ensure_writable(tmp_path / "new" / "a", folder=False)
    assert names(tmp_path / "new") == ["a"]


# Windows, as far as its functions can be played here


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' rules: an fsync needs a file open for writing, a folder cannot be opened."""
    for module in (atomic_files, processes, lock):
        monkeypatch.setattr(module, "WINDOWS", True)

    def no_signal(*_: object) -> None:
        pytest.fail("os.kill sends Ctrl-C on Windows")

    real, real_open = os.fsync, os.open

    def flush(descriptor: int) -> None:
        flags = int(
            next(
                line.split()[1]
                for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
                if line.startswith("flags:")
            ),
            8,
        )
        assert flags & (os.O_WRONLY | os.O_RDWR), "Windows flushes files open for writing only"
        real(descriptor)

    def open_file(path: Any, flags: int, *given: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Windows opens no folders", str(path))
        return real_open(path, flags, *given)

    monkeypatch.setattr(os, "kill", no_signal)
    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "open", open_file)


class Kernel:
    """The functions of kernel32 that tell of processes: 7 runs, 8 is another user's."""

    def OpenProcess(self, access: int, _inherit: bool, process: int) -> int:  # noqa: N802
        assert access == 0x1000
        return 70 if process in (7, 9) else 0

    def GetLastError(self) -> int:  # noqa: N802
        return 5

    def GetExitCodeProcess(self, handle: int, code: Any) -> int:  # noqa: N802
        code._obj.value = 259
        return handle == 70

    def CloseHandle(self, handle: int) -> int:  # noqa: N802
        assert handle == 70
        return 1


@pytest.mark.usefixtures("windows")
@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="how a file is open is unknown")
def test_files_and_folders_are_written_by_windows_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        processes.ctypes, "windll", SimpleNamespace(kernel32=Kernel()), raising=False
    )
    assert [is_running(each) for each in (7, 8, 0, 2**40)] == [True, True, False, False]
    (tmp_path / ".a.txt.7.partial").write_text("of a running process")
    write_atomically(tmp_path / "a.txt", b"new")
    with replacing_folder(tmp_path / "cat") as made:
        (made / "inner").mkdir()
        (made / "inner" / "x").write_text("new")
    move(tmp_path / "a.txt", tmp_path / "moved" / "a.txt")
    assert names(tmp_path) == [".a.txt.7.partial", "cat", "moved"]


@pytest.mark.usefixtures("windows")
def test_a_file_that_a_scanner_holds_for_a_moment_is_replaced_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, tries = Path.replace, [PermissionError(errno.EACCES, "in use")] * 3
    monkeypatch.setattr(atomic_files, "sleep", lambda _: None)

    def held(self: Path, target: Path) -> Path:
        if tries:
            raise tries.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    write_atomically(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"


@pytest.mark.usefixtures("windows")
def test_a_lock_is_msvcrts_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: set[str] = set()

    def locking(descriptor: int, mode: int, size: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        assert (mode, size, os.lseek(descriptor, 0, os.SEEK_CUR)) == (2, 1, 1 << 30)
        if name in held:
            raise OSError(errno.EACCES, "Permission denied")
        held.add(name)

    fake = SimpleNamespace(locking=locking, LK_NBLCK=2)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    with lock.training_lock(tmp_path, "ink"):
        with pytest.raises(lock.TrainingInUseError) as found, lock.training_lock(tmp_path, "ink"):
            pass
        assert str(found.value) == f"process {os.getpid()} on {socket.gethostname()}"
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    ["con.safetensors", "NUL", "Com1.txt", "lpt9", "a:b.png", "a?.png", "end.", "end ", "a\tb"],
)
def test_names_that_windows_has_not_are_named(name: str) -> None:
    assert windows_name_problem(name)
    assert windows_name_problem(f"x{name.strip('. ').replace(':', '')[:1]}-fine.png") is None


@pytest.mark.usefixtures("windows")
def test_a_device_of_windows_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="device"):
        ensure_writable(tmp_path / "nul.safetensors", folder=False)
    assert names(tmp_path) == []
