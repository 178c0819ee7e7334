"""The command line."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from textwrap import dedent

import pytest

from promptlang.cli.main import main
from promptlang.diagnostics import Diagnostic
from promptlang.plan.backend import Backend
from promptlang.plan.events import DiagnosticRaised, Event, PictureFinished, RenderingStarted
from promptlang.plan.steps import Plan, Render


class Painter:
    """A backend that makes empty files."""

    def __init__(self, complaint: str | None = None, *, presses_ctrl_c: bool = False) -> None:
        self.plans: list[Plan] = []
        self._complaint = complaint
        self._presses_ctrl_c = presses_ctrl_c

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        self.plans.append(plan)
        for step in plan.steps:
            assert isinstance(step, Render)
            if self._presses_ctrl_c:
                raise KeyboardInterrupt
            if self._complaint is not None:
                yield DiagnosticRaised(Diagnostic("PL501", self._complaint, step.span))
            else:
                yield RenderingStarted((step,))
                yield PictureFinished(step, step.file, 1.2)


def no_backend() -> Backend:
    pytest.fail("nothing was to run")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


Captured = pytest.CaptureFixture[str]


def test_running_a_recipe_names_each_file(folder: Path, capsys: Captured) -> None:
    (folder / "fox.pl").write_text("set steps 5\na fox\na cat --seed 3\n", "utf-8")
    painter = Painter()
    assert main(["run", "fox.pl"], lambda: painter) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "rendering" in line] == ["rendering a fox", "rendering a cat"]
    assert [line.split(" ", 1)[1] for line in lines if ".png" in line] == [
        "(seed 0, 1.2 s)",
        "(seed 3, 1.2 s)",
    ]


def test_nothing_runs_where_any_recipe_has_an_error(folder: Path, capsys: Captured) -> None:
    (folder / "good.pl").write_text("a fox\n", "utf-8")
    (folder / "bad.pl").write_text("a fox, <lora:ink>\na cat --steps 0\n", "utf-8")
    assert main(["run", "good.pl", "bad.pl"], no_backend) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == dedent("""\
        error[PL101]: no LoRA is named `ink`
         --> bad.pl:1:8
          |
        1 | a fox, <lora:ink>
          |        ^^^^^^^^^^
          = `train lora` makes one; a file in `adapters/` is found by its name

        error[PL202]: `steps` must be from 1 to 1000
         --> bad.pl:2:15
          |
        2 | a cat --steps 0
          |               ^

        2 errors
        """)


def test_a_warning_does_not_keep_a_recipe_from_running(folder: Path, capsys: Captured) -> None:
    (folder / "fox.pl").write_text("a fox)\n", "utf-8")
    assert main(["run", "fox.pl"], Painter) == 0
    captured = capsys.readouterr()
    assert "rendering a fox)" in captured.out
    assert captured.err.startswith("warning[PL002]")


def test_checking_says_how_many_statements_are_fine_and_runs_nothing(
    folder: Path, capsys: Captured
) -> None:
    (folder / "fox.pl").write_text("set steps 5\na fox\n", "utf-8")
    assert main(["check", "fox.pl"], no_backend) == 0
    assert capsys.readouterr().out == "2 statements fine\n"


def test_a_recipe_can_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for arguments in ([], ["run", "-"]):
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO("a fóx\r\na cat\r\n".encode()))
        )
        assert main(arguments, Painter) == 0
        assert "rendering a fóx\n" in capsys.readouterr().out


def test_an_empty_recipe_needs_no_backend(folder: Path) -> None:
    (folder / "empty.pl").write_text("# later\n", "utf-8")
    assert main(["run", "empty.pl"], no_backend) == 0


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("none.pl", "error: `none.pl` cannot be read: no such file or directory\n"),
        (".", "error: `.` cannot be read: is a directory\n"),
        ("picture.pl", "error: `picture.pl` is not text in UTF-8 (byte 1)\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line_and_exit_code_2(
    file: str, complaint: str, folder: Path, capsys: Captured
) -> None:
    (folder / "picture.pl").write_bytes(b"\x89PNG")
    assert main(["run", file], no_backend) == 2
    assert capsys.readouterr().err == complaint


def test_a_failed_step_is_exit_code_1(folder: Path, capsys: Captured) -> None:
    (folder / "fox.pl").write_text("a fox\n", "utf-8")
    assert main(["run", "fox.pl"], lambda: Painter(complaint="the disk is full")) == 1
    assert "error[PL501]: the disk is full" in capsys.readouterr().err


def test_an_interrupted_run_is_exit_code_130(folder: Path) -> None:
    (folder / "fox.pl").write_text("a fox\n", "utf-8")
    assert main(["run", "fox.pl"], lambda: Painter(presses_ctrl_c=True)) == 130


def test_without_torch_the_remedy_is_named(folder: Path, capsys: Captured) -> None:
    def load() -> Backend:
        raise ModuleNotFoundError("No module named 'torch'")

    (folder / "fox.pl").write_text("a fox\n", "utf-8")
    assert main(["run", "fox.pl"], load) == 1
    assert capsys.readouterr().err == (
        "error: pictures and training need more than is installed (No module named 'torch'); "
        "try pip install 'promptlang-diffusers[run]'\n"
    )


def test_a_forgotten_run_is_hinted_at(folder: Path, capsys: Captured) -> None:
    (folder / "fox.pl").write_text("a fox\n", "utf-8")
    with pytest.raises(SystemExit) as exit_:
        main(["fox.pl"], no_backend)
    assert exit_.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "promptlang: error: no command; to run a recipe: promptlang run fox.pl"
    )


def test_help_is_for_newcomers(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "promptlang run portrait.pl     check a recipe, then train and render" in shown
    assert "check     report the mistakes in recipes, and run nothing" in shown


def test_checking_imports_neither_torch_nor_prompt_toolkit(folder: Path) -> None:
    (folder / "fox.pl").write_text("a fox\n", "utf-8")
    program = dedent("""
        import sys
        from promptlang.cli.main import main
        assert main(["check", "fox.pl"]) == 0
        print(sorted({"torch", "prompt_toolkit", "diffusers", "PIL", "numpy"} & set(sys.modules)))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 statement fine\n[]\n"


def test_output_for_a_pipe_has_no_escape_codes(folder: Path) -> None:
    (folder / "bad.pl").write_text("a fox, <lora:ink>\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "promptlang", "check", "bad.pl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error[PL101]" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_a_recipe_with_a_warning_is_not_called_fine(tmp_path: Path, capsys: Captured) -> None:
    recipe = tmp_path / "odd.pl"
    recipe.write_text("(a fox\n", "utf-8")
    assert main(["check", str(recipe)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 statement without errors\n"
    assert "warning[PL001]" in captured.err
