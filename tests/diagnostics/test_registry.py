"""The registry of diagnostics: each code once, explained, made somewhere, with true examples."""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import promptlang
from promptlang import Diagnostic
from promptlang.cli.main import main
from promptlang.diagnostics import Rule, Topic
from promptlang.diagnostics.reference import diagnostics_page
from promptlang.diagnostics.registry import MODULES, RULES, find_rule, nearest_code

ROOT = Path(promptlang.__file__).parent.parent
ROOM = ROOT / "promptlang" / "diagnostics"
DECLARED = [each for module in MODULES for each in vars(module).values() if isinstance(each, Rule)]
FOUND_AT_ONCE = {"PL505", "PL524"}
"""Codes of the topic RUN that a check of the program finds."""
NEEDS_FILES = {"PL302", "PL303", "PL307"}


def is_found_by_a_check(rule: Rule) -> bool:
    if rule.topic is Topic.RUN:
        return rule.code in FOUND_AT_ONCE
    return rule.code not in NEEDS_FILES


def outside() -> Iterator[Path]:
    for folder in ("promptlang", "runtime", "grammar"):
        yield from (each for each in (ROOT / folder).rglob("*.py") if each.parent != ROOM)


def by_name(rule: Rule) -> str:
    return rule.code


def test_each_code_and_each_kind_is_declared_once() -> None:
    for names in ([each.code for each in DECLARED], [each.kind for each in DECLARED]):
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {each.code for each in DECLARED} == set(RULES)


def test_every_module_of_the_room_that_declares_a_rule_is_registered() -> None:
    declaring = {each.stem for each in ROOM.glob("*.py") if "= Rule(\n" in each.read_text("utf-8")}
    assert declaring == {each.__name__.rpartition(".")[2] for each in MODULES}


def test_only_rules_make_diagnostics() -> None:
    makers = [each for each in outside() if re.search(r"\bDiagnostic\(", each.read_text("utf-8"))]
    makers = [
        file
        for file in makers
        if re.search(r"(?<!case )\bDiagnostic\(\s*[\"f]", file.read_text("utf-8"))
    ]
    assert makers == []
    for file in outside():
        literals = [
            node.value
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert [each for each in literals if re.fullmatch(r"PL\d{0,3}", each)] == [], file


def test_every_rule_is_made_by_a_function_that_is_called_somewhere() -> None:
    code = "\n".join(each.read_text("utf-8") for each in outside())
    used = set(re.findall(r"\w+", code))
    unused = []
    for file in ROOM.glob("*.py"):
        functions = {
            node.name: set(re.findall(r"\w+", ast.unparse(node)))
            for node in ast.parse(file.read_text("utf-8")).body
            if isinstance(node, ast.FunctionDef)
        }
        called = {name for name in functions if name in used}
        for _ in functions:
            called |= {name for name in functions if any(name in functions[by] for by in called)}
        reached = {word for name in called for word in functions[name]}
        rules = re.findall(r"^(\w+) = Rule\($", file.read_text("utf-8"), re.MULTILINE)
        unused += [rule for rule in rules if rule not in reached]
    assert unused == []


@pytest.mark.parametrize("rule", DECLARED, ids=by_name)
def test_an_entry_is_sentences(rule: Rule) -> None:
    assert re.fullmatch(r"PL\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.kind)
    assert rule.title[0] in "`" or rule.title[0].isupper()
    assert not rule.title.endswith(".")
    for text in (rule.why, rule.fix):
        assert text.endswith("."), text
        assert text[0] in "`" or text[0].isupper(), text
        assert "  " not in text


def codes_of(
    program: str, complaints: Callable[[str], list[Diagnostic]], capsys: object
) -> set[str]:
    if not program.startswith("promptlang "):
        return {each.code for each in complaints(program)}
    main(shlex.split(program)[1:])
    return set(re.findall(r"(?<=\[)PL\d{3}(?=\])", capsys.readouterr().err))  # type: ignore[attr-defined]


@pytest.mark.parametrize("rule", [each for each in DECLARED if each.bad], ids=by_name)
def test_an_example_gets_its_diagnostic_and_its_remedy_none(
    rule: Rule,
    complaints: Callable[[str], list[Diagnostic]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    if is_found_by_a_check(rule):
        assert codes_of(rule.bad, complaints, capsys) == {rule.code}
    if rule.good and rule.code not in NEEDS_FILES:
        assert codes_of(rule.good, complaints, capsys) == set()


def test_the_page_has_an_entry_for_every_code() -> None:
    page = diagnostics_page()
    for rule in RULES.values():
        assert page.count(f"### {rule.code} {rule.kind}\n") == 1
        assert rule.why in page


@pytest.mark.parametrize("word", ["PL303", "pl303", "unusable-model", "Unusable-Model"])
def test_a_rule_is_found_by_its_code_and_by_its_kind(word: str) -> None:
    assert find_rule(word) is RULES["PL303"]


@pytest.mark.parametrize(
    ("word", "near"), [("PL33", "PL303"), ("unknown-lor", "PL101"), ("nothing like it", None)]
)
def test_a_code_that_does_not_exist_has_a_near_one(word: str, near: str | None) -> None:
    assert find_rule(word) is None
    assert nearest_code(word) == near
