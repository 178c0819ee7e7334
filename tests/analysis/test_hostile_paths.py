"""The disk is asked with care for what a recipe names: no error, no waiting, no foreign text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promptlang import Diagnostic, Session, Source
from promptlang.analysis.world import Disk
from promptlang.files import expand_home, find_files, glob_files

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")

HOSTILE_PATHS = {
    "a tilde before a name": "~old{ending}",
    "a tilde before a name that is no user": "~no-such-user/x{ending}",
    "a tilde and a zero": "~\0{ending}",
    "a name of 250 letters": "a" * 250 + "{ending}",
    "a path of 5,000 letters": "a/" * 2500 + "x{ending}",
    "a name of 300 letters": "a" * 300 + "{ending}",
    "a zero": "a\0b{ending}",
    "half a character": "a\ud800b{ending}",
    "a byte that is no UTF-8": "caf\udce9{ending}",
    "a named pipe": "pipe{ending}",
    "a device that never ends": "/dev/zero",
    "a device behind a link": "zero{ending}",
    "a circle of links": "circle{ending}",
    "a folder": "folder{ending}",
    "a pattern that glob refuses": "**a/*{ending}",
    "brackets": "[{ending}",
    "stars": "*" * 200 + "{ending}",
    "nothing": "",
    "a point": ".",
}

STATEMENTS = {
    'include "{path}"': ".pl",
    'train lora ink from "{path}"': "",
    'train lora ink from "{path}.txt"': "",
    'train dreambooth sks from "photos" --class-data "{path}" --steps 1': "",
    'check data "{path}"': "",
    'use lora "{path}" as ink': ".safetensors",
    'use ti "{path}" as ink': ".safetensors",
    'use model "{path}"': ".safetensors",
    'use vae "{path}"': ".safetensors",
    'use wildcards "{path}"\n__x__': "",
    'a fox --init "{path}"': ".png",
    'a fox --init "a.png" --mask "{path}"': ".png",
}


TAKE_FOLDERS = ("use wildcards", "use lora", "use vae")
TAKE_PICTURES = ('train lora ink from "{path}"', 'check data "{path}"')
"""Statements for which the test's own folder has pictures, which reading reports as errors."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for ending in ("", ".pl", ".safetensors", ".png", ".txt"):
        if os.name != "nt":
            os.mkfifo(tmp_path / f"pipe{ending}")
            (tmp_path / f"zero{ending}").symlink_to("/dev/zero")
        (tmp_path / f"circle{ending}").symlink_to(f"circle{ending}")
        (tmp_path / f"folder{ending}").mkdir()
    return tmp_path


def checked(folder: Path, text: str) -> list[Diagnostic]:
    session = Session(folder, "recipe", world=Disk())
    return list(session.plan(Source(text, "recipe.pl")).diagnostics)


@POSIX
@pytest.mark.parametrize("name", HOSTILE_PATHS)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_path_that_leads_nowhere_is_a_diagnostic(statement: str, name: str, folder: Path) -> None:
    path = HOSTILE_PATHS[name].format(ending=STATEMENTS[statement])
    if statement.startswith(TAKE_FOLDERS) and name in ("a point", "nothing", "a folder"):
        return
    if statement in TAKE_PICTURES and name in ("a point", "nothing"):
        return
    assert checked(folder, statement.format(path=path)) != []


@POSIX
def test_what_is_no_regular_file_is_no_adapter(folder: Path) -> None:
    for place in ("adapters", "embeddings"):
        (folder / place).mkdir()
        os.mkfifo(folder / place / "ink.safetensors")
        os.mkfifo(folder / place / "ink.pt")
    found = checked(folder, "a <ink> <lora:ink>")
    assert {each.code for each in found} >= {"PL101"}


@POSIX
def test_a_wildcard_that_is_no_regular_file_is_named(folder: Path) -> None:
    (folder / "lists").mkdir()
    os.mkfifo(folder / "lists/pipe.txt")
    (folder / "lists/zero.txt").symlink_to("/dev/zero")
    (folder / "lists/folder.txt").mkdir()
    (folder / "lists/circle.txt").symlink_to("circle.txt")
    (folder / "lists/latin.txt").write_bytes(b"f\xf3x")
    for name in ("pipe", "zero", "folder", "circle", "latin", "**a", "[", "a" * 300):
        assert checked(folder, f'use wildcards "lists"\n__{name}__') != [], name


@pytest.mark.parametrize("name", ["/etc/shadow", "notes.txt", "notes", "notes.pl.txt", "notes.md"])
def test_only_recipes_are_included_and_other_texts_stay_unread(name: str, folder: Path) -> None:
    for file in ("notes.txt", "notes", "notes.pl.txt", "notes.md"):
        (folder / file).write_text("secret words\n", "utf-8")
    (found,) = checked(folder, f'include "{name}"')
    assert (found.code, found.message) == ("PL305", f"`{name}` is not a recipe")
    assert found.hint == "`include` reads files whose names end in `.pl`"


@POSIX
def test_a_link_under_a_recipes_name_does_not_make_a_recipe(folder: Path) -> None:
    (folder / "secret.txt").write_text("secret words\n", "utf-8")
    (folder / "base.pl").symlink_to("secret.txt")
    (found,) = checked(folder, 'include "base.pl"')
    assert found.message == ("`base.pl` cannot be read as a recipe: `base.pl` is not a recipe")


def test_bytes_under_a_recipes_name_are_not_read_as_prompts(folder: Path) -> None:
    (folder / "base.pl").write_bytes(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0")
    (found,) = checked(folder, 'include "base.pl"')
    assert found.code == "PL305"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none.pl", "there is no file `none.pl`"),
        ("folder.pl", "`folder.pl` is a folder, not a file"),
        pytest.param("pipe.pl", "`pipe.pl` is a named pipe, not a file", marks=POSIX),
        pytest.param("zero.pl", "`zero.pl` is a device, not a file", marks=POSIX),
    ],
)
def test_the_reason_why_a_recipe_is_not_included_is_named(
    name: str, reason: str, folder: Path
) -> None:
    (found,) = checked(folder, f'include "{name}"')
    assert found.message == f"`{name}` cannot be read as a recipe: {reason}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_recipe_in_any_unicode_encoding_is_included(encoding: str, folder: Path) -> None:
    (folder / "base.pl").write_text("let hero = a fóx\n", encoding)
    assert checked(folder, 'include "base.pl"\n${hero}') == []


def test_a_tilde_is_the_home_folder_only_before_a_slash_or_a_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert expand_home("~/a.pl") == Path("/home/me/a.pl")
    assert expand_home("~old.safetensors") == Path("~old.safetensors")
    assert expand_home("a~b") == Path("a~b")
    assert expand_home("~\0") == Path("~\0")


def test_links_that_lead_back_end_a_search(folder: Path) -> None:
    inner = folder / "w/inner"
    inner.mkdir(parents=True)
    (inner / "x.txt").touch()
    for name in ("a", "b", "c"):
        (inner / name).symlink_to(folder / "w")
        (folder / "w" / name).symlink_to(inner)
    found = find_files(folder / "w", "**x", (".txt",))
    assert inner / "x.txt" in found
    assert len(found) == 4  # by its own name and by three links


def test_a_pattern_without_double_stars_looks_into_no_deeper_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "w/deep/er").mkdir(parents=True)
    for place in ("w/x.png", "w/deep/x.png", "w/deep/er/x.png"):
        (folder / place).touch()
    listed: list[str] = []
    real = os.scandir

    def scandir(path: Path) -> object:
        listed.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert glob_files(folder / "w", "*.png") == [folder / "w/x.png"]
    assert listed == ["w"]
    assert glob_files(folder / "w", "*/*.png") == [folder / "w/deep/x.png"]
    assert len(glob_files(folder / "w", "**/*.png")) == 3
