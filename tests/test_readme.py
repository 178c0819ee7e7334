"""The examples of the README and of the guide to prompts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import promptlang
from promptlang.cli.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_embedding_example_is_short_runs_and_prints_what_is_wrong_both_phases_and_the_layout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", README, re.S)
    assert code.count("\n") < 12
    exec(code, {})
    wrong, first, second, layout = capsys.readouterr().out.splitlines()
    assert wrong == "29 there is no option `--stpes` here did you mean `--steps`?"
    assert first.startswith("10 [('a fox, ', 1.0), ('red', 1.3)")
    assert second.startswith("20 [('a fox, blue', 1.0)")
    assert layout == "a fox, (red:1.3)    --seed 7"


@pytest.mark.parametrize("command", re.findall(r"^\| `promptlang ([\w-]+)", README, re.M))
def test_every_command_of_the_table_exists(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: promptlang {command}")


def test_the_lines_of_the_session_are_ones_that_promptlang_reads() -> None:
    lines = re.findall(r"^promptlang> (.+)$", README, re.M)
    assert len(lines) == 4
    assert promptlang.check("\n".join(lines)) == ()


def test_the_explained_prompt_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    guide = (ROOT / "docs/guides/prompts.md").read_text("utf-8")
    (prompt, steps, shown) = re.findall(
        r'\$ promptlang explain "(.+)" --steps (\d+)\n(.+?)```', guide, re.S
    )[0]
    assert main(["explain", prompt, "--steps", steps]) == 0
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    head, tail = shown.strip().split("\n…\n")
    assert printed.startswith(head)
    assert printed.endswith(tail)
