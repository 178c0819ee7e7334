"""``promptlang info picture.png ink.safetensors``: the metadata of pictures and adapters."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from promptlang.cli.commands.files import FAILED, OK, LoadBackend
from promptlang.files import printable
from promptlang.terminal import Terminal

NAME = "info"
HELP = "show how a picture was made, or what kind of adapter a file is"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a picture, an adapter, or a folder in the layout of PEFT",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object per line, one for each file"
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Describe each file; one that cannot be read does not stop the others."""
    readable = [_describe(file, terminal, as_json=chosen.json) for file in chosen.files]
    return OK if all(readable) else FAILED


def _describe(file: str, terminal: Terminal, *, as_json: bool) -> bool:
    from promptlang.files import UnreadableFileError
    from promptlang.inspection.inspect_file import inspect

    try:
        found = inspect(Path(file))
    except ImportError as error:
        terminal.report_missing_runtime(error)
        return False
    except UnreadableFileError as error:
        terminal.print_error(str(error))
        return False
    if as_json:
        terminal.write(json.dumps({"file": file, **found.to_json()}, ensure_ascii=False))
        return True
    terminal.print_line(f"{printable(file)}: {printable(found.kind)}")
    terminal.rows(found.rows)
    if found.line:
        terminal.print_line(f"\n{found.line}")
    for each in found.lost:
        terminal.print_line(f"  but {printable(each)}")
    return True
