"""Draw docs/assets/session.svg: a terminal session of real commands on the built-in model.

`make picture` runs it. The last command renders, so it needs torch.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from promptlang.cli import main as command_line
from promptlang.highlighting.token_patterns import TokenKind, split_tokens
from promptlang.terminal import Terminal
from promptlang.terminal.preview import preview_file

PICTURE = Path(__file__).parent / "assets" / "session.svg"
COLUMNS = 90
PREVIEW = (32, 16)
"""Columns and rows of the rendered picture."""

EXPLAINED = "a [fox:cat:0.5], (blue:1.3) <lora:ink:[0.2:0.8:0.4]>"
FILES = {
    "fox.pl": """\
use lora "ink.safetensors" as ink
a red fox, (blue:1.3) background <lora:inkk:0.8>    --seed 7
""",
    "cat.pl": "a cat, (blue:1.3) background    --seed 7 --steps 20\n",
    "ink.safetensors": "",
}
CHECKED = ("cat fox.pl", "promptlang check fox.pl")
COMMANDS = (
    *CHECKED,
    f"promptlang explain {shlex.quote(EXPLAINED)} --steps 10",
    "promptlang run cat.pl",
)
STYLES = {
    TokenKind.HEAD: "bold magenta",
    TokenKind.TAG: "green",
    TokenKind.OPTION: "cyan",
    TokenKind.STRING: "yellow",
    TokenKind.WEIGHT: "bright_red",
    TokenKind.BRACKET: "bold bright_blue",
}


def record_session(commands: tuple[str, ...] = COMMANDS) -> Console:
    """Run the commands in a folder of their own; return a console that has recorded the screen."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        force_interactive=False,
        color_system="truecolor",
        _environ={},
    )
    with _example_folder():
        for command in commands:
            console.print(Text.assemble(("$ ", "bold green"), command), soft_wrap=True)
            _run(shlex.split(command), console)
            console.print()
    return console


def draw() -> None:
    """Write the picture; remove the web font, so that viewing it needs no network."""
    svg = record_session().export_svg(title="promptlang", theme=MONOKAI, unique_id="session")
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), "utf-8")


@contextmanager
def _example_folder() -> Iterator[None]:
    before = Path.cwd()
    with TemporaryDirectory() as folder:
        for name, text in FILES.items():
            (Path(folder) / name).write_text(text, "utf-8")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _run(words: list[str], console: Console) -> None:
    if words[0] == "cat":
        text = Path(words[1]).read_text("utf-8")
        pieces = ((piece, STYLES.get(kind, "")) for kind, piece in split_tokens(text))
        console.print(Text.assemble(*pieces), end="", soft_wrap=True)
        return
    original = command_line.open_terminal
    command_line.open_terminal = lambda: Terminal(console, console)
    try:
        command_line.main(words[1:])
    finally:
        command_line.open_terminal = original
    for picture in sorted(Path("out").glob("*.png")):
        console.print(preview_file(picture, *PREVIEW), end="", soft_wrap=True)


if __name__ == "__main__":
    draw()
