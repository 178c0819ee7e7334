"""The reference pages that are generated from the code."""

from __future__ import annotations

import inspect
import re
from argparse import ArgumentParser, HelpFormatter
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import get_type_hints

import promptlang
from promptlang.cli.commands import COMMANDS
from promptlang.diagnostics.reference import diagnostics_page
from promptlang.grammar import vocabulary
from promptlang.grammar.reference import options_page

__all__ = ["commands_page", "diagnostics_page", "options_page", "python_page", "samplers_page"]


def samplers_page() -> str:
    """Return the page of samplers: names, those of A1111, and the spacings that they take."""
    rows = "\n".join(
        f"| `{name}` | {label} | {_spacings(name)} |" for name, label in vocabulary.SAMPLERS.items()
    )
    labels = "\n".join(f"| `{name}` | {label} |" for name, label in vocabulary.SCHEDULERS.items())
    return f"""# Samplers

`--sampler` takes a name of the first column. A1111's, ComfyUI's and diffusers' spellings are read,
too: `DPM++ 2M Karras` and `dpmpp_2m` both name `dpm++_2m`, the former with `--scheduler karras`.
Every sampler is the scheduler of diffusers with that name, and renders the same picture.

| `--sampler` | in A1111 | `--scheduler` |
|---|---|---|
{rows}

`--scheduler` spaces the noise levels (sigmas) of the steps; `karras` is equation 5 of
[Karras et al. 2022](https://arxiv.org/abs/2206.00364).

| `--scheduler` | in A1111 |
|---|---|
{labels}
"""


def _spacings(sampler: str) -> str:
    fixed = sampler in vocabulary.FIXED_SPACING_SAMPLERS
    names = ("normal", "sgm_uniform") if fixed else tuple(vocabulary.SCHEDULERS)
    return ", ".join(f"`{name}`" for name in names)


def commands_page() -> str:
    """Return the page of commands, from the parsers of the command line."""
    sections = [f"## promptlang {each.NAME}\n\n```text\n{_help(each)}\n```\n" for each in COMMANDS]
    return f"""# Commands

Without a command, `promptlang` is interactive: type a prompt or a statement and press Enter;
`:help` lists the session's own commands. The exit code is 0 if all is fine, 1 if a program has an
error, 2 if the command line has one, and 130 after Ctrl-C.

{chr(10).join(sections)}"""


def _help(command: object) -> str:
    parser = ArgumentParser(
        f"promptlang {command.NAME}",  # type: ignore[attr-defined]
        description=f"{command.HELP[0].upper()}{command.HELP[1:]}.",  # type: ignore[attr-defined]
        formatter_class=partial(HelpFormatter, width=88),
    )
    command.add(parser)  # type: ignore[attr-defined]
    return parser.format_help().strip()


def python_page() -> str:
    """Return the page of the library's public names, from their signatures and docstrings."""
    return "\n".join(
        [
            "# Python API",
            "",
            "`import promptlang` takes milliseconds and needs no torch. The public names are:",
            "",
            *(line for name in promptlang.__all__ for line in _entry(name)),
        ]
    )


def _entry(name: str) -> Iterator[str]:
    thing = getattr(promptlang, name)
    if isinstance(thing, ModuleType):
        yield from (f"## `promptlang.{name}`", "", _doc(thing), "")
        for node_name, node in sorted(vars(thing).items()):
            if inspect.isclass(node) and node.__module__.startswith(thing.__name__):
                yield f"- `{node_name}({', '.join(_fields(node))})`: {_doc(node).splitlines()[0]}"
        yield ""
        return
    yield from (
        f"## `{name}`",
        "",
        "```python",
        _signature(name, thing),
        "```",
        "",
        _doc(thing),
        "",
    )
    if not inspect.isclass(thing):
        return
    for member_name, member in vars(thing).items():
        if member_name.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"- `{member_name}`: {_doc(member.fget)}"
        elif inspect.isfunction(member):
            yield f"- `{_signature(member_name, member)}`: {' '.join(_doc(member).split())}"
    yield ""


def _signature(name: str, thing: object) -> str:
    if not inspect.isclass(thing):
        return f"{name}{_plain(str(inspect.signature(thing)))}"  # type: ignore[arg-type]
    fields = _fields(thing)
    return f"class {name}({', '.join(fields)})" if fields else f"class {name}"


def _fields(thing: type) -> list[str]:
    names = getattr(thing, "__dataclass_fields__", {})
    try:
        hints = get_type_hints(thing)
    except NameError:
        hints = {}
    return [f"{name}: {_plain(inspect.formatannotation(hints.get(name, 'Any')))}" for name in names]


def _plain(annotation: str) -> str:
    return re.sub(r"promptlang\.(?:\w+\.)*|collections\.abc\.|pathlib\.|'", "", annotation)


def _doc(thing: object) -> str:
    return inspect.getdoc(thing) or ""
