"""The commands that look at programs: check for machines, fmt, explain, ast."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from promptlang.cli.commands.check import workflow_command
from promptlang.cli.main import main
from promptlang.diagnostics import Diagnostic
from promptlang.source import Source

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


# check


def test_for_machines_all_that_is_wrong_in_all_files_is_one_array(
    folder: Path, capsys: Captured
) -> None:
    (folder / "a.pl").write_text("a fóx, <lora:ink>\n", "utf-8")
    (folder / "b.pl").write_text("set steps 5\n(b\n", "utf-8")
    assert main(["check", "--json", "a.pl", "b.pl"]) == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == [
        {
            "file": "a.pl",
            "code": "PL101",
            "severity": "error",
            "message": "no LoRA is named `ink`",
            "hint": "`train lora` makes one; a file in `adapters/` is found by its name",
            "start": {"line": 1, "column": 8, "offset": 7},
            "end": {"line": 1, "column": 18, "offset": 17},
        },
        {
            "file": "b.pl",
            "code": "PL001",
            "severity": "warning",
            "message": "`(` is never closed",
            "hint": r"it runs to the end; close it with `)`, or write `\(` for the character",
            "start": {"line": 2, "column": 1, "offset": 12},
            "end": {"line": 2, "column": 2, "offset": 13},
        },
    ]


def test_for_machines_a_fine_file_is_an_empty_array(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    type_in(monkeypatch, "a fox\n")
    assert main(["check", "--json", "-"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_on_github_each_is_an_annotation_at_its_place(folder: Path, capsys: Captured) -> None:
    (folder / "a,b.pl").write_text("a fox, <lora:ink>\n(b\n", "utf-8")
    assert main(["check", "--github", "a,b.pl"]) == 1
    assert capsys.readouterr().out == (
        "::error file=a%2Cb.pl,line=1,endLine=1,col=8,endColumn=17,title=PL101::"
        "no LoRA is named `ink`"
        "%0A`train lora` makes one; a file in `adapters/` is found by its name\n"
        "::warning file=a%2Cb.pl,line=2,endLine=2,col=1,endColumn=1,title=PL001::"
        "`(` is never closed"
        "%0Ait runs to the end; close it with `)`, or write `\\(` for the character\n"
    )


def test_on_github_what_would_end_an_annotation_early_is_escaped_and_columns_are_for_one_line() -> (
    None
):
    span = Source("a\nb", "C:\\100%.pl").span(0, 3)
    assert workflow_command(Diagnostic("PL999", "50%:\r\nno", span)) == (
        "::error file=C%3A\\100%25.pl,line=1,endLine=2,title=PL999::50%25:%0D%0Ano"
    )


@pytest.mark.parametrize("command", ["check", "run"])
def test_strictly_a_warning_is_an_error(command: str, folder: Path, capsys: Captured) -> None:
    (folder / "a.pl").write_text("a)\n", "utf-8")
    assert main([command, "--strict", "a.pl"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error[PL002]: `)` closes nothing")
    assert main(["check", "a.pl"]) == 0


# fmt


MESSY, TIDY = "set  steps 030\n\n\n(a:1.20) --seed 1", "set steps 30\n\n(a:1.2)    --seed 1\n"


def test_files_are_formatted_in_place_and_those_that_change_are_named(
    folder: Path, capsys: Captured
) -> None:
    (folder / "messy.pl").write_text(MESSY, "utf-8")
    (folder / "tidy.pl").write_text(TIDY, "utf-8")
    (folder / "messy.pl").chmod(0o640)
    before = (folder / "tidy.pl").stat().st_mtime_ns
    assert main(["fmt", "messy.pl", "tidy.pl"]) == 0
    assert capsys.readouterr().out == "formatted messy.pl\n"
    assert (folder / "messy.pl").read_text("utf-8") == TIDY
    assert (folder / "messy.pl").stat().st_mode & 0o777 == 0o640
    assert (folder / "tidy.pl").stat().st_mtime_ns == before
    assert sorted(each.name for each in folder.iterdir()) == ["messy.pl", "tidy.pl"]


def test_a_check_of_the_format_prints_what_would_change_and_changes_nothing(
    folder: Path, capsys: Captured
) -> None:
    (folder / "messy.pl").write_text(MESSY, "utf-8")
    assert main(["fmt", "--check", "messy.pl"]) == 1
    changes = dedent("""\
        --- messy.pl
        +++ messy.pl (formatted)
        @@ -1,4 +1,3 @@
        -set  steps 030
        +set steps 30
        ~
        -
        -(a:1.20) --seed 1
        +(a:1.2)    --seed 1
        """)
    assert capsys.readouterr().out == changes.replace("~", " ")
    assert (folder / "messy.pl").read_text("utf-8") == MESSY
    (folder / "messy.pl").write_text(TIDY, "utf-8")
    assert main(["fmt", "--check", "messy.pl"]) == 0
    assert capsys.readouterr().out == ""


def test_standard_input_is_formatted_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    type_in(monkeypatch, MESSY)
    assert main(["fmt", "-"]) == 0
    assert capsys.readouterr().out == TIDY


def test_a_file_with_errors_is_left_alone_and_the_others_are_not(
    folder: Path, capsys: Captured
) -> None:
    (folder / "bad.pl").write_text("train lora   x\na   --seed 01\n", "utf-8")
    (folder / "messy.pl").write_text(MESSY, "utf-8")
    assert main(["fmt", "bad.pl", "messy.pl"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "formatted messy.pl\n"
    assert captured.err == dedent("""\
        error[PL005]: the end of the line is not expected here
         --> bad.pl:1:15
          |
        1 | train lora   x
          |               ^
          = expected `from`
        """)
    assert (folder / "bad.pl").read_text("utf-8") == "train lora   x\na   --seed 01\n"


def test_lines_end_as_they_did(folder: Path) -> None:
    (folder / "dos.pl").write_bytes(b"set  steps 5\r\na fox\r\n")
    assert main(["fmt", "dos.pl"]) == 0
    assert (folder / "dos.pl").read_bytes() == b"set steps 5\r\na fox\r\n"


def test_a_file_is_written_whole_or_not_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    file = folder / "a.pl"
    file.write_text("before", "utf-8")

    def full(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert main(["fmt", "a.pl"]) == 2
    assert capsys.readouterr().err == "error: `a.pl` cannot be written: no space left on device\n"
    assert [(each.name, each.read_text("utf-8")) for each in folder.iterdir()] == [
        ("a.pl", "before")
    ]


def test_through_a_link_the_file_it_names_is_formatted(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "real" / "a.pl").write_text(MESSY, "utf-8")
    (folder / "link.pl").symlink_to("real/a.pl")
    assert main(["fmt", "link.pl"]) == 0
    assert (folder / "link.pl").is_symlink()
    assert (folder / "real" / "a.pl").read_text("utf-8") == TIDY


@pytest.mark.parametrize("command", ["fmt", "check", "ast"])
def test_a_missing_file_is_a_matter_of_usage(command: str, capsys: Captured) -> None:
    assert main([command, "none.pl"]) == 2
    assert capsys.readouterr().err == "error: `none.pl` cannot be read: no such file or directory\n"


# explain


def test_a_prompt_is_explained_in_tables_and_a_time_line(capsys: Captured) -> None:
    assert (
        main(
            [
                "explain",
                "a (red:1.3) fox, [day:night:0.5] <lora:ink:[0.2:0.8:0.4]>",
                "--steps",
                "10",
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    assert [line.rstrip() for line in captured.out.splitlines()] == [
        "steps 1-5: 5 tokens, 1 chunk (5/75)",
        "chunk  weight  tokens",
        "    1      ×1  a",
        "    1    ×1.3  red",
        "    1      ×1  fox , day",
        "steps 6-10: 5 tokens, 1 chunk (5/75)",
        "chunk  weight  tokens",
        "    1      ×1  a",
        "    1    ×1.3  red",
        "    1      ×1  fox , night",
        "            1  step 10",
        "day         █████·····",
        "night       ·····█████",
        "<lora:ink>  ▃▃▃▃██████  0.2 to 0.8",
        "tokens: those of the model `emoji`",
    ]
    assert captured.err == ""


def test_what_is_odd_is_said_below_and_parts_have_their_weights(capsys: Captured) -> None:
    assert main(["explain", "(a :0.6 AND b"]) == 0
    captured = capsys.readouterr()
    lines = [line.rstrip() for line in captured.out.splitlines()]
    assert [line for line in lines if "part" in line or "steps" in line] == [
        "part 1 of 2, weight 0.6",
        "all steps: 1 token, 1 chunk (1/75)",
        "part 2 of 2, weight 1",
        "all steps: 1 token, 1 chunk (1/75)",
    ]
    assert captured.err.startswith("warning[PL001]")


def test_a_part_weight_that_changes_has_a_time_line(capsys: Captured) -> None:
    assert main(["explain", "a AND b :[0.5:1:0.5]", "--steps", "4"]) == 0
    shown = capsys.readouterr().out
    assert "part 2 of 2, weight 0.5 to 1\n" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("weight")] == [
        ["weight", "▅▅██", "0.5", "to", "1"]
    ]


def test_what_is_wrong_with_an_explained_prompt_is_an_exit_code(capsys: Captured) -> None:
    assert main(["explain", "a <lore:x>"]) == 1
    assert "PL007" in capsys.readouterr().err


def test_a_prompt_is_explained_from_standard_input(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, "red fox\n")
    assert main(["explain", "-"]) == 0
    assert "red fox" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_hides_no_other(folder: Path, capsys: Captured) -> None:
    (folder / "odd.pl").write_text("a fox --stpes 3\n")
    assert main(["check", "--json", str(folder / "missing.pl"), str(folder / "odd.pl")]) == 2
    captured = capsys.readouterr()
    assert [each["code"] for each in json.loads(captured.out)] == ["PL102"]
    assert "missing.pl` cannot be read" in captured.err


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    (folder / "big.pl").write_text("a fox\n" * 20_000)
    command = (
        f"{shlex.quote(sys.executable)} -m promptlang ast big.pl | head -1; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_area_is_told(capsys: Captured) -> None:
    assert main(["explain", "a sea AND <area:0,0.5,0.25,1> a fox :2"]) == 0
    assert (
        "part 2 of 2, weight 2, from 0% to 50% across and 25% to 100% down"
        in capsys.readouterr().out
    )
    assert main(["explain", "<area:0,0.5,0.25,1> a fox"]) == 0
    assert "part 1 of 1, weight 1, from" in capsys.readouterr().out


def test_an_explanation_for_machines_names_every_token(capsys: Captured) -> None:
    assert main(["explain", "--json", "--steps", "2", "red (fox)"]) == 0
    made = json.loads(capsys.readouterr().out)
    (phase,) = made["parts"][0]["phases"]
    assert phase["steps"] == [[1, 2]]
    assert [(each["text"], each["chunk"]) for each in phase["tokens"]] == [("red", 1), ("fox", 1)]


def test_a_tokenizer_can_be_named(folder: Path, capsys: Captured) -> None:
    (folder / "sd").mkdir()
    assert main(["explain", "fox", "--tokenizer", "sd"]) == 2
    assert (
        capsys.readouterr().err
        == "error: `sd` is not the folder of a CLIP tokenizer: it has no readable merges.txt\n"
    )
    (folder / "sd" / "merges.txt").write_text("#version: 0.2\nf o\nfo x</w>\n", "utf-8")
    assert main(["explain", "fox", "--tokenizer", "sd"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].rstrip() == "tokens: those of the model `sd`"


@pytest.mark.parametrize("steps", ["0", "-1", "many", "1001"])
def test_steps_that_are_none_are_a_matter_of_usage(steps: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["explain", "a", f"--steps={steps}"])
    assert exit_.value.code == 2
    assert f"the number of steps must be from 1 to 1000, not {steps}" in capsys.readouterr().err


def test_a_code_is_explained_with_its_reason_its_remedy_and_an_example(capsys: Captured) -> None:
    assert main(["explain", "pl205"]) == 0
    captured = capsys.readouterr()
    assert captured.out == dedent("""\
        warning[PL205]: An option is given twice (repeated-option)

        Why:
          An option has one value, so only the last of the two counts.

        How to mend it:
          Remove one of them. Several pictures come from several values: `--steps
          20,30`.

        Example:
          a fox --steps 20 --steps 30

        Instead:
          a fox --steps 20,30
        """)
    assert captured.err == ""


def test_a_code_is_explained_as_json(capsys: Captured) -> None:
    assert main(["explain", "PL205", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["code", "kind", "severity", "title", "why", "fix", "bad", "good"]
    assert (told["code"], told["severity"]) == ("PL205", "warning")


@pytest.mark.parametrize(("code", "hint"), [("PL33", "; did you mean `PL303`?"), ("PL0000000", "")])
def test_a_code_that_does_not_exist_is_a_matter_of_usage(
    code: str, hint: str, capsys: Captured
) -> None:
    assert main(["explain", code]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (
        "",
        f"error: no diagnostic has the code `{code}`{hint}\n",
    )


def test_a_prompt_with_a_code_in_it_is_a_prompt(capsys: Captured) -> None:
    assert main(["explain", "PL303 on a sign"]) == 0
    assert "tokens: those of the model `emoji`" in capsys.readouterr().out


# ast


def test_a_tree_is_shown_with_what_could_not_be_read_said(folder: Path, capsys: Captured) -> None:
    (folder / "a.pl").write_text("use model emoji\ntrain lora x\n", "utf-8")
    assert main(["ast", "a.pl"]) == 1
    captured = capsys.readouterr()
    assert captured.out == dedent("""\
        Program 1:1-3:1
          UseModel 1:1-1:16 options=()
            Word 1:11-1:16 value='emoji'
        """)
    assert captured.err.startswith("error[PL005]")


def test_a_tree_for_machines_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    type_in(monkeypatch, "a fóx")
    assert main(["ast", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "Program"
