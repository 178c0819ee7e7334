"""``promptlang explain "a fox, [red:blue:0.5]"``: tokens, weights, chunks, and what changes when."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from promptlang.cli.commands.files import FileAccessError, LoadBackend, exit_code, read_prompt
from promptlang.terminal import Terminal

NAME = "explain"
HELP = "show what each word of a prompt weighs, and what holds at which step"


def add(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("prompt", metavar="PROMPT", help="or - for standard input")
    parser.add_argument(
        "--steps", type=_steps, default=20, metavar="N", help="denoising steps (20)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="which of its variants to draw (0)"
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="a CLIP tokenizer's, with merges.txt"
    )
    parser.add_argument(
        "--json", action="store_true", help="as JSON, every token with its weight and chunk"
    )


def _steps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ArgumentTypeError(f"there are 1 to 1000 steps, not {text}")
    return int(text)


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Every text can be explained; what is wrong with it is said below, and makes the exit code 1."""
    from promptlang.api.explaining import explain
    from promptlang.prompts.tokenizer import clip_tokenizer
    from promptlang.terminal.explanation import render_explanation

    folder = chosen.tokenizer
    try:
        tokenizer = None if folder is None else clip_tokenizer(folder, folder.name)
    except (OSError, ValueError) as error:
        raise FileAccessError(
            f"`{folder}` is no CLIP tokenizer's: there is no merges.txt to read"
        ) from error
    explained = explain(read_prompt(chosen.prompt), chosen.steps, tokenizer, seed=chosen.seed)
    if chosen.json:
        terminal.write(json.dumps(explained.to_json(), indent=2))
    else:
        for each in render_explanation(explained):
            terminal.show(each)
        terminal.report(explained.diagnostics)
    return exit_code(explained.diagnostics)
