"""A resolved prompt as JSON, for tools."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest

from promptlang import resolve

SCHEMA = json.loads(
    resources.files("promptlang.grammar").joinpath("resolved.schema.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a fox",
        "(a:1.2) :0.5 AND [b:c:0.5] :-1",
        "a <lora:ink:0.5> (b",
        "[a:b] )",
        "<lore:x> \ud800\0",
        "a BREAK b",
        "a AND <area:0,0.5,0,1> b",
        "a AND b :[0.5:1:0.5]",
    ],
)
def test_every_prompt_has_a_meaning_as_the_schema_says(text: str) -> None:
    answer = resolve(text, 10).to_json()
    errors = jsonschema.validators.validator_for(SCHEMA)(SCHEMA).iter_errors(
        json.loads(json.dumps(answer))
    )
    assert list(errors) == []


def test_a_prompts_meaning_is_plain_data() -> None:
    assert resolve("a <lora:ink:0.5:1> [b::0.5] AND (c", steps=10).to_json() == {
        "parts": [
            {
                "weight": 1.0,
                "area": None,
                "intervals": [
                    {"until": 5, "segments": [["a  b", 1.0]], "loras": [["ink", 0.5, 1.0]]},
                    {"until": 10, "segments": [["a  ", 1.0]], "loras": [["ink", 0.5, 1.0]]},
                ],
            },
            {
                "weight": 1.0,
                "area": None,
                "intervals": [{"until": 10, "segments": [[" ", 1.0], ["c", 1.1]], "loras": []}],
            },
        ],
        "diagnostics": [
            {
                "code": "PL001",
                "severity": "warning",
                "message": "`(` is never closed",
                "hint": "it runs to the end; close it with `)`, or write `\\(` for the character",
                "start": {"line": 1, "column": 33, "offset": 32},
                "end": {"line": 1, "column": 34, "offset": 33},
            }
        ],
    }


def test_without_steps_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        resolve("a", 0)
