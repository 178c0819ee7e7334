"""Commands of the REPL, which begin with a colon."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from textwrap import wrap
from typing import Final

from promptlang.grammar import reference, vocabulary
from promptlang.planning.session import Session
from promptlang.terminal import Terminal

_WIDTH: Final = 80
"""Columns of the help text."""

_NAME_WIDTH: Final = 18
"""Columns for a name that has the help line beside it."""

REPL_COMMANDS: dict[str, str] = {
    "help": "show examples, options and commands; `:help steps` shows one option",
    "list": "show the settings and LoRAs of this session",
    "quit": "end the session; Ctrl-D does the same",
}

_EXAMPLES = """\
A line is the prompt of a picture, unless it begins like a statement:

  a fox, (red:1.3), [blue] --seed 7              weights: more red, less blue
  train lora ink from "photos/ink" --rank 8      train on a folder of pictures
  a fox, <lora:ink:0.8>                          use the trained LoRA
  set steps 30                                   a default for the next pictures
  use model emoji                                the base model

While a bracket or a quoted text is open, Enter starts another line; a blank
line ends the input.
Ctrl-C stops a job or clears the line."""


def run_command(line: str, session: Session, terminal: Terminal) -> bool:
    """Run a command such as ``:list``; return False if the session ends."""
    name = line.removeprefix(":").strip()
    match name.split():
        case ["help"]:
            terminal.print_line(help_text())
        case ["help", option] if text := option_help(option.removeprefix("--")):
            terminal.print_line(text)
        case ["help", option]:
            terminal.print_error(f"there is no option `{option}`; `:help` lists them")
        case ["list"]:
            terminal.rows(session.describe())
        case ["quit"]:
            return False
        case _:
            terminal.print_error(_unknown(name))
    return True


def help_text() -> str:
    """Return the text of ``:help``: examples, then every option and command."""
    prompt = _listed("Options of a prompt, and of `set`", _described(vocabulary.SETTINGS.values()))
    trainings = {f"train {method}" for method in vocabulary.TRAINING_METHODS}
    options = [each for each in vocabulary.OPTIONS if trainings.intersection(each.heads)]
    training = _listed("Options of `train`", _described(options))
    commands = _listed("Commands", [(f":{name}", doc) for name, doc in REPL_COMMANDS.items()])
    return "\n\n".join([_EXAMPLES, prompt, training, commands])


def option_help(name: str) -> str:
    """Return the whole help on every option of a name or an alias, empty if there is none."""
    options = [
        each
        for each in vocabulary.OPTIONS
        if each.available
        and name in each.names
        and not set(each.heads) & set(vocabulary.UNAVAILABLE_STATEMENTS)
    ]
    texts = (
        _listed(", ".join(each.heads), [(f"--{each.name}", reference.describe_option(each))])
        for each in options
    )
    return "\n\n".join(texts)


def _described(options: Iterable[vocabulary.Option]) -> list[tuple[str, str]]:
    return [(f"--{each.name}", each.doc) for each in options if each.available]


def _listed(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return rows below a title, wrapped; a long name has a line of its own."""
    indent = " " * (_NAME_WIDTH + 3)
    lines = [f"{title}:"]
    for name, doc in rows:
        beside = len(name) <= _NAME_WIDTH
        lines += [] if beside else [f"  {name}"]
        first = f"  {name:<{_NAME_WIDTH}} " if beside else indent
        lines += wrap(
            doc, _WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
        )
    return "\n".join(lines)


def _unknown(name: str) -> str:
    close = get_close_matches(name, REPL_COMMANDS, n=1, cutoff=0.5)
    starting = [command for command in REPL_COMMANDS if name and command.startswith(name)]
    hint = (
        f"did you mean `:{(starting or close)[0]}`?" if starting or close else "`:help` lists them"
    )
    return f"there is no command `:{name}`; {hint}"
