"""Patterns of ``--targets`` match in bounded time, or are refused."""

import pytest

from promptlang import check
from promptlang.files.patterns import pattern_fault

pytestmark = pytest.mark.fast

REFUSED = (
    "(" * 5000,
    "a{99999999999}",
    "^(([a-z0-9._])+)+$!",
    "(a+)+$",
    "(a|a)*b",
    "((a|b)c)+",
    "(a*){2,}",
    ".*.*.*.*.*x",
    "to_(q",
    ".?" * 24 + "zz",
    "(?:.|.)" * 24 + "zz",
    "(?:.?.?)" * 12 + "zz",
    "(?:.??.??|a){2}",
)
USABLE = (
    "to_(q|v)",
    r"down_blocks\.\d+\..*attn",
    r".*attn1.*to_q$|.*attn2.*to_k$|.*ff.*net",
    "(up|down)_blocks",
    "[(a+)+]",
    r"\(a\+\)\+",
    "(attn1)?to_q",
    "(ab)+",
    r"(?:down|up)_blocks\.\d+?.*(?:attn1|attn2)?.*to_(?:q|k|v|out)",
    "^(" + "|".join(f"blocks_{number}" for number in range(400)) + ")$",
)


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_pattern_that_may_never_end_is_refused(pattern: str) -> None:
    (found,) = check(f'train lora ink from "photos" --targets "{pattern}"')
    assert found.code == "PL232"
    assert found.span.text == f'"{pattern}"'


@pytest.mark.parametrize("pattern", USABLE)
def test_a_usual_pattern_is_usable(pattern: str) -> None:
    assert pattern_fault(pattern) is None
