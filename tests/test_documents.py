"""The documents: what they name exists, what they claim holds, and the site builds."""

from __future__ import annotations

import ast
import html
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import promptlang
from promptlang.diagnostics import Severity

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
DOCUMENTS = sorted(
    file
    for file in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "grammar/README.md")
    if file.name != "NOTICE.md"
)
TOP_FOLDERS = "promptlang|runtime|grammar|tests|docs|recipes|benchmarks|editors|tools|\\.github"


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def named_paths(document: str) -> set[str]:
    """Return the paths of this repository between backquotes, except patterns with a NAME."""
    text = (ROOT / document).read_text("utf-8")
    quoted = set(re.findall(r"`([^`\s]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    paths = {each for each in quoted if re.match(rf"(?:{TOP_FOLDERS})/", each)}
    paths |= {each for each in quoted if re.fullmatch(r"[A-Z.][\w.-]*\.(?:md|yaml)", each)}
    paths |= {"pyproject.toml", "constraints.txt"} & quoted
    return {each for each in paths if "NAME" not in each}


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_path_that_a_document_for_maintainers_names_exists(document: str) -> None:
    paths = named_paths(document)
    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_architecture_names_every_folder_with_code() -> None:
    rooms = {f"{file.parent.relative_to(ROOT)}/" for _, file in modules()} - {
        "promptlang/",
        "runtime/",
    }
    named = named_paths("ARCHITECTURE.md")
    assert {room for room in rooms if room not in named} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", document.read_text("utf-8"))
    made = {"language", "options", "samplers", "commands", "diagnostics", "python"}
    made_here = {f"reference/{page}.md" for page in made} | {"guides/recipes.md"}
    for link in links:
        target = (document.parent / link).resolve()
        generated = target.is_relative_to(DOCS) and str(target.relative_to(DOCS)) in made_here
        assert target.exists() or generated, link


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_programs_in_documents_have_no_mistakes(document: Path) -> None:
    text = document.read_text("utf-8")
    for indent, program in re.findall(r"^( *)```promptlang\n(.*?)^ *```", text, re.M | re.S):
        code = re.sub(rf"^{indent}", "", program, flags=re.M)
        found = promptlang.check(code)
        assert [each.message for each in found if each.severity is Severity.ERROR] == [], code


def room_of(module: str) -> str:
    """Return the room of a module: `promptlang.syntax.lexer` → ``syntax``."""
    _, *parts = module.split(".")
    if parts[0] != "runtime":
        return parts[0]
    if len(parts) == 1:
        return "runtime"
    inner = parts[1:3] if parts[1] == "training" else parts[1:2]
    folder = ROOT.joinpath("runtime", *inner)
    return "/".join(inner if folder.is_dir() else inner[:1])


def modules() -> Iterator[tuple[str, Path]]:
    for folder in ("grammar", "promptlang", "runtime"):
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            parts = parts if folder == "promptlang" else ("promptlang", *parts)
            yield ".".join(part for part in parts if part != "__init__"), file


def imported(module: str, file: Path) -> Iterator[str]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            above = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imports_by_room() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, file in modules():
        if module in ("promptlang", "promptlang.__main__", "promptlang.runtime"):
            continue
        room = room_of(module)
        known = found.setdefault(room, set())
        for name in imported(module, file):
            if name.startswith("promptlang.") and name.split(".")[1] != "__version__":
                known.add("runtime" if name == "promptlang.runtime.Runtime" else room_of(name))
        known.discard(room)
    return found


def stated_imports() -> dict[str, set[str]]:
    """Return the lines "May import" of ARCHITECTURE.md by room; `backend.py` is one exception."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    stated = {}
    for path, line in re.findall(
        r"^\*\*`([\w/.]+)`\*\* .*?^May import: ([^.;]+)", text, re.M | re.S
    ):
        room = path.removesuffix("/").removesuffix(".py")
        room = room.removeprefix("promptlang/").removeprefix("runtime/")
        none = line.startswith(("nothing", "the standard library"))
        stated[room] = set() if none else set(line.split(", "))
    stated["plan"] |= {"runtime", "emoji"}
    return stated


def test_the_architecture_states_every_room_and_what_it_imports() -> None:
    assert stated_imports() == imports_by_room()


@pytest.mark.parametrize(
    "term",
    [
        "textual inversion",
        "overfitting",
        "img2img",
        "inpainting",
        "prior preservation",
        "learning rate",
        "hires fix",
        "out of memory",
        "regularisation",
        "augmentation",
        "dpm++_sde",
    ],
)
def test_a_search_for_a_term_of_the_field_finds_something(term: str) -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "grammar/README.md"]
    assert any(term in page.read_text("utf-8").lower() for page in pages)


FOREIGN_OPTIONS = {
    *("--version", "--nproc-per-node", "--num_processes", "--multi_gpu", "--hypothesis-profile"),
    "--stpes",  # the mistake of an example
    *("--with_prior_preservation", "--placeholder_token", "--initializer_token", "--lora_layers"),
}
"""Options of other programs that documents name."""


def test_every_option_that_a_document_names_is_one_of_the_language_or_of_a_command() -> None:
    from promptlang.grammar import vocabulary

    commands = "".join(file.read_text("utf-8") for file in (ROOT / "promptlang/cli").rglob("*.py"))
    known = {f"--{option.name}" for option in vocabulary.OPTIONS}
    known |= {f"--no-{option.name}" for option in vocabulary.OPTIONS}
    known |= set(re.findall(r'"(--[\w-]+)"', commands)) | FOREIGN_OPTIONS
    for document in (ROOT / "README.md", *DOCS.rglob("*.md")):
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", document.read_text("utf-8")))
        assert named <= known, document


def test_the_picture_of_the_terminal_shows_what_the_commands_print_today(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(DOCS)
    import terminal_picture  # type: ignore[import-not-found]

    svg = (DOCS / "assets/session.svg").read_text("utf-8")
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", svg).replace("https://www.textualize.io", "")
    drawn = drawn_lines(svg)
    offline = [each for each in terminal_picture.COMMANDS if not each.startswith("promptlang run")]
    printed = terminal_picture.record_session(tuple(offline)).export_text()
    for line in filter(None, ("".join(line.split()) for line in printed.splitlines())):
        assert line in drawn


def drawn_lines(svg: str) -> set[str]:
    """Return the texts of a picture of a terminal, line by line, without blanks."""
    rows: dict[str, str] = {}
    for y, text in re.findall(r'<text [^>]*\by="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows[y] = rows.get(y, "") + html.unescape(text)
    return {"".join(row.split()) for row in rows.values()}


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 80
    assert "make demo" in readme
    assert "make test" in readme
    assert "docs/assets/session.svg" in readme


def test_the_changelog_says_nothing_twice() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (.+)$", text, re.M)
    assert versions[0] == "Unreleased"
    assert f"{promptlang.__version__}" in versions[1]
    assert set(re.findall(r"^### (.+)$", text, re.M)) <= {"Added", "Changed", "Fixed"}
    items = [
        " ".join(item.split()) for item in re.findall(r"^- (.+?)(?=^- |^#|\Z)", text, re.M | re.S)
    ]
    assert [item for item, count in Counter(items).items() if count > 1] == []


def test_the_workflow_tests_the_versions_of_python_that_the_package_declares() -> None:
    workflow = (ROOT / ".github/workflows/test.yml").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    declared = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert re.findall(r'"(3\.\d+)"', workflow) == declared


def test_the_extension_for_editors_has_the_version_of_the_package() -> None:
    extension = json.loads((ROOT / "editors/vscode/package.json").read_text("utf-8"))
    assert extension["version"] == promptlang.__version__


def test_the_hooks_of_the_project_accept_its_recipes() -> None:
    recipes = sorted(map(str, (ROOT / "recipes").glob("*.pl")))
    command = [sys.executable, "-m", "promptlang"]
    subprocess.run([*command, "fmt", "--check", *recipes], check=True, capture_output=True)
    subprocess.run([*command, "check", *recipes], check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("zensical") is None, reason="needs Python 3.11 and zensical")
def test_the_documentation_builds_without_a_warning() -> None:
    built = subprocess.run(
        [sys.executable, DOCS / "build.py"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    site = ROOT / "build/docs/site"
    assert "PL101" in (site / "reference/diagnostics/index.html").read_text("utf-8")
    assert "min-snr" in (site / "reference/options/index.html").read_text("utf-8")
