"""The examples in grammar/README.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import promptlang
from promptlang import Diagnostic, convert, expand, resolve
from promptlang.diagnostics import Topic
from promptlang.diagnostics.registry import RULES
from promptlang.dialects.conversion import DIALECT_NAMES
from promptlang.plan.prompt import Interval

ROOT = Path(promptlang.__file__).parent.parent
README = (ROOT / "grammar" / "README.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]


def told(interval: Interval, start: int) -> str:
    segments = [(" ".join(each.text.split()), each.weight) for each in interval.segments]
    said = " + ".join(f"{text} ×{weight:.3g}" for text, weight in segments if text)
    loras = "".join(f", {use.name} {use.text_encoder:g} {use.unet:g}" for use in interval.loras)
    return f"`{start}-{interval.until} {said}{loras}`"


@pytest.mark.parametrize(("written", "meaning"), rows("Prompts"))
def test_an_example_means_what_the_reference_says(written: str, meaning: str) -> None:
    text = written.strip("`") if r"c\:d" in written else written.strip("`").replace(r"\|", "|")
    intervals = resolve(text, 10).parts[0].intervals
    starts = [1, *(interval.until + 1 for interval in intervals)]
    assert " ".join(map(told, intervals, starts)) == meaning


@pytest.mark.parametrize(
    ("code", "example"), [row for row in rows("Diagnostics") if row[1][0] == "`"]
)
def test_an_example_gets_its_diagnostic(
    complaints: Callable[[str], list[Diagnostic]], code: str, example: str
) -> None:
    text = example.strip("`").replace("¶", "\n").replace("\\|", "|")
    assert code in [each.code for each in complaints(text)]


@pytest.mark.parametrize(("written", "ways"), rows("Templates"))
def test_a_template_comes_to_what_the_reference_says(written: str, ways: str) -> None:
    keeps = written.startswith("`\\")
    written, ways = (each if keeps else each.replace("\\|", "|") for each in (written, ways))
    assert " ".join(f"`{way}`" for way in expand(written.strip("`"))) == ways


@pytest.mark.parametrize(
    ("code", "example"), [row for row in rows("Diagnostics") if row[1][0] != "`"]
)
def test_an_example_of_another_dialect_gets_its_diagnostic(code: str, example: str) -> None:
    dialects, text = example.split(": ", 1)
    source, _, target = dialects.partition(" to ")
    found = convert(text.strip("`"), source=source, target=target or "promptlang").diagnostics
    assert code in [each.code for each in found]


EXAMPLES = [
    row
    for row in rows("Prompts of other tools")
    if row[0] in DIALECT_NAMES and len(row) == 3 and row[2].startswith("`")
]


@pytest.mark.parametrize(("source", "prompt", "here"), EXAMPLES)
def test_a_prompt_of_another_dialect_is_written_here_as_the_reference_says(
    source: str, prompt: str, here: str
) -> None:
    assert convert(prompt.strip("`"), source=source).text == here.strip("`")


def test_the_reference_has_every_code() -> None:
    only_at_run_time = {"PL015", "PL312", "PL111", "PL113", "PL302", "PL303", "PL307"}
    only_at_run_time |= {f"PL40{number}" for number in range(2, 10)}
    of_data = {code for code in RULES if code.startswith(("PL41", "PL42"))}
    assert of_data == {code for code, _ in rows("Checking pictures")} - {"PL403"}
    written = {code for code, rule in RULES.items() if rule.topic is not Topic.RUN}
    assert written - only_at_run_time - of_data == {code for code, _ in rows("Diagnostics")}
