"""Captions, and what reading them loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import sys
import promptlang.datasets.check, promptlang.prompts.captions, promptlang.prompts.chunks
sys.exit(any(name.split(".")[:2] in (["lark"], ["promptlang", "syntax"]) for name in sys.modules))
"""


@pytest.mark.parametrize("then", ["", "promptlang.prompts.captions.parse_caption('a fox', 0)\n"])
def test_only_reading_a_caption_loads_the_parser(then: str) -> None:
    *imports, leave = LOADED.strip().splitlines()
    code = "\n".join([*imports, then, leave])
    run = subprocess.run([sys.executable, "-c", code], check=False)
    assert run.returncode == bool(then)
