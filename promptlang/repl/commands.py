"""The session's own words, which begin with a colon."""

from __future__ import annotations

from difflib import get_close_matches

from promptlang.grammar import vocabulary
from promptlang.planning.session import Session
from promptlang.terminal import Terminal

REPL_COMMANDS: dict[str, str] = {
    "help": "what can be written here",
    "list": "the settings and LoRAs of this session",
    "quit": "leave; so does Ctrl-D",
}

_EXAMPLES = """\
A line is a picture's prompt, unless it begins as a statement:

  a fox, (red:1.3), [blue] --seed 7              weights: more red, less blue
  train lora ink from "photos/ink" --rank 8      learn from a folder of pictures
  a fox, <lora:ink:0.8>                          use what was learned
  set steps 30                                   a default for what follows
  use model emoji                                the model to draw with

Enter goes on while a bracket or a text is open; a blank line ends it anyway.
Ctrl-C stops a job or clears the line."""


def run_command(line: str, session: Session, terminal: Terminal) -> bool:
    """Carry out ``:list``; False if the session is to end."""
    name = line.removeprefix(":").strip()
    match name:
        case "help":
            terminal.print_line(help_text())
        case "list":
            terminal.rows(session.describe())
        case "quit":
            return False
        case _:
            terminal.print_error(_unknown(name))
    return True


def help_text() -> str:
    """What ``:help`` says: examples, then every option and command."""
    prompt = _listed(
        "Options of a prompt",
        [(f"--{each.name}", each.doc) for each in vocabulary.SETTINGS.values()],
    )
    train = vocabulary.get_options("train lora").values()
    training = _listed("Options of `train lora`", [(f"--{each.name}", each.doc) for each in train])
    commands = _listed("Commands", [(f":{name}", doc) for name, doc in REPL_COMMANDS.items()])
    return "\n\n".join([_EXAMPLES, prompt, training, commands])


def _listed(title: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([f"{title}:", *(f"  {name:<11} {doc}" for name, doc in rows)])


def _unknown(name: str) -> str:
    close = get_close_matches(name, REPL_COMMANDS, n=1, cutoff=0.5)
    starting = [command for command in REPL_COMMANDS if name and command.startswith(name)]
    hint = (
        f"did you mean `:{(starting or close)[0]}`?" if starting or close else "`:help` lists them"
    )
    return f"there is no command `:{name}`; {hint}"
