"""The README's own example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_the_embedding_example_runs_and_prints_both_phases(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", README, re.S)
    exec(code, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("10 [('a fox, ', 1.0), ('red', 1.3)")
    assert lines[1].startswith("20 [('a fox, blue', 1.0)")
