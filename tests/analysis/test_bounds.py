"""Programs that would fill the memory, recurse without end, or take exponential time."""

from pathlib import Path

import pytest

from promptlang import Disk, Source, check, resolve
from promptlang.analysis.scope import Scope
from promptlang.analysis.versioned_map import VersionedMap, with_entry
from promptlang.api.resolving import expand
from promptlang.prompts.expansion import Library
from promptlang.prompts.selection import TooLongError
from promptlang.syntax.parser import parse

pytestmark = pytest.mark.fast


def codes(text: str) -> list[str]:
    return [each.code for each in check(text)]


def chain(length: int, body: str, first: str) -> str:
    """Return `let`s that use the one before, and a prompt that uses the last."""
    lines = [first, *(f"let a{at}{body.format(at - 1)}" for at in range(1, length))]
    return "\n".join([*lines, f"${{a{length - 1}}}"])


def test_five_hundred_lets_in_a_chain_are_one_text() -> None:
    text = chain(500, " = ${{a{}}} x", "let a0 = fox")
    assert codes(text) == []
    *lets, _ = parse(text).program.statements
    scope = Scope(Path())
    for each in lets:
        scope = scope.after(each)
    found = resolve("${a499}", library=scope.library)
    assert found.parts[0].intervals[0].segments[0].text == "fox" + " x" * 499


def test_parameters_that_double_at_each_let_are_too_long() -> None:
    text = chain(40, "(x) = ${{a{}(${{x}}${{x}})}}", "let a0(x) = ${x}").replace(
        "${a39}", "${a39(b)}"
    )
    assert codes(text) == ["PL015"]


@pytest.mark.parametrize("every", ["", " --every"])
def test_empty_texts_that_double_at_each_let_are_too_long(every: str) -> None:
    assert codes(chain(40, " = ${{a{0}}}${{a{0}}}", "let a0 =") + every) == ["PL015"]


def test_all_expansions_share_the_limit_of_one() -> None:
    with pytest.raises(TooLongError):
        list(expand("{a|b} __x__", library=Library(wildcards=lambda _: ["__x__ __x__"])))


def test_a_thousand_includes_in_a_chain_are_read(tmp_path: Path) -> None:
    for at in range(1000):
        (tmp_path / f"c{at}.pl").write_text(f'include "c{at + 1}.pl"\n')
    (tmp_path / "c1000.pl").write_text("a fox --stpes 3\n")
    found = check(Source('include "c0.pl"'), Disk(), tmp_path)
    assert [each.code for each in found] == ["PL102"]


def test_includes_that_double_at_each_file_are_refused(tmp_path: Path) -> None:
    for at in range(30):
        (tmp_path / f"c{at}.pl").write_text(f'include "c{at + 1}.pl"\n' * 2)
    (tmp_path / "c30.pl").write_text("a fox\n")
    found = check(Source('include "c0.pl"'), Disk(), tmp_path)
    assert [each.code for each in found] == ["PL312"]


def test_a_file_that_is_included_twice_takes_effect_twice(tmp_path: Path) -> None:
    (tmp_path / "a.pl").write_text("a fox --stpes 3\n")
    found = check(Source('include "a.pl"\ninclude "a.pl"'), Disk(), tmp_path)
    assert [each.code for each in found] == ["PL102"]


def test_a_version_of_a_mapping_keeps_its_entries() -> None:
    first: VersionedMap[int] = VersionedMap({"a": 1})
    second = with_entry(first, "b", 2)
    third = with_entry(second, "a", 3)
    other = with_entry(first, "c", 4)
    assert [dict(each) for each in (first, second, third, other)] == [
        {"a": 1},
        {"a": 1, "b": 2},
        {"a": 3, "b": 2},
        {"a": 1, "c": 4},
    ]
    assert "b" not in first
    assert len(third) == 2
