"""What Dynamic Prompts makes of its templates: the vectors hold its answers, here are ours."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from promptlang import Library, Source, convert, expand
from promptlang.dialects import DIALECTS

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "dynamicprompts.json").read_text("utf-8")
)
FILES = {
    name.removesuffix(".txt"): [line for line in text.splitlines() if not line.startswith("#")]
    for name, text in VECTORS["wildcards"].items()
    if name.endswith(".txt")
}

ELSEWHERE = {
    "variables are named with `let`": [
        "${x={a|b}}${x} ${x}",
        "${x=a}${x=b}${x}",
        "${y:def}",
        "${y:{a|b}}",
    ],
    "a wildcard takes no arguments": ["__param(c={red|blue})__", "${c=white}__param__"],
    "there are no wrappers": ["%{ (a) $$ {b|c} }", "%{wrap ... end$${x|y}}"],
    "how to choose is not said in the text": ["{@a|b}", "__@season__", "__!season__"],
    "lists are text files": ["__hh/aa__"],
    "what is missing stays once": ["__missing__", "a __missing__ b", "__init__ {a|b}"],
    "braces without a `|` or `$$` are text": ["{a::b}", "{1.5}"],
    "remarks go when the prompt is read": ["# comment only", "a # comment"],
    "a backslash makes a brace a character": ["\\{a|b\\}"],
    "every text is read": ["${y}", "{a|b", "5$$ {a|b}", "50% {a|b}", "{a$b|c}"],
}
"""Where we differ on purpose; the reference says so too."""

REASONS = {template: reason for reason, templates in ELSEWHERE.items() for template in templates}


def lines(pattern: str) -> list[str]:
    return [
        line for name in sorted(FILES) if fnmatch(name, pattern) for line in sorted(FILES[name])
    ]


def ways(text: str) -> list[str]:
    prompt, _ = DIALECTS["dynamicprompts"].read(Source(text).span(0, len(text)))
    return list(islice(expand(prompt, library=Library(wildcards=lines)), 60))


def spaced(texts: list[str]) -> list[str]:
    """Sort and strip texts, as Dynamic Prompts has another order, and strips its choices."""
    return sorted(" ".join(text.split("#")[0].split()) for text in texts)


@pytest.mark.parametrize(
    "case", [pytest.param(each, id=repr(each["template"])[:50]) for each in VECTORS["cases"]]
)
def test_a_template_comes_to_what_it_comes_to_there(case: dict[str, Any]) -> None:
    if case["template"] in REASONS:
        pytest.skip(REASONS[case["template"]])
    assert spaced(ways(case["template"])) == spaced(case["combinatorial"])


@pytest.mark.parametrize("text", ["${x=a} b", "%{a $$ {b|c}}", "{@a|b}", "a __!x__", "__x(c=1)__"])
def test_what_is_not_read_is_said(text: str) -> None:
    assert "PL602" in [each.code for each in convert(text, source="dynamicprompts").diagnostics]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("({a|b}:1.2) __x__", "({a|b}:1.2) __x__"),
        ("a {2$$ and $$b|c} [d:e:0.5]", "a {2$$ and $$b|c} [d:e:0.5]"),
        (r"\{a\} ${b}", "a ${b}"),
    ],
)
def test_templates_are_written_and_what_cannot_be_is_said(text: str, written: str) -> None:
    made = convert(text, source="promptlang", target="dynamicprompts")
    assert made.text == written
    assert bool(made.diagnostics) == ("$" in text.replace("$$", ""))


def test_braces_are_characters_in_a1111() -> None:
    assert convert("a {b|c}", source="a1111").text == r"a \{b|c}"
    assert convert(r"a \{b|c\}", source="promptlang", target="a1111").text == "a {b|c}"


def said(text: str, target: str = "promptlang") -> list[str]:
    return [
        each.message for each in convert(text, source="dynamicprompts", target=target).diagnostics
    ]


def test_a_variable_is_called_the_same_where_it_is_set_and_where_it_stands() -> None:
    assert said("${hero=a} ${hero}") == [
        "`${hero=`, a variable of its own, is read as text",
        "`${hero}`, a variable of its own, is read as a piece that `let` names",
    ]
    assert (
        convert("a ${hero}", source="dynamicprompts", target="dynamicprompts").text == "a ${hero}"
    )


@pytest.mark.parametrize("text", ["__a:b__", "__animal<x>__", 'a __x"y__ b'])
def test_a_wildcard_with_an_odd_name_is_said_to_stay(text: str) -> None:
    (message,) = said(text)
    assert message.endswith("is read as text")
    assert said("__a__ __b-c/*__ a__b c__d, __") == []
