"""The programs in tests/suite: a comment at a line's end names what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlang import Diagnostic

SUITE = sorted((Path(__file__).parents[0] / "suite").glob("*.pl"))

_EXPECTED = re.compile(r"# (PL\d{3}(?: PL\d{3})*)$")


@pytest.mark.parametrize("file", SUITE, ids=lambda file: file.name)
def test_a_program_gets_the_diagnostics_that_its_comments_name(
    complaints: Callable[[str], list[Diagnostic]], file: Path
) -> None:
    text = file.read_text("utf-8")
    expected = [
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        for match in [_EXPECTED.search(line)]
        if match
        for code in match[1].split()
    ]
    assert [(each.span.first.line, each.code) for each in complaints(text)] == expected
