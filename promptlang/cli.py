"""The command line: run recipes, check them, or talk."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from promptlang.backend import Backend, load_backend, load_maker
from promptlang.commands import convert
from promptlang.diagnostics import Diagnostic
from promptlang.plan import Plan
from promptlang.source import Source
from promptlang.terminal import Terminal, open_terminal
from promptlang.terminal.report import counted

FINE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = """\
A language for pictures: train a style from a few of your own, then ask for it by name.
Without a command it is interactive: type what you want to see and press Enter."""

EXAMPLES = """\
examples:
  promptlang                    type prompts, see pictures
  promptlang run portrait.pl    do what a recipe says, after checking all of it
"""

STANDARD_INPUT = "-"

LoadBackend = Callable[[], Backend]


class UnreadableError(Exception):
    """A recipe's file cannot be read; the message says which and why."""


def main(arguments: Sequence[str] | None = None, load: LoadBackend = load_backend) -> int:
    """Do what the command line asks; the exit code is 0 if all is fine, else 1, 2 (usage) or 130 (Ctrl-C)."""
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) == 1 and Path(words[0]).is_file():
        parser.error(f"no command; to run a recipe: promptlang run {words[0]}")
    chosen = parser.parse_args(words)
    terminal = open_terminal()
    try:
        if chosen.command == "convert":
            return convert.run(chosen, terminal)
        if chosen.command == "make-emoji":
            return FINE if terminal.draw(load_maker()(chosen.folder)) else FAILED
        return _dispatch(chosen.command, chosen.__dict__.get("files", [STANDARD_INPUT]), terminal, load)
    except UnreadableError as error:
        terminal.complain(str(error))
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "promptlang", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"promptlang {version('promptlang-diffusers')}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name, meaning in (
        ("run", "check recipes, then train and render what they say"),
        ("check", "say what is wrong with recipes, and run nothing"),
    ):
        command = commands.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        command.add_argument("files", nargs="+", metavar="FILE", help="a recipe, or - for standard input")
    convert.add(commands)
    make = commands.add_parser("make-emoji", help="make the built-in model again: hours, resumable")
    make.add_argument(
        "--folder", type=Path, default=Path("build/emoji"), help="where downloads and checkpoints are kept"
    )
    return parser


def _dispatch(command: str | None, files: Sequence[str], terminal: Terminal, load: LoadBackend) -> int:
    if command is None and sys.stdin.isatty():
        from promptlang.repl import converse

        converse(terminal, load)
        return FINE
    checked = _check(files)
    terminal.report(checked.diagnostics)
    if checked.failed:
        return FAILED
    if command == "check":
        terminal.say(f"{counted(checked.statements, 'statement')} fine")
        return FINE
    return _run(checked.plans, terminal, load)


@dataclass(frozen=True, slots=True)
class Checked:
    """What all the recipes of a command line come to."""

    plans: tuple[Plan, ...]
    diagnostics: tuple[Diagnostic, ...]
    statements: int
    failed: bool


def _check(files: Sequence[str]) -> Checked:
    """Check recipes, each on its own: what one sets or trains, another does not know."""
    from promptlang.session import Session  # Lark is not needed for --help

    sources = [_read(file) for file in files]
    sessions = [Session(_folder(file), _name(file)) for file in files]
    planned = [session.plan(source) for session, source in zip(sessions, sources, strict=True)]
    return Checked(
        tuple(each.plan for each in planned),
        tuple(diagnostic for each in planned for diagnostic in each.diagnostics),
        sum(each.statements for each in planned),
        any(each.failed for each in planned),
    )


def _folder(file: str) -> Path:
    return Path.cwd() if file == STANDARD_INPUT else Path(file).absolute().parent


def _name(file: str) -> str:
    return "picture" if file == STANDARD_INPUT else Path(file).stem


def _read(file: str) -> Source:
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UnreadableError(f"`{file}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"`{file}` is not text in UTF-8 (byte {error.start + 1})") from error
    return Source(text, "<stdin>" if file == STANDARD_INPUT else file)


def _run(plans: Sequence[Plan], terminal: Terminal, load: LoadBackend) -> int:
    if not any(plan.steps for plan in plans):
        return FINE
    try:
        with terminal.waiting("loading torch"):
            backend = load()
    except ImportError as error:
        terminal.lacks_runtime(error)
        return FAILED
    fine = [terminal.draw(backend.execute(plan)) for plan in plans]
    return FINE if all(fine) else FAILED
