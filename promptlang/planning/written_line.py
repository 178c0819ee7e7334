"""A prompt's line as pictures state it: without remarks, and with names instead of paths."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from promptlang import ast
from promptlang.grammar import names, vocabulary

_REMARK: Final = re.compile(rf"(?<![ \t])[ \t]*{names.COMMENT_START}[^\n]*")


def without_remarks(text: str) -> str:
    """Return a prompt without ``# …``, and without the lines that are nothing else."""
    if "#" not in text:
        return text
    lines = (_REMARK.sub("", line) for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip()).strip()


def written_line(statement: ast.Picture) -> str:
    """Return the line; of a file only its name stays, since a folder may tell who its user is.

    A statement of a sweep lacks the options that count its pictures; they stay as they are written.
    """
    place, source = statement.span.start, statement.span.source
    words: list[str] = []
    options = sorted(statement.options, key=_start)
    for node in (statement.prompt, *(each for each in options if each.span.source is source)):
        words.append(without_remarks(source.span(place, max(place, node.span.start)).text))
        words.append(
            _option(node) if isinstance(node, ast.Option) else without_remarks(node.span.text)
        )
        place = max(place, node.span.end)
    words.append(without_remarks(source.span(place, max(place, statement.span.end)).text))
    return " ".join(word.strip() for word in words if word.strip())


def _start(option: ast.Option) -> int:
    return option.span.start


def _option(option: ast.Option) -> str:
    declared = vocabulary.get_options("prompt").get(option.name)
    is_file = declared is not None and declared.kind is vocabulary.Kind.FILE
    match option.value:
        case ast.String(value) | ast.Word(value) if is_file:
            name = PurePosixPath(PureWindowsPath(value).as_posix()).name
            return f'--{option.name} "{name}"'
        case ast.String(value) if "#" in value:
            quotes = '"""' if option.value.span.text.startswith('"""') else '"'
            return f"--{option.name} {quotes}{without_remarks(value)}{quotes}"
        case ast.String():
            return option.span.text
        case _:
            return without_remarks(option.span.text)
