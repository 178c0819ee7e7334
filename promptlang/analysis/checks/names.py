"""A name that becomes the name of a file is valid on every system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.options import invalid_name

_NAME = re.compile(r"[\w-][\w.-]*")


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
