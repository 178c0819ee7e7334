"""``promptlang make-emoji``: the training of the built-in model."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator
from pathlib import Path

from promptlang.cli.commands.files import FAILED, OK, LoadBackend
from promptlang.plan.backend import load_model_builder
from promptlang.plan.events import Event
from promptlang.terminal import Terminal, display_events

NAME = "make-emoji"
HELP = "train the built-in model again, which takes hours and can be resumed"

VARIANTS = ("continued", "few", "fresh", "64x16", "64x24", "64x32", "128x32")
STAGES = (
    "artwork",
    "sheets",
    "autoencoder",
    "autoencoder-check",
    "denoiser",
    "anneal",
    "decoder",
    "pipeline",
    "measure",
    "adapting",
)


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/emoji"),
        help="folder for downloads and checkpoints (default: build/emoji)",
    )
    parser.add_argument(
        "--variant",
        choices=VARIANTS,
        default="continued",
        help="go on from the shipped weights, start from nothing, or pilot an autoencoder",
    )
    parser.add_argument(
        "--stage",
        choices=STAGES,
        nargs="+",
        help="carry out these stages only, in this order",
    )
    parser.add_argument("--device", default="cpu", help="where to train: cpu, cuda, cuda:1")
    parser.add_argument("--steps", type=int, default=1500, help="length of the stage anneal (1500)")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that compose pictures beside a GPU"
    )
    parser.add_argument(
        "--scale", type=int, default=1, help="batches so many times larger, for a GPU"
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Carry out the stages; each resumes where it stopped."""
    try:
        make: Callable[..., Generator[Event, None, None]] = load_model_builder()
    except ImportError as error:
        terminal.report_missing_runtime(error)
        return FAILED
    stages = {"stages": tuple(chosen.stage)} if chosen.stage else {}
    resources = {"steps": chosen.steps, "workers": chosen.workers, "scale": chosen.scale}
    options = {"variant": chosen.variant, "device": chosen.device, "resources": resources}
    return OK if display_events(terminal, make(chosen.folder, **options, **stages)) else FAILED
