"""``promptlang convert --from comfy --to a1111 "a (fox:1.2)"``"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction

from promptlang.conversion import INFOTEXT, NAMES
from promptlang.conversion import convert as converted
from promptlang.diagnostics import Severity
from promptlang.terminal import Terminal

FINE, FAILED = 0, 1


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """The command and its options."""
    meaning = "say a prompt as another tool would"
    command = commands.add_parser("convert", help=meaning, description=f"{meaning.capitalize()}.")
    command.add_argument(
        "--from", dest="source", choices=(*NAMES, INFOTEXT), default="a1111", help="how it is written (default: a1111)"
    )
    command.add_argument(
        "--to", dest="target", choices=NAMES, default="promptlang", help="how to write it (default: promptlang)"
    )
    command.add_argument("prompt", metavar="PROMPT", help="the prompt, or - for standard input")


def _standard_input() -> str:
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace").replace("\r\n", "\n").removesuffix("\n")


def run(chosen: Namespace, terminal: Terminal) -> int:
    """Print the converted prompt; what it cannot say goes to standard error."""
    text = _standard_input() if chosen.prompt == "-" else chosen.prompt
    result = converted(text, source=chosen.source, target=chosen.target)
    terminal.report(result.diagnostics)
    terminal.say(result.text)
    return FAILED if any(each.severity is Severity.ERROR for each in result.diagnostics) else FINE
