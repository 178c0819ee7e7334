"""The syntax tree for people and for machines."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from promptlang import Source, ast, parse
from promptlang.syntax.tree_json import tree_json, tree_lines


def program(text: str) -> ast.Program:
    return parse(Source(text)).program


def test_as_json_each_node_has_its_type_its_place_and_its_fields() -> None:
    made = json.loads(tree_json(program("(fox:1.2) [a:b:0.5]  --seed 7")))
    (picture,) = made["statements"]
    assert (picture["type"], picture["start"], picture["end"]) == ("Picture", 0, 29)
    emphasis, _, schedule = picture["prompt"]["phrases"]
    text = {"type": "Text", "start": 1, "end": 4, "value": "fox"}
    assert emphasis == {"type": "Emphasis", "start": 0, "end": 9, "phrases": [text], "weight": 1.2}
    assert schedule["moments"] == [
        {"type": "Moment", "start": 15, "end": 18, "value": 0.5, "fraction": True}
    ]
    (option,) = picture["options"]
    assert option["value"] == {"type": "Number", "start": 28, "end": 29, "value": 7}


def test_as_lines_each_node_stands_below_the_one_it_is_in() -> None:
    assert "\n".join(tree_lines(program("set steps 30\n(fox:1.2), ink"))) == dedent("""\
        Program 1:1-2:15
          Set 1:1-1:13
            Word 1:5-1:10 value='steps'
            Number 1:11-1:13 value=30
          Picture 2:1-2:15 options=() forced=False
            Prompt 2:1-2:15
              Emphasis 2:1-2:10 weight=1.2
                Text 2:2-2:5 value='fox'
              Text 2:10-2:15 value=', ink'""")


@pytest.mark.parametrize("text", ["(" * 5000 + "a" + ")" * 5000, "a fox\n" * 5000])
def test_no_program_is_too_deep_or_too_long(text: str) -> None:
    tree = program(text)
    count = sum(1 for _ in ast.walk(tree))
    assert tree_json(tree).count('"type"') == count
    lines = list(tree_lines(tree))
    assert len(lines) == count
    assert max(map(len, lines)) < 200
