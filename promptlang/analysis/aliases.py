"""Replaces the aliases of options by the options' names."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

from promptlang import ast
from promptlang.analysis.statements import statement_head, statement_options
from promptlang.grammar import vocabulary

_FLAG = re.compile(r'--([^\s=,"\[]+)')


def written_name(option: ast.Option) -> str:
    """Return an option's name as the program spells it, which may be an alias."""
    written = _FLAG.match(option.span.text)
    name = option.name if written is None else written[1]
    return name.removeprefix("no-") if option.negated else name


def without_aliases(statement: ast.Statement) -> ast.Statement:
    """Return the statement with ``--clip 1`` as ``--max-grad-norm 1``; spans stay as written."""
    if isinstance(statement, ast.Set):
        key, names = statement.key, vocabulary.option_aliases("set")
        return replace(statement, key=replace(key, value=names.get(key.value, key.value)))
    names = vocabulary.option_aliases(statement_head(statement) or "")
    written = statement_options(statement)
    if not any(option.name in names for option in written):
        return statement
    options = [replace(option, name=names.get(option.name, option.name)) for option in written]
    # Only classes with the field `options` come here, which the union cannot express.
    changed: ast.Statement = replace(cast("Any", statement), options=tuple(options))
    return changed
