"""YAML of other people is read without objects, and within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from promptlang.files import UnreadableFileError, parse_yaml

pytest.importorskip("yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: [x, 1, no, 2024-01-01, 0x10]", {"a": ["x", "1", "no", "2024-01-01", "0x10"]}),
        ("- ~\n- null\n- 'null'\n- ''\n-", [None, None, "null", "", None]),
        ("a: &x [1]\nb: *x", {"a": ["1"], "b": ["1"]}),
        ("a: &x {k: v}\nb: {<<: *x, l: w}", {"a": {"k": "v"}, "b": {"k": "v", "l": "w"}}),
        ("a: &x {k: v}\nb:\n  <<: *x\n  k: w", {"a": {"k": "v"}, "b": {"k": "w"}}),
        ("a: {<<: [{k: v}, {k: w, l: x}]}", {"a": {"k": "v", "l": "x"}}),
        ("!!python/object/apply:os.system ['echo']", ["echo"]),
        ("# nothing", None),
        ("---\nx", "x"),
    ],
)
def test_values_are_texts_as_they_are_written(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not YAML"),
        ("a: &x [*x]", "contains itself"),
        ("a: *x", "no `&x`"),
        ("a: 1\na: 2", "stands twice"),
        ("[a]: 1", "not a text"),
        ("a\n---\nb", "several documents"),
        ("[" * 5000, "nested"),
        ("- " * 5000 + "x", "nested"),
        ("{a: {a: " * 3000, "nested"),
        ("a: \x00", "not YAML"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        parse_yaml(text)
