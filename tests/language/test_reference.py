"""The reference keeps its word: each example of a diagnostic gets that diagnostic, and no code is left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlang import Diagnostic, Severity

ROOT = Path(__file__).parent.parent.parent
ROWS = re.findall(r"^\| (PL\d{3})( w)? \| (?:`(.+?)`)? ?\|", (ROOT / "grammar/README.md").read_text("utf-8"), re.M)


def test_every_code_is_in_the_reference_once() -> None:
    codes = set(re.findall(r'"(PL\d{3})"', (ROOT / "promptlang/diagnostics.py").read_text("utf-8")))
    assert sorted(codes) == [code for code, _, _ in ROWS]


@pytest.mark.parametrize(("code", "warns", "example"), [row for row in ROWS if row[2]], ids=lambda value: value)
def test_an_example_gets_its_diagnostic(
    complaints: Callable[[str], list[Diagnostic]], code: str, warns: str, example: str
) -> None:
    (found,) = complaints(example)
    assert (found.code, found.severity is Severity.WARNING) == (code, bool(warns))
