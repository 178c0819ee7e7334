"""``promptlang make-emoji``: the training of the built-in model."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from promptlang.cli.commands.files import FAILED, OK, LoadBackend
from promptlang.plan.backend import load_model_builder
from promptlang.terminal import Terminal, display_events

NAME = "make-emoji"
HELP = "train the built-in model again, which takes hours and can be resumed"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/emoji"),
        help="folder for downloads and checkpoints (default: build/emoji)",
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Train the model and store it at its place in the package."""
    return OK if display_events(terminal, load_model_builder()(chosen.folder)) else FAILED
