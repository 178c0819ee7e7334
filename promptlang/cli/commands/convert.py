"""``promptlang convert --from comfy --to a1111 "a (fox:1.2)"``: a prompt for another tool."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from promptlang.cli.commands.files import LoadBackend, exit_code, read_prompt
from promptlang.dialects.conversion import DIALECT_NAMES, INFOTEXT
from promptlang.dialects.conversion import convert as convert_prompt
from promptlang.terminal import Terminal

NAME = "convert"
HELP = "translate a prompt between the languages of two tools"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "--from",
        dest="source",
        choices=(*DIALECT_NAMES, INFOTEXT),
        default="a1111",
        help="tool whose language the prompt is written in (default: a1111)",
    )
    parser.add_argument(
        "--to",
        dest="target",
        choices=DIALECT_NAMES,
        default="promptlang",
        help="tool whose language to write it in (default: promptlang)",
    )
    parser.add_argument(
        "prompt", metavar="PROMPT", help="a prompt, or - for a prompt on standard input"
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Print the converted prompt; what the target cannot express is reported."""
    result = convert_prompt(read_prompt(chosen.prompt), source=chosen.source, target=chosen.target)
    terminal.report(result.diagnostics)
    terminal.write(result.text)
    return exit_code(result.diagnostics)
