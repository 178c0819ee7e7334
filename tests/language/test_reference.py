"""The examples in grammar/README.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import promptlang
from promptlang import Diagnostic, expand, resolve
from promptlang.plan import Interval

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


@pytest.mark.parametrize(("code", "example"), rows("Diagnostics"))
def test_an_example_gets_its_diagnostic(complaints: Callable[[str], list[Diagnostic]], code: str, example: str) -> None:
    text = example.strip("`").replace("¶", "\n").replace("\\|", "|")
    assert code in [each.code for each in complaints(text)]


@pytest.mark.parametrize(("written", "ways"), rows("Templates"))
def test_a_template_comes_to_what_the_reference_says(written: str, ways: str) -> None:
    keeps = written.startswith("`\\")
    written, ways = (each if keeps else each.replace("\\|", "|") for each in (written, ways))
    assert " ".join(f"`{way}`" for way in expand(written.strip("`"))) == ways


def test_the_reference_has_every_code() -> None:
    source = Path(promptlang.diagnostics.__file__).read_text("utf-8")
    codes = set(re.findall(r'"(PL[0-4]\d\d)"', source)) - {"PL015", "PL302", "PL303", "PL402"}
    assert codes == {code for code, _ in rows("Diagnostics")}
