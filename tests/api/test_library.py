"""What `import promptlang` offers."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import promptlang
from promptlang import Disk, Source, check
from promptlang.diagnostics import Severity

PUBLIC = [
    "Converted",
    "Diagnostic",
    "Disk",
    "Explained",
    "Library",
    "Parsed",
    "Planned",
    "Position",
    "PromptError",
    "Resolved",
    "Session",
    "Severity",
    "Source",
    "Span",
    "World",
    "ast",
    "check",
    "convert",
    "expand",
    "explain",
    "format",
    "parse",
    "parse_prompt",
    "resolve",
    "walk",
]


def test_the_public_names_are_these_and_each_is_there() -> None:
    assert promptlang.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(promptlang))


def test_no_module_hides_a_function_of_its_name() -> None:
    for module in pkgutil.iter_modules(promptlang.__path__):
        if module.name not in ("__main__", "repl"):
            import_module(f"promptlang.{module.name}")
    modules = [name for name in PUBLIC if isinstance(getattr(promptlang, name), ModuleType)]
    assert modules == ["ast"]


def test_what_is_not_there_is_said_as_for_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'promptlang' has no attribute 'nothing'"):
        promptlang.nothing  # noqa: B018


def test_importing_it_reads_no_grammar() -> None:
    code = "import promptlang, sys; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_checking_a_text_looks_at_no_disk_and_takes_what_it_names_for_granted() -> None:
    text = 'use model "none"\ntrain lora x from "none"\na <lora:ink> (b --steps 0, <lora:ink>'
    assert [each.code for each in check("use model sd\ntrain lora x from none\n<lora:y> <z>")] == []
    assert check('train ti <b> from none --under "<lora:y>" --samples "a <b> and a <c>"') == ()
    assert [(each.code, each.span.first.line) for each in check(text)] == [
        ("PL001", 3),
        ("PL202", 3),
        ("PL201", 3),
    ]
    assert [each.code for each in check("<lora:a> <lora:a> --stpes 3")] == ["PL104", "PL102"]


def test_checking_a_text_may_look_at_a_disk(tmp_path: Path) -> None:
    source = Source("a <lora:ink>", "x.pl")
    (found,) = check(source, Disk(), tmp_path)
    assert (found.code, found.severity, found.span.source) == ("PL101", Severity.ERROR, source)
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters/ink.safetensors").touch()
    assert check(source, Disk(), tmp_path) == ()


def test_what_belongs_on_a_recipes_line_is_said_where_a_prompt_is_asked_for() -> None:
    for found in (
        promptlang.resolve("a fox --steps 30").diagnostics,
        promptlang.explain("a fox --steps 30").diagnostics,
        promptlang.convert("a fox --steps 30", source="a1111", target="comfy").diagnostics,
        promptlang.convert("a fox --steps 30", source="promptlang").diagnostics,
    ):
        assert [(each.code, each.span.text) for each in found] == [("PL019", "--steps 30")]
    assert promptlang.resolve(r"a fox \--steps 30, state--of--the--art").diagnostics == ()


def test_a_prompt_that_a_recipe_would_take_for_a_statement_is_said_to_need_render() -> None:
    for text in ("use model emoji", "let x", "render a fox"):
        (found,) = promptlang.convert(text, source="a1111").diagnostics
        assert (found.code, found.hint) == (
            "PL020",
            "in a recipe, write `render` before it if it is a prompt",
        )
    assert promptlang.convert("use model emoji", source="a1111", target="comfy").diagnostics == ()
    assert [each.code for each in promptlang.explain("use model emoji").diagnostics] == ["PL020"]
