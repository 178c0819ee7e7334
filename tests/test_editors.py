"""What editors and other tools are given: lexers, a grammar, hooks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments import lex
from pygments.lexers import get_lexer_by_name

from promptlang.grammar import vocabulary
from promptlang.highlighting.pygments_lexer import PYGMENTS_TOKENS, PromptlangLexer
from promptlang.highlighting.textmate import SCOPES, textmate_grammar
from promptlang.highlighting.token_patterns import TOKEN_PATTERNS, TokenKind, split_tokens

ROOT = Path(__file__).parent.parent
VSCODE = ROOT / "editors" / "vscode"


def kinds(text: str) -> list[tuple[str, str]]:
    return [(kind.value, piece) for kind, piece in split_tokens(text) if kind]


def test_a_program_is_cut_by_shape() -> None:
    assert kinds(
        'use model emoji # hi\nset steps 30\n(a:1.2) [b:c:0.5] BREAK <ink>\\( --negative "x"'
    ) == [
        ("head", "use model"),
        ("comment", "# hi"),
        ("head", "set"),
        ("bracket", "("),
        ("weight", ":1.2"),
        ("bracket", ")"),
        ("bracket", "["),
        ("weight", ":0.5"),
        ("bracket", "]"),
        ("keyword", "BREAK"),
        ("tag", "<ink>"),
        ("escape", "\\("),
        ("option", "--negative"),
        ("string", '"x"'),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "train station",
        "set design for a theatre",
        "C# #ff0000",
        "BREAKFAST",
        "well--known",
        "16:9",
        "a < b",
    ],
)
def test_words_have_no_colour(text: str) -> None:
    assert kinds(text) == []


GOES_ON = {
    "set": " steps 3",
    "let": " hero = a man",
    "convert": " ink to kohya",
    "caption": ' "photos"',
    "include": ' "base.pl"',
}


@pytest.mark.parametrize("head", [*vocabulary.HEADS, "render"])
def test_every_head_is_coloured(head: str) -> None:
    assert kinds(head + GOES_ON.get(head, " x"))[0] == ("head", head)


@pytest.mark.parametrize(
    "text", ["plot of land, aerial view", "let there be light", "set design", "include flowers"]
)
def test_english_that_begins_like_a_statement_is_not(text: str) -> None:
    assert kinds(text) == []


@given(st.text(alphabet='ab ()[]<>:|\\"#-.0\n', max_size=30))
def test_no_character_is_lost(text: str) -> None:
    assert "".join(piece for _, piece in split_tokens(text)) == text
    assert all(piece for _, piece in split_tokens(text))


def test_pygments_finds_the_lexer_by_its_name_and_colours_every_kind() -> None:
    (entry,) = entry_points(group="pygments.lexers", name="promptlang")
    assert entry.load() is PromptlangLexer
    lexer = get_lexer_by_name("promptlang", stripnl=False, ensurenl=False)
    text = "use model emoji\n(a:1.2) --seed 7"
    found = [
        (TOKENS_BY_TYPE[kind], piece) for kind, piece in lex(text, lexer) if kind in TOKENS_BY_TYPE
    ]
    assert found == kinds(text)
    assert set(PYGMENTS_TOKENS) == {None, *TokenKind}


TOKENS_BY_TYPE = {token: kind.value for kind, token in PYGMENTS_TOKENS.items() if kind}


def test_the_grammar_for_editors_is_that_of_the_vocabulary() -> None:
    written = (VSCODE / "syntaxes" / "promptlang.tmLanguage.json").read_text("utf-8")
    assert written == textmate_grammar(), "make editors"
    assert set(SCOPES) == set(TokenKind)
    patterns = [each.get("match") or each["begin"] for each in json.loads(written)["patterns"]]
    assert patterns == [shape.pattern for shape in TOKEN_PATTERNS]


def test_the_program_that_writes_the_grammar_writes_it() -> None:
    command = [sys.executable, "-m", "promptlang.highlighting.textmate"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == textmate_grammar()


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((VSCODE / "package.json").read_text("utf-8"))["contributes"]
    named = [
        *(each["configuration"] for each in package["languages"]),
        *(each["path"] for each in package["grammars"]),
    ]
    assert [name for name in named if not (VSCODE / name).is_file()] == []
    json.loads((VSCODE / "language-configuration.json").read_text("utf-8"))
    assert package["grammars"][0]["scopeName"] == json.loads(textmate_grammar())["scopeName"]


HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")


def hook(name: str) -> tuple[list[str], re.Pattern[str]]:
    """A hook's command and the files it is for."""
    found = re.search(
        rf"^- id: {name}\n(?:  .*\n)*?  entry: (.+)\n(?:  .*\n)*?  files: (.+)\n", HOOKS, re.M
    )
    assert found is not None
    return found[1].split(), re.compile(found[2])


def committed(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """What a hook does, as pre-commit runs it: on the repository's files that it is for."""
    command, pattern = hook(name)
    listed = subprocess.run(
        ["git", "ls-files"], cwd=folder, capture_output=True, text=True, check=True
    )
    files = [file for file in listed.stdout.split() if pattern.search(file)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        [*command, *files], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_hooks_format_and_check_a_repositorys_recipes(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "a.pl").write_text("set  steps 5\n", "utf-8")
    (tmp_path / "b.plang").write_text("a fox --stpes 5\n", "utf-8")
    (tmp_path / "c.txt").write_text("a fox --stpes 5\n", "utf-8")
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    formatted = committed(tmp_path, "promptlang-fmt")
    assert (formatted.returncode, formatted.stdout) == (0, "formatted a.pl\nformatted b.plang\n")
    checked = committed(tmp_path, "promptlang-check")
    assert checked.returncode == 1
    assert checked.stderr.count("error[PL102]") == 1
    (tmp_path / "b.plang").write_text("a fox    --steps 5\n", "utf-8")
    assert committed(tmp_path, "promptlang-check").returncode == 0


def test_the_hooks_are_yaml() -> None:
    yaml = pytest.importorskip("yaml")
    assert [each["id"] for each in yaml.safe_load(HOOKS)] == ["promptlang-fmt", "promptlang-check"]
