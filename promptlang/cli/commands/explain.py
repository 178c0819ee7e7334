"""``promptlang explain "a fox, [red:blue:0.5]"`` and ``promptlang explain PL303``.

A prompt is explained as tokens, weights, chunks and changes over the steps, a code as its entry in
the registry of diagnostics.
"""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from promptlang.cli.commands.files import (
    OK,
    USAGE,
    FileAccessError,
    LoadBackend,
    exit_code,
    read_prompt,
)
from promptlang.files import is_file
from promptlang.terminal import Terminal

NAME = "explain"
HELP = "show how a prompt is read, step by step, or what the code of a diagnostic means"

MERGES_FILE = "merges.txt"
"""The file of a tokenizer with its byte pairs."""

_CODE = re.compile(r"PL\d\w*", re.IGNORECASE | re.ASCII)
"""A word that is taken for a code: ``PL303``, or a typing error such as ``PL33``."""


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "prompt",
        metavar="PROMPT|CODE",
        help="a prompt, - for a prompt on standard input, or a code such as PL303",
    )
    parser.add_argument(
        "--steps",
        type=_steps,
        default=20,
        metavar="N",
        help="number of denoising steps (default: 20)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed that picks variants such as {red|blue} (default: 0)",
    )
    parser.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FOLDER",
        help="folder of a CLIP tokenizer with its merges.txt",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print JSON: tokens with weights and chunks, or the entry of the code",
    )


def _steps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ArgumentTypeError(f"the number of steps must be from 1 to 1000, not {text}")
    return int(text)


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Explain a prompt or a code; errors in the prompt are reported and make the exit code 1."""
    if _CODE.fullmatch(chosen.prompt):
        return _explain_code(chosen.prompt, terminal, as_json=chosen.json)
    return _explain_prompt(chosen, terminal)


def _explain_code(word: str, terminal: Terminal, *, as_json: bool) -> int:
    from promptlang.diagnostics.reference import rule_json
    from promptlang.diagnostics.registry import find_rule, nearest_code
    from promptlang.terminal.rule_entry import render_rule

    rule = find_rule(word)
    if rule is None:
        near = nearest_code(word)
        hint = f"; did you mean `{near}`?" if near else ""
        terminal.print_error(f"no diagnostic has the code `{word}`{hint}")
        return USAGE
    if as_json:
        terminal.write(json.dumps(rule_json(rule), indent=2))
    else:
        for each in render_rule(rule, terminal.console.width):
            terminal.show(each)
    return OK


def _explain_prompt(chosen: Namespace, terminal: Terminal) -> int:
    from promptlang.api.explaining import explain
    from promptlang.prompts.tokenizer import clip_tokenizer
    from promptlang.terminal.explanation import render_explanation

    folder = chosen.tokenizer
    try:
        if folder is not None and not is_file(folder / MERGES_FILE):
            raise FileNotFoundError(folder)
        tokenizer = None if folder is None else clip_tokenizer(folder, folder.name)
    except (OSError, ValueError) as error:
        raise FileAccessError(
            f"`{folder}` is not the folder of a CLIP tokenizer: it has no readable merges.txt"
        ) from error
    explained = explain(read_prompt(chosen.prompt), chosen.steps, tokenizer, seed=chosen.seed)
    if chosen.json:
        terminal.write(json.dumps(explained.to_json(), indent=2))
    else:
        for each in render_explanation(explained):
            terminal.show(each)
        terminal.report(explained.diagnostics)
    return exit_code(explained.diagnostics)
