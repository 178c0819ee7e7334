"""The command line: its parser and its exit codes."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from promptlang.analysis.model_paths import ConfigurationError
from promptlang.cli.commands import COMMANDS
from promptlang.cli.commands.files import (
    INTERRUPTED,
    OK,
    STANDARD_INPUT,
    USAGE,
    FileAccessError,
    LoadBackend,
)
from promptlang.cli.commands.run import run_files
from promptlang.plan.backend import load_backend
from promptlang.terminal import Terminal, open_terminal

DESCRIPTION = """\
A language for personalised image generation: train a LoRA or a token from a few of your own
pictures, then use it by name in prompts. Without a command promptlang is interactive: type what
you want to see and press Enter."""

EPILOG = """\
examples:
  promptlang                     start an interactive session
  promptlang run portrait.pl     check a recipe, then train and render
  promptlang explain PL101       explain the code of a diagnostic
"""


def main(arguments: Sequence[str] | None = None, load: LoadBackend = load_backend) -> int:
    """Run a command line and return its exit code.

    The code is 0 for success, 1 for errors, 2 for wrong usage, and 130 after Ctrl-C.
    """
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) == 1 and Path(words[0]).is_file():
        parser.error(f"no command; to run a recipe: promptlang run {words[0]}")
    chosen = parser.parse_args(words)
    terminal = open_terminal()
    try:
        return _dispatch(chosen, terminal, load)
    except (FileAccessError, ConfigurationError) as error:
        terminal.print_error(str(error))
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, is gone. Without this, Python reports a second error when it
        # flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "promptlang",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"promptlang {version('promptlang-diffusers')}"
    )
    parser.set_defaults(do=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for each in COMMANDS:
        meaning = f"{each.HELP[0].upper()}{each.HELP[1:]}."
        command = commands.add_parser(each.NAME, help=each.HELP, description=meaning)
        each.add(command)
        command.set_defaults(do=each.run)
    return parser


def _dispatch(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:
    if chosen.do is not None:
        code: int = chosen.do(chosen, terminal, load)
        return code
    if sys.stdin.isatty():
        from promptlang.repl import run_repl

        run_repl(terminal, load)
        return OK
    return run_files([STANDARD_INPUT], terminal, load)
