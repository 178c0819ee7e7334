"""Captions in files: a folder's metadata, and the text beside a picture.

The layout of ``metadata.jsonl`` and ``metadata.csv`` is that of Hugging Face's image folders:
https://huggingface.co/docs/datasets/image_dataset
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training_data import (
    caption_too_long,
    invalid_metadata_line,
    text_not_readable,
)
from promptlang.files import Json, UnreadableFileError, as_object, is_listed, parse_json, read_text
from promptlang.source import Span

METADATA_FILE: Final = "metadata.jsonl"
"""The file with captions, a JSON object in each line."""

METADATA_TABLE: Final = "metadata.csv"
"""The same as a table, with the names of the columns in its first line."""

CAPTION_SUFFIXES: Final = (".txt", ".caption")
"""The endings of the file with a picture's caption; kohya's scripts write the latter."""

MAX_METADATA_BYTES: Final = 2**26
"""The largest metadata, in bytes: 300,000 captions fit."""

MAX_TEXT_BYTES: Final = 2**18
"""The largest text beside a picture, in bytes."""

MAX_CAPTIONS: Final = 1000
"""Captions of a picture, one of which is drawn each time."""

MAX_CAPTION_LENGTH: Final = 10_000
"""Characters of a caption: about 30 chunks of 75 tokens, all of which the UNet would read."""

MAX_PROBLEMS: Final = 10
"""The lines of a file that get a diagnostic."""

_NAME: Final = "file_name"
_CAPTION_KEYS: Final = ("text", "caption", "prompt")
_DELIMITERS: Final = ",;\t"

Captions = tuple[str, ...]


Named = tuple[str, Captions]
"""A picture's name with its captions."""

Lines = Iterator[tuple[int, Named | str]]
"""Lines of metadata by their numbers; a text is the reason that a line cannot be used."""


def read_metadata(folder: Path, span: Span) -> Mapping[str, Captions]:
    """Return the captions in a folder's metadata by file; several lines may name one picture.

    Raises `PromptError` for a file that cannot be read, and for lines that cannot be used.
    """
    captions: dict[str, Captions] = {}
    problems: list[Diagnostic] = []
    for name, read in ((METADATA_FILE, _json_lines), (METADATA_TABLE, _table_lines)):
        file = folder / name
        if not is_listed(file):
            continue
        try:
            for number, line in read(read_text(file, MAX_METADATA_BYTES)):
                if isinstance(line, str):
                    problems.append(invalid_metadata_line(file, number, line, span))
                else:
                    captions[line[0]] = (*captions.get(line[0], ()), *line[1])
        except UnreadableFileError as error:
            problems.append(text_not_readable(str(error), span))
    if problems:
        raise PromptError(problems[:MAX_PROBLEMS])
    return captions


def _json_lines(text: str) -> Lines:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _record(line)


def _record(line: str) -> Named | str:
    try:
        return _named(as_object(parse_json(line, strict=True)))
    except UnreadableFileError as error:
        return "it is not JSON" if error.__cause__ else str(error)


def _named(fields: Mapping[str, Json]) -> Named | str:
    """Return the name and the captions in the fields of a line, or the reason for none."""
    key = next((key for key in _CAPTION_KEYS if fields.get(key) is not None), _CAPTION_KEYS[0])
    missing = next((each for each in (_NAME, key) if fields.get(each) is None), None)
    if missing is not None:
        return f"it has no `{missing}`"
    name, value = fields[_NAME], fields[key]
    texts = value if isinstance(value, list) else [value]
    captions = tuple(" ".join(text.split()) for text in texts if isinstance(text, str))
    if not isinstance(name, str) or len(captions) < len(texts):
        return "its fields are not texts"
    if len(captions) > MAX_CAPTIONS:
        return f"it has more than {MAX_CAPTIONS} captions"
    if any(len(caption) > MAX_CAPTION_LENGTH for caption in captions):
        return f"its caption has more than {MAX_CAPTION_LENGTH} characters"
    return name, captions


def _table_lines(text: str) -> Lines:
    delimiter = _delimiter(text.partition("\n")[0])
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, restkey="", strict=True)
    try:
        missing = _missing_column(rows.fieldnames or ())
        if missing:
            yield 1, f"it has no column `{missing}`"
            return
        for row in rows:
            too_long = row.get("") is not None
            yield rows.line_num, "it has too many fields" if too_long else _named(row)
    except csv.Error as error:
        yield rows.reader.line_num, f"it is not CSV: {error}"


def _delimiter(first_line: str) -> str:
    """Return the delimiter by which the first line has a column for names, else a comma."""
    for each in _DELIMITERS:
        if _NAME in (column.strip().strip('"') for column in first_line.split(each)):
            return each
    return ","


def _missing_column(columns: Sequence[str]) -> str:
    if _NAME not in columns:
        return _NAME
    return "" if any(key in columns for key in _CAPTION_KEYS) else _CAPTION_KEYS[0]


def read_caption_file(picture: Path, span: Span) -> Captions | Diagnostic | None:
    """Return the captions in the text beside a picture, a line each; None if there is no text."""
    file = next(filter(is_listed, map(picture.with_suffix, CAPTION_SUFFIXES)), None)
    if file is None:
        return None
    try:
        text = read_text(file, MAX_TEXT_BYTES)
    except UnreadableFileError as error:
        return text_not_readable(str(error), span)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_CAPTION_LENGTH:
            return caption_too_long(file, number, MAX_CAPTION_LENGTH, span)
    captions = tuple(line for line in lines if line)
    if len(captions) > MAX_CAPTIONS:
        reason = f"`{file.name}` has more than {MAX_CAPTIONS} captions"
        return text_not_readable(reason, span)
    return captions or ("",)


def is_unicode(text: str) -> bool:
    """Return whether a text has no halves of characters, which stand for bytes of other codes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
