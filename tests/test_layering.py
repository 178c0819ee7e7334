"""Who may know whom: ARCHITECTURE.md, kept by reading the import statements."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib")  # Python 3.11

ROOT = Path(__file__).parent.parent
TERMINAL = ("cli", "terminal", "repl", "__main__")
PLAIN_DATA = {
    *("grammar", "source", "diagnostics", "plan", "files"),
    *("inspection", "metadata", "__version__"),
}
ALGORITHMS = {"prompts", "datasets"}
"""Rooms that both sides use, so that they agree: `explain` cuts a prompt into the chunks that are
rendered, a caption is read like a prompt, and `check data` finds the pictures of the training."""


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """The absolute modules and names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_terminal(file: Path) -> bool:
    return file.relative_to(ROOT / "promptlang").parts[0].removesuffix(".py") in TERMINAL


def test_the_grammar_imports_the_standard_library_only() -> None:
    for file in files("grammar"):
        assert {name.split(".")[0] for name in imports(file)} <= sys.stdlib_module_names


def test_the_language_names_the_runtime_in_one_function_only() -> None:
    naming = {
        file.name
        for file in files("promptlang")
        if any("promptlang.runtime" in name for name in imports(file))
    }
    assert naming == {"backend.py"}


def test_the_runtime_knows_only_plain_data_of_the_language() -> None:
    for file in files("runtime"):
        known = {name.split(".")[1] for name in imports(file) if name.startswith("promptlang.")}
        assert known <= PLAIN_DATA | ALGORITHMS, file


EVERYTHING = """
import importlib, pkgutil, sys
import promptlang.runtime
for module in pkgutil.walk_packages(promptlang.runtime.__path__, "promptlang.runtime."):
    importlib.import_module(module.name)
print("\\n".join(sys.modules))
"""


@pytest.mark.slow
def test_importing_all_of_the_runtime_loads_no_room_of_syntax_and_no_parser() -> None:
    """What it loads through others counts, too; reading the first caption loads the parser."""
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    rooms = {name.split(".")[1] for name in loaded if name.startswith("promptlang.")}
    assert rooms <= PLAIN_DATA | ALGORITHMS | {"grammar", "runtime"}
    assert not loaded & {"lark", "rich", "prompt_toolkit"}


def arrows() -> dict[str, set[str]]:
    """The rooms that each room of the language imports, wherever in its modules."""
    found: dict[str, set[str]] = {}
    for file in files("promptlang"):
        room, *inside = file.relative_to(ROOT / "promptlang").parts
        if inside:
            known = {name.split(".")[1] for name in imports(file) if name.startswith("promptlang.")}
            found.setdefault(room, set()).update(known - {room})
    return found


def test_no_room_of_the_language_imports_one_that_imports_it() -> None:
    left = arrows()
    while left:
        free = {room for room, known in left.items() if not known & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {room: known for room, known in left.items() if room not in free}


def test_only_the_terminal_draws_prompts_and_reads_the_environment() -> None:
    for file in [
        *files("grammar"),
        *files("runtime"),
        *(f for f in files("promptlang") if not is_terminal(f)),
    ]:
        roots = {name.split(".")[0] for name in imports(file)}
        assert not roots & {"rich", "prompt_toolkit"}, file
        calls = {
            n.func.id
            for n in ast.walk(ast.parse(file.read_text()))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert not calls & {"print", "input"}, file
        assert "os.environ" not in file.read_text("utf-8"), file


@pytest.mark.parametrize("module", ["torch", "diffusers", "transformers", "prompt_toolkit", "rich"])
def test_importing_the_language_leaves_the_heavy_libraries_out(module: str) -> None:
    code = f"import promptlang, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_package_is_listed_for_the_wheel() -> None:
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        ".".join(
            (
                "promptlang" if root == "promptlang" else f"promptlang.{root}",
                *file.parent.relative_to(ROOT / root).parts,
            )
        )
        for root in ("promptlang", "grammar", "runtime")
        for file in (ROOT / root).rglob("__init__.py")
    }
    assert listed == found
