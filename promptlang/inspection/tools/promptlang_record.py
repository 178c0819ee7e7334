"""promptlang's own pictures: the record that ``replay`` reads, beside A1111's text."""

from __future__ import annotations

from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.tools.a1111 import infotext_rows
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading
from promptlang.metadata import infotext, record


def read(texts: PictureTexts) -> Reading | None:
    """Read the record; its line is the one that was written."""
    text = texts.texts.get(record.PNG_TEXT_KEY)
    if text is None:
        return None
    try:
        made = record.read(text)
    except record.NotARecordError as error:
        raise DamagedTextError(f"`{record.PNG_TEXT_KEY}`: {error}") from error
    parameters = texts.texts.get("parameters", "")
    rows = [("line", made.source), *infotext_rows(parameters, infotext.read(parameters))]
    rows.append((f"sha256 of {made.model[0]}", made.model[1]))
    named = {"<lora:{}>": made.loras, "<{}>": made.embeddings, "--{}": made.pictures}
    for written, files in named.items():
        rows += (
            (written.format(name), f"{file}, sha256 {sha256}")
            for name, (file, sha256) in files.items()
        )
    rows += ((name, version) for name, version in made.versions.items())
    info = FileInfo("picture by promptlang", tuple(rows), made.source)
    return Reading(info, frozenset({record.PNG_TEXT_KEY, "parameters"}))
