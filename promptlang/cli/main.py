"""The command line: its parser and its exit codes."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, TextIO

from promptlang.analysis.model_paths import ConfigurationError
from promptlang.cli.commands import COMMANDS
from promptlang.cli.commands.files import (
    FAILED,
    INTERRUPTED,
    OK,
    STANDARD_INPUT,
    USAGE,
    FileAccessError,
    LoadBackend,
)
from promptlang.cli.commands.run import run_files
from promptlang.files import is_file, printable
from promptlang.plan.backend import load_backend
from promptlang.terminal import Terminal, open_terminal
from promptlang.terminal.interrupt import StoppedBySignal

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

    The code is 0 for success, 1 for errors, 2 for wrong usage, 130 after Ctrl-C, and 143 after
    SIGTERM.
    """
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) == 1 and is_file(Path(words[0])):
        parser.error(f"no command; to run a recipe: promptlang run {words[0]}")
    chosen = parser.parse_args(words)
    terminal = open_terminal()
    try:
        code = _dispatch(chosen, terminal, load)
        terminal.flush()
        return code
    except (FileAccessError, ConfigurationError) as error:
        terminal.print_error(str(error))
        return USAGE
    except StoppedBySignal as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, is gone. Without this, Python reports a second error when it
        # flushes standard output at exit.
        _discard(sys.stdout)
        return OK
    except OSError as error:
        return _output_lost(error, terminal)


def _output_lost(error: OSError, terminal: Terminal) -> int:
    """Report that standard output or standard error takes nothing more, such as a full disk."""
    _empty(sys.stdout)
    _empty(sys.stderr)
    reason = (error.strerror or str(error)).lower()
    if error.filename is not None:
        terminal.print_error(f"`{error.filename}` cannot be read or written: {reason}")
    elif isinstance(error, FileNotFoundError):
        terminal.print_error("the working folder is gone")
    else:
        terminal.print_error(f"the output cannot be written: {reason}")
    return FAILED


def _empty(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        _discard(stream)


def _discard(stream: TextIO) -> None:
    """Send to nowhere what a stream still holds: Python would report it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Parser(ArgumentParser):
    """A parser whose errors quote the words of the command line in printable form."""

    def error(self, message: str) -> NoReturn:
        """Print an error and the usage, and exit with the code 2."""
        super().error(printable(message))


def _parser() -> ArgumentParser:
    parser = _Parser(
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
    if sys.stdin is not None and sys.stdin.isatty():
        from promptlang.repl import run_repl

        run_repl(terminal, load)
        return OK
    return run_files([STANDARD_INPUT], terminal, load)
