"""``promptlang convert --from comfy --to a1111 "a (fox:1.2)"``"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from promptlang.cli.commands.files import LoadBackend, exit_code, read_prompt
from promptlang.dialects.conversion import DIALECT_NAMES, INFOTEXT
from promptlang.dialects.conversion import convert as converted
from promptlang.terminal import Terminal

NAME = "convert"
HELP = "say a prompt as another tool would"


def add(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument(
        "--from",
        dest="source",
        choices=(*DIALECT_NAMES, INFOTEXT),
        default="a1111",
        help="how it is written (default: a1111)",
    )
    parser.add_argument(
        "--to",
        dest="target",
        choices=DIALECT_NAMES,
        default="promptlang",
        help="how to write it (default: promptlang)",
    )
    parser.add_argument("prompt", metavar="PROMPT", help="the prompt, or - for standard input")


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Print the converted prompt; what it cannot say goes to standard error."""
    result = converted(read_prompt(chosen.prompt), source=chosen.source, target=chosen.target)
    terminal.report(result.diagnostics)
    terminal.print_line(result.text)
    return exit_code(result.diagnostics)
