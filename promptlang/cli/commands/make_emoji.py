"""``promptlang make-emoji``"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from promptlang.cli.commands.files import FAILED, OK, LoadBackend
from promptlang.plan.backend import load_model_builder
from promptlang.terminal import Terminal

NAME = "make-emoji"
HELP = "make the built-in model again: hours, resumable"


def add(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/emoji"),
        help="where downloads and checkpoints are kept",
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """The model is made in its place in the package."""
    return OK if terminal.display_events(load_model_builder()(chosen.folder)) else FAILED
