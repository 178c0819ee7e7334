"""Lists of wildcards: which files have them, under which names, and with which weights."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from promptlang import Session, Source, check
from promptlang.analysis import wildcard_lists
from promptlang.analysis.world import Disk
from promptlang.files import UnreadableFileError
from promptlang.plan.steps import Render

YAML = """
view:
  angle:
    - 0.5::from above
    - {text: from below, weight: 2}
    - 3
  one: single
colours: [red, no, null, "", blue]
bad:
  - style: anime
"""


def weighted(folder: Path, pattern: str) -> list[tuple[str, float]]:
    return [(line, getattr(line, "weight", 1.0)) for line in Disk().lines(folder, pattern)]


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "animals" / "wild").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "season.txt").write_text("# four\nspring\n\n summer \n")
    (tmp_path / "weighted.txt").write_text("0.5::a\nb\n")
    (tmp_path / "animals" / "big cats.txt").write_text("lion\n")
    (tmp_path / "animals" / "wild" / "owl.txt").write_text("barn owl\n")
    (tmp_path / ".hidden" / "x.txt").write_text("x\n")
    (tmp_path / "1girl-v2.1.txt").write_text("girl\n")
    (tmp_path / "notes.md").write_text("no list\n")
    return tmp_path


@pytest.fixture
def structured(lists: Path) -> Path:
    pytest.importorskip("yaml")
    (lists / "all.yaml").write_text(YAML)
    (lists / "animals" / "more.yml").write_text("fish: [cod]")
    (lists / "numbers.json").write_text('{"n": {"k": ["a", 1, {"content": "b", "weight": "3"}]}}')
    (lists / "flat.json").write_text('["p", "2::q"]')
    return lists


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("season", [("spring", 1), ("summer", 1)]),
        ("weighted", [("a", 0.5), ("b", 1)]),
        ("animals/big cats", [("lion", 1)]),
        ("big cats", [("lion", 1)]),
        ("1girl-v2.1", [("girl", 1)]),
        ("animals/*", [("lion", 1), ("barn owl", 1)]),
        ("animals/**", [("lion", 1), ("barn owl", 1)]),
        ("*eas??", [("spring", 1), ("summer", 1)]),
        ("[rst]eason", [("spring", 1), ("summer", 1)]),
        *((each, []) for each in ("nothing", "**a", "[z-a]", "x", "../season", "notes", "a" * 400)),
    ],
)
def test_text_files_are_found_by_name_and_pattern(
    lists: Path, pattern: str, expected: list[tuple[str, float]]
) -> None:
    assert weighted(lists, pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("view/angle", [("from above", 0.5), ("from below", 2), ("3", 1)]),
        ("view/one", [("single", 1)]),
        ("colours", [("red", 1), ("no", 1), ("blue", 1)]),
        ("animals/fish", [("cod", 1)]),
        ("n/k", [("a", 1), ("1", 1), ("b", 3)]),
        ("flat", [("p", 1), ("q", 2)]),
        ("view/*", [("from above", 0.5), ("from below", 2), ("3", 1), ("single", 1)]),
        ("angle", [("from above", 0.5), ("from below", 2), ("3", 1)]),
    ],
)
def test_keys_of_structured_files_are_lists(
    structured: Path, pattern: str, expected: list[tuple[str, float]]
) -> None:
    assert weighted(structured, pattern) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_list_may_be_in_any_encoding_of_unicode(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "x.txt").write_text("füchs fox fox\nowl\n", encoding)
    assert Disk().lines(tmp_path, "x") == ("füchs fox fox", "owl")


def test_a_file_that_is_no_list_is_named_with_the_reason(structured: Path) -> None:
    (structured / "folder.txt").mkdir()
    os.mkfifo(structured / "pipe.txt")
    (structured / "zero.txt").symlink_to("/dev/zero")
    (structured / "latin.txt").write_bytes("café\n".encode("latin-1"))
    reasons = {
        "folder": "a folder",
        "pipe": "a named pipe",
        "zero": "a device",
        "latin": "UTF-8",
        "bad": "no text",
    }
    for name, reason in reasons.items():
        with pytest.raises(UnreadableFileError, match=reason):
            Disk().lines(structured, name)
        planned = Session(structured, "x").plan(Source(f'use wildcards "."\n{{a|b}} __{name}__'))
        assert [each.code for each in planned.diagnostics] == ["PL113"]
        assert reason in planned.diagnostics[0].message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"x": [{"text": "a", "weight": -1}]}', "weight"),
        ('{"x": [{"text": "a", "weight": NaN}]}', "weight"),
        ('{"x": [["a"]]}', "no text"),
        ('{"y": 1', "not JSON"),
        ("[" * 10_000, "nested"),
        (json.dumps({"a": 1}).replace("1", '{"b":' * 40 + "1" + "}" * 40), "keys"),
    ],
)
def test_a_structured_file_with_a_mistake_is_named(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "lists.json").write_text(content)
    with pytest.raises(UnreadableFileError, match=reason):
        Disk().lines(tmp_path, "x")


def test_a_mistake_in_another_file_spoils_no_list(structured: Path) -> None:
    (structured / "broken.json").write_text("{")
    assert Disk().lines(structured, "season") == ("spring", "summer")
    assert Disk().lines(structured, "view/one") == ("single",)


def test_aliases_that_multiply_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml")
    monkeypatch.setattr(wildcard_lists, "MAX_LINES", 1000)
    rows = ["a0: &a0 {x: [1, 2]}"] + [
        f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 25)
    ]
    (tmp_path / "bomb.yaml").write_text("\n".join(rows))
    with pytest.raises(UnreadableFileError, match="entries"):
        Disk().lines(tmp_path, "nothing")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "lists.json"
    file.write_text('{"x": ["a"]}')
    assert Disk().lines(tmp_path, "x") == ("a",)
    file.write_text('{"x": ["a", "b"]}')
    assert Disk().lines(tmp_path, "x") == ("a", "b")


def test_a_line_that_names_a_let_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("${hero} one\n${hero} two\n")
    text = 'use wildcards "."\nlet hero = a fox\n__x__ --every'
    planned = Session(tmp_path, "x").plan(Source(text))
    assert not planned.diagnostics
    assert sum(isinstance(step, Render) for step in planned.plan.steps) == 2


@pytest.mark.parametrize("content", ["", "# a remark\n\n"])
def test_a_list_without_lines_is_said_to_be_empty(content: str, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(content)
    for pattern in ("empty", "emp*"):
        with pytest.raises(UnreadableFileError, match="`empty` has no lines"):
            Disk().lines(tmp_path, pattern)


def test_the_name_of_a_file_is_no_name_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "animal.txt").write_text("fox\n")
    found = check('use wildcards "."\na __animal.txt__', Disk(), tmp_path)
    assert [(each.code, each.hint) for each in found] == [
        ("PL109", "write `__animal__`, without the ending of the file")
    ]
