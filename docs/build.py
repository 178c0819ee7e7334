"""Build the documentation site in build/docs/site: written and generated pages, by zensical.

The pages are laid out by this script and not by a plug-in, so another site generator could build
them. Zensical is the successor of mkdocs-material, by the same authors; of the two it is the one
that is developed further.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from os.path import relpath
from pathlib import Path, PurePosixPath

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS))

import reference_pages  # noqa: E402  # a neighbour, not a package

BUILD = ROOT / "build" / "docs"
COPIED: Mapping[str, str] = {
    "grammar/README.md": "reference/language.md",
    "recipes/README.md": "guides/recipes.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
}
"""The repository's own documents, and the pages that they become."""

GENERATED: Mapping[str, Callable[[], str]] = {
    "reference/options.md": reference_pages.options_page,
    "reference/samplers.md": reference_pages.samplers_page,
    "reference/commands.md": reference_pages.commands_page,
    "reference/diagnostics.md": reference_pages.diagnostics_page,
    "reference/python.md": reference_pages.python_page,
}

_TABLE_CODE = re.compile(r"`([^`]*\\\|[^`]*)`")
_LINK = re.compile(r"\[([^\]\n]*)\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)")


def main() -> int:
    """Write the pages, build the site strictly (broken links are errors), return the exit code."""
    shutil.rmtree(BUILD, ignore_errors=True)
    write_pages(BUILD / "pages")
    shutil.copy(DOCS / "zensical.toml", BUILD)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file"]
    return subprocess.run([*command, BUILD / "zensical.toml"], check=False).returncode


def write_pages(folder: Path) -> None:
    """Write every page of the site as Markdown."""
    for source in (*DOCS.rglob("*.md"), *DOCS.rglob("*.svg")):
        _write(folder / source.relative_to(DOCS), source.read_text("utf-8"))
    for name, page in COPIED.items():
        _write(folder / page, relink((ROOT / name).read_text("utf-8"), name, page))
    for page, make in GENERATED.items():
        _write(folder / page, make())


def relink(text: str, name: str, page: str) -> str:
    """Point links between the repository's documents at pages; other files become plain text."""

    def target(link: re.Match[str]) -> str:
        label, path, anchor = link.groups()
        file = relpath(ROOT / PurePosixPath(name).parent / path, ROOT)
        if file not in COPIED:
            return label
        return f"[{label}]({relpath(COPIED[file], PurePosixPath(page).parent)}{anchor or ''})"

    return _LINK.sub(target, text)


def show_bars(text: str) -> str:
    r"""Turn code with a ``\|`` in a table into HTML: Python-Markdown would show the backslash."""
    return re.sub(r"^\|.*", lambda row: _TABLE_CODE.sub(_code, row[0]), text, flags=re.MULTILINE)


def _code(span: re.Match[str]) -> str:
    code = span[1].replace(r"\|", "|")
    code = span[1] if "\\" in code else code  # escapes are shown where they are the subject
    escaped = (each if each.isalnum() or each == " " else f"&#{ord(each)};" for each in code)
    return f"<code>{''.join(escaped)}</code>"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(show_bars(text) if file.suffix == ".md" else text, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
