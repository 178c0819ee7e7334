"""``promptlang ast portrait.pl``: the syntax tree, as an outline or as JSON."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from promptlang.cli.commands.files import LoadBackend, exit_code, read_source
from promptlang.terminal import Terminal

NAME = "ast"
HELP = "print the syntax tree of a recipe"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("file", metavar="FILE", help="a recipe, or - for standard input")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with the place of each node"
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Print the tree; text that cannot be read is left out, reported, and makes the exit code 1."""
    from promptlang.syntax.parser import parse
    from promptlang.syntax.tree_json import tree_json, tree_lines

    parsed = parse(read_source(chosen.file))
    if chosen.json:
        terminal.write(tree_json(parsed.program))
    else:
        for line in tree_lines(parsed.program):
            terminal.write(line)
    terminal.report(parsed.diagnostics)
    return exit_code(parsed.diagnostics)
