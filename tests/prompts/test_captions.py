"""Captions, and what reading them loads."""

from __future__ import annotations

import re
import subprocess
import sys
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlang.prompts import captions
from promptlang.prompts.captions import diagnose_caption, parse_caption

LOADED = """
import sys
import promptlang.datasets.check, promptlang.prompts.captions, promptlang.prompts.chunks
sys.exit(any(name.split(".")[:2] in (["lark"], ["promptlang", "syntax"]) for name in sys.modules))
"""


@pytest.mark.parametrize("then", ["", "promptlang.prompts.captions.parse_caption('a (fox)', 0)\n"])
def test_only_reading_a_caption_loads_the_parser(then: str) -> None:
    *imports, leave = LOADED.strip().splitlines()
    code = "\n".join([*imports, then, leave])
    run = subprocess.run([sys.executable, "-c", code], check=False)
    assert run.returncode == bool(then)


PLAIN = st.text(st.sampled_from("aZé猫1 ,.:;!?'\"-+*/~&=@^`%\t"), max_size=20)


@given(PLAIN)
def test_a_caption_without_constructs_means_the_same_whether_it_is_parsed_or_not(text: str) -> None:
    with mock.patch.object(captions, "_PLAIN", re.compile("(?!)")):
        parsed, diagnosed = parse_caption(text, 0), [*diagnose_caption(text, "one.png")]
    assert parse_caption(text, 0) == parsed
    assert [*diagnose_caption(text, "one.png")] == diagnosed == []


@pytest.mark.parametrize("text", ["a BREAK b", "a (b)", "a # b", "a [b", "{a|b}", "a \\( b", "$x"])
def test_a_caption_with_a_construct_is_parsed(text: str) -> None:
    assert not captions._PLAIN.fullmatch(text)
