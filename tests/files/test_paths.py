"""Patterns over files: no pattern is an error, and none reaches outside the folder."""

from pathlib import Path

import pytest

from promptlang.files import find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "b c.txt", "animals/cat.txt", "animals/big/bear.txt", "d.yaml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (tmp_path / "folder.txt").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a", ["a.txt"]),
        ("*", ["a.txt", "b c.txt"]),
        ("?", ["a.txt"]),
        ("[ab]*", ["a.txt", "b c.txt"]),
        ("animals/*", ["animals/cat.txt"]),
        ("animals/**", ["animals/big/bear.txt", "animals/cat.txt"]),
        ("**/bear", ["animals/big/bear.txt"]),
        ("**/a", ["a.txt"]),
        ("**", ["a.txt", "animals/big/bear.txt", "animals/cat.txt", "b c.txt"]),
        ("**a**", ["a.txt", "animals/big/bear.txt", "animals/cat.txt"]),
        ("folder", []),
        ("../*", []),
        ("[", []),
        ("[!]", []),
        ("", []),
        ("a\0", []),
    ],
)
def test_a_pattern_finds_files(folder: Path, pattern: str, names: list[str]) -> None:
    found = find_files(folder, pattern, (".txt",))
    assert [file.relative_to(folder).as_posix() for file in found] == names


def test_a_pattern_of_many_stars_ends(tmp_path: Path) -> None:
    (tmp_path / f"{'a' * 200}.txt").write_text("x")
    assert not find_files(tmp_path, "*a" * 200 + "b", (".txt",))


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "again").symlink_to(tmp_path)
    assert find_files(tmp_path, "x", (".txt",)) == [tmp_path / "x.txt"]
