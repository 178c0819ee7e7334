"""A name that becomes the name of a file is valid on every system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.options import invalid_name, unportable_name
from promptlang.source import Span

_NAME = re.compile(r"[\w-][\w.-]*")

_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)

MAX_NAME_BYTES = 200
"""The longest name of a training: the names of its files add some 50 bytes, and 255 are possible.
"""


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``train lora ../ink from "photos"``."""
    match scoped.statement:
        case (
            ast.TrainLora(name)
            | ast.TrainDreambooth(name)
            | ast.TrainTi(name)
            | ast.UseLora(_, ast.Word() as name)
            | ast.UseTi(_, ast.Word() as name)
        ):
            if not _NAME.fullmatch(name.value):
                yield invalid_name(name.value, name.span)
            elif not isinstance(scoped.statement, ast.UseLora | ast.UseTi):
                yield from _unportable(name.value, name.span)


def _unportable(name: str, span: Span) -> Iterator[Diagnostic]:
    """Check the name of a file that is to be written, and read on other systems."""
    if len(name.encode()) > MAX_NAME_BYTES:
        yield unportable_name(name, f"it is longer than {MAX_NAME_BYTES} bytes", span)
    elif _DEVICE.match(name):
        yield unportable_name(name, "Windows has a device of this name", span)
    elif name.endswith("."):
        yield unportable_name(name, "no name of a file ends in `.` on Windows", span)
