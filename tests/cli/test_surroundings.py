"""Broken surroundings: closed or full streams, damaged libraries, no home."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from promptlang.__main__ import main as program
from promptlang.cli.commands.check import workflow_command
from promptlang.cli.main import main
from promptlang.diagnostics import Diagnostic
from promptlang.plan.backend import BrokenLibraryError, load_backend, load_model_builder
from promptlang.source import Source

Captured = pytest.CaptureFixture[str]

POSIX = pytest.mark.skipif(os.name == "nt", reason="the shell closes the streams")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fox.pl").write_text("a fox\n", "utf-8")
    return tmp_path


def shell(command: str) -> subprocess.CompletedProcess[str]:
    line = command.replace("promptlang", f"{sys.executable} -m promptlang", 1)
    return subprocess.run(["sh", "-c", line], check=False, capture_output=True, text=True)


@POSIX
@pytest.mark.parametrize(
    ("command", "code", "out", "errors"),
    [
        ("promptlang check fox.pl >&-", 0, "", ""),
        ("promptlang check fox.pl 2>&-", 0, "1 statement fine\n", ""),
        ("promptlang check fox.pl <&- >&- 2>&-", 0, "", ""),
        ("promptlang fmt fox.pl <&-", 0, "", ""),
        (
            "promptlang fmt - <&-",
            2,
            "",
            "error: standard input is closed; a recipe is a text file\n",
        ),
        ("promptlang <&-", 2, "", "error: standard input is closed; a recipe is a text file\n"),
        ("echo 'a  fox' | promptlang fmt - >&-", 0, "", ""),
        ("promptlang check none.pl 2>&-", 2, "", ""),
    ],
)
def test_a_closed_stream_takes_nothing_and_stops_nothing(
    command: str, code: int, out: str, errors: str
) -> None:
    done = shell(command)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, errors)


@FULL
@pytest.mark.parametrize(
    "command",
    [
        "promptlang check fox.pl >/dev/full",
        "promptlang check --json fox.pl >/dev/full",
        "promptlang ast fox.pl >/dev/full",
        "echo 'a  fox' | promptlang fmt - >/dev/full",
        "promptlang convert 'a (fox)' >/dev/full",
        "promptlang explain PL101 >/dev/full",
    ],
)
def test_a_full_output_is_one_line_and_exit_code_1(command: str) -> None:
    done = shell(command)
    assert done.stderr == "error: the output cannot be written: no space left on device\n"
    assert done.returncode == 1


@FULL
def test_full_outputs_on_both_sides_end_quietly() -> None:
    assert shell("promptlang check none.pl >/dev/full 2>/dev/full").returncode == 1


@POSIX
def test_a_reader_that_has_gone_is_no_error() -> None:
    done = shell("promptlang explain PL101 | true")
    assert done.stderr == ""


@POSIX
def test_a_working_folder_that_is_gone_is_one_line() -> None:
    done = shell("mkdir gone; cd gone; rmdir ../gone; echo a fox | promptlang check -")
    assert (done.returncode, done.stderr) == (1, "error: the working folder is gone\n")


BROKEN = {
    "OSError": "OSError('libcudart.so.12: cannot open shared object file')",
    "RuntimeError": "RuntimeError('no driver')",
    "AttributeError": "AttributeError(\"module 'torch' has no attribute 'x'\")",
    "SyntaxError": "SyntaxError('invalid syntax')",
    "ImportError": "ImportError('DLL load failed')",
}


def with_torch(folder: Path, line: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command line where `import torch` carries out a line."""
    return with_library("torch", folder, line, *words)


def with_library(
    name: str, folder: Path, line: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a command line where the import of a library carries out a line."""
    library = folder / "library"
    library.mkdir()
    (library / f"{name}.py").write_text(line, "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "promptlang", *words],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(library)},
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("words", [("run", "fox.pl"), ("make-emoji",)])
def test_a_damaged_torch_is_a_line_with_the_remedy(
    name: str, words: tuple[str, ...], folder: Path
) -> None:
    done = with_torch(folder, f"raise {BROKEN[name]}", *words)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: the libraries for pictures and training are damaged ({name}: "
    )
    assert done.stderr.endswith("; try pip install --force-reinstall 'promptlang-diffusers[run]'\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("words", [("info", "a.png"), ("check-data", ".")])
def test_a_damaged_pillow_is_a_line_with_the_remedy(
    name: str, words: tuple[str, ...], folder: Path
) -> None:
    (folder / "a.png").write_bytes(b"GIF89a")
    done = with_library("PIL", folder, f"raise {BROKEN[name]}", *words)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: the libraries for pictures and training are damaged ({name}: "
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_without_pillow_a_recipe_that_checks_pictures_is_one_line(folder: Path) -> None:
    (folder / "both.pl").write_text('check data "."\na fox\n', "utf-8")
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = with_library("PIL", folder, "raise ModuleNotFoundError('No Pillow')", "run", "both.pl")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_a_damaged_library_of_the_core_is_a_line_with_the_remedy(folder: Path) -> None:
    done = with_library("rich", folder, "raise OSError('a\\x1b')", "check", "fox.pl")
    assert (done.returncode, done.stderr) == (
        1,
        "error: promptlang cannot be started (OSError: a\\x1b); "
        "try pip install --force-reinstall promptlang-diffusers\n",
    )


@pytest.mark.slow
def test_without_torch_training_pictures_are_checked_all_the_same(folder: Path) -> None:
    pytest.importorskip("PIL")
    (folder / "both.pl").write_text('check data "none"\na fox\n', "utf-8")
    (folder / "photos").mkdir()
    (folder / "both.pl").write_text('check data "photos"\na fox\n', "utf-8")
    from PIL import Image

    Image.new("RGB", (64, 64)).save(folder / "photos/one.png")
    done = with_torch(folder, "raise OSError('libcudart.so.12')", "run", "both.pl")
    assert done.returncode == 1
    assert "libcudart" in done.stderr
    assert "pictures" in done.stdout


@pytest.mark.parametrize("load", [load_backend, load_model_builder])
def test_any_exception_at_the_import_of_the_runtime_is_an_import_error(
    load: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(load)
    monkeypatch.setitem(sys.modules, "promptlang.runtime", None)
    with pytest.raises(ModuleNotFoundError):
        load()

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise OSError(f"libcudart.so.12: {name}")

    monkeypatch.setitem(sys.modules, "promptlang.runtime", Broken())
    with pytest.raises(BrokenLibraryError, match=r"^OSError: libcudart\.so\.12"):
        load()


HOSTILE = "\x1b]0;PWNED\x07"


@pytest.mark.parametrize(
    "words",
    [
        ["check", f"{HOSTILE}.pl"],
        ["fmt", f"{HOSTILE}.pl"],
        ["info", f"{HOSTILE}.png"],
        ["replay", f"{HOSTILE}.png"],
        ["check-data", HOSTILE],
        ["explain", HOSTILE],
        ["convert", HOSTILE],
        ["ast", f"{HOSTILE}.pl"],
    ],
)
def test_a_hostile_word_of_the_command_line_is_shown_by_marks(
    words: list[str], capsys: Captured
) -> None:
    main(words)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.err
    assert "\x1b" not in captured.out or words[0] == "convert"  # whose output goes to a pipe


@pytest.mark.parametrize(
    "words",
    [[HOSTILE], ["check", "fox.pl", f"--{HOSTILE}"], ["explain", "a", "--steps", HOSTILE]],
)
def test_the_parser_of_the_command_line_quotes_words_by_marks(
    words: list[str], capsys: Captured
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    errors = capsys.readouterr().err
    assert "PWNED" in errors
    assert "\x1b" not in errors
    assert "\x07" not in errors


def test_on_github_a_message_starts_no_command_and_colours_nothing() -> None:
    span = Source("a", "x\n::add-mask::y,.pl").span(0, 1)
    command = workflow_command(Diagnostic("PL999", f"{HOSTILE}\r\n::stop-commands::z", span))
    assert command == (
        "::error file=x%0A%3A%3Aadd-mask%3A%3Ay%2C.pl,line=1,endLine=1,col=1,endColumn=1,"
        "title=PL999::␛]0;PWNED␇%0D%0A::stop-commands::z"
    )


def test_fmt_shows_a_change_that_is_only_in_the_end_of_a_line(
    folder: Path, capsys: Captured
) -> None:
    for text in ("a fox", "a fox\x85\n", "a fox\u2028\n"):
        (folder / "fox.pl").write_text(text, "utf-8")
        code = main(["fmt", "--check", "fox.pl"])
        assert bool(code) == bool(capsys.readouterr().out)
    (folder / "fox.pl").write_text("a fox", "utf-8")
    assert main(["fmt", "--check", "fox.pl"]) == 1
    assert "-\\ No newline at end of file" in capsys.readouterr().out


def test_the_traceback_of_a_bug_steers_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def broken(*_: object) -> int:
        raise ValueError(f"a {HOSTILE} in a file")

    monkeypatch.setattr("promptlang.cli.main.main", broken)
    assert program() == 1
    errors = capsys.readouterr().err
    assert "ValueError: a ␛]0;PWNED" in errors
    assert errors.endswith("uses; please report it with the text above\n")
    assert "\x1b" not in errors


@POSIX
@pytest.mark.parametrize("command", ["info", "replay", "check", "run", "fmt", "ast"])
@pytest.mark.parametrize("kind", ["pipe", "zero", "circle", "socket", "a" * 300])
def test_what_is_no_regular_file_is_named_at_once(
    kind: str, command: str, folder: Path, capsys: Captured
) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "circle").symlink_to("circle")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert main([command, kind]) in (1, 2)
    assert kind in capsys.readouterr().err


@POSIX
def test_a_tokenizer_that_is_a_pipe_is_not_waited_for(folder: Path, capsys: Captured) -> None:
    os.mkfifo(folder / "merges.txt")
    assert main(["explain", "a fox", "--tokenizer", "."]) == 2
    assert "has no readable merges.txt" in capsys.readouterr().err
