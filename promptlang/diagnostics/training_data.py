"""Diagnostics on the pictures and captions that a training reads, PL401 to PL409."""

from __future__ import annotations

from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

NO_PICTURES = Rule(
    code="PL401",
    kind="no-pictures",
    title="A folder or list holds no pictures",
    why="A training needs at least one picture, and none of the files has a kind that can be read.",
    fix="Put .png, .jpg or .webp files into the folder, or correct the path.",
    bad="train lora ink from empty",
    good="train lora ink from photos",
)


def no_pictures(path: str, span: Span) -> Diagnostic:
    """Report a folder without anything to train on."""
    message = f"there are no pictures in `{path}`"
    return NO_PICTURES.at(span, message, "put .png, .jpg or .webp files there")


PICTURE_NOT_READABLE = Rule(
    code="PL402",
    kind="picture-not-readable",
    title="A picture cannot be read",
    why="The file is cut short, damaged, or something else under the name of a picture.",
    fix="Remove the file, or replace it with a whole one.",
)


def picture_not_readable(file: Path, reason: str, span: Span) -> Diagnostic:
    """Report a damaged picture."""
    message = f"the picture `{file.name}` cannot be read: {reason}"
    return PICTURE_NOT_READABLE.at(span, message, "remove or replace it")


SMALL_PICTURES = Rule(
    code="PL403",
    kind="small-pictures",
    title="Pictures are much smaller than the training size",
    why="A picture that is enlarged more than twice is blurred, and the model learns the blur.",
    fix="Take larger pictures, or a smaller `--size`.",
    severity=Severity.WARNING,
)


def small_pictures(files: tuple[str, ...], size: tuple[int, int], span: Span) -> Diagnostic:
    """Report pictures of less than half the width or height of the training size."""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    message = (
        f"`{files[0]}`{more} must be enlarged more than twice, to {size[0]}x{size[1]}, "
        "and will teach a blur"
    )
    return SMALL_PICTURES.at(span, message, "put larger pictures there")


INVALID_METADATA_LINE = Rule(
    code="PL404",
    kind="invalid-metadata-line",
    title="A line of `metadata.jsonl` or `metadata.csv` cannot be used",
    why="Each line of `metadata.jsonl` is a JSON object with the name of a picture and its "
    "caption, each line of `metadata.csv` has them in columns that the first line names. This line "
    "is neither, or its caption is too long.",
    fix='Write the line as `{"file_name": "one.png", "text": "a cat"}`, in a table as '
    "`one.png,a cat` below `file_name,text`.",
)


def invalid_metadata_line(file: Path, line: int, reason: str, span: Span) -> Diagnostic:
    """Report a line of a `metadata.jsonl` or a `metadata.csv`."""
    message = f"line {line} of `{file.name}` cannot be used: {reason}"
    hint = 'write it as `{"file_name": "one.png", "text": "a cat"}`'
    if file.suffix == ".csv":
        hint = "write it as `one.png,a cat`, below a line `file_name,text`"
    return INVALID_METADATA_LINE.at(span, message, hint)


TOKEN_NOT_IN_CAPTIONS = Rule(
    code="PL405",
    kind="token-not-in-captions",
    title="No caption has the token that is trained",
    why="A token learns from the captions in which it stands. If no caption has it, nothing "
    "would be learned.",
    fix='Write the token into the captions, or add `--prompt "a picture of <token>"`.',
)


def token_not_in_captions(token: str, span: Span) -> Diagnostic:
    """Report captions that all lack the new token."""
    message = f"no caption has `<{token}>`"
    return TOKEN_NOT_IN_CAPTIONS.at(span, message, f'add `--prompt "a picture of <{token}>"`')


NO_TRAINING_PICTURES_LEFT = Rule(
    code="PL406",
    kind="no-training-pictures-left",
    title="All pictures are held out for validation",
    why="`--hold-out` takes pictures away from the training, and none is left to train on.",
    fix="Hold out fewer pictures, or add pictures.",
)


def no_training_pictures_left(span: Span) -> Diagnostic:
    """Report ``--hold-out 50%`` of a single picture."""
    message = "there is no picture left to train on"
    return NO_TRAINING_PICTURES_LEFT.at(span, message, "hold out fewer, or add pictures")


INVALID_LIST_LINE = Rule(
    code="PL407",
    kind="invalid-list-line",
    title="A line of a list of pictures leads to no picture",
    why="Each line of the list is a picture, a folder or a pattern such as `photos/*.png`, from "
    "the folder of the list. At this one there is no picture.",
    fix="Correct or remove the line.",
)


def invalid_list_line(file: Path, line: int, text: str, span: Span) -> Diagnostic:
    """Report a line of a list of pictures."""
    message = f"line {line} of `{file.name}` leads to no picture: `{text}`"
    hint = "write a picture, a folder or a pattern; its path starts in the folder of the list"
    return INVALID_LIST_LINE.at(span, message, hint)


TEXT_NOT_READABLE = Rule(
    code="PL408",
    kind="text-not-readable",
    title="A caption or a list of pictures cannot be read",
    why="The file is not a text in UTF-8 or UTF-16, or is larger than any such text. A caption "
    "that is guessed at would be learned wrongly. Where the name of the picture is its caption, "
    "the name has to be in UTF-8.",
    fix="Save the file as UTF-8, or rename the picture.",
)


def text_not_readable(reason: str, span: Span) -> Diagnostic:
    """Report a text that is not UTF-8, absurdly large, or no regular file, as the reason says."""
    hint = "captions and lists of pictures are regular files with texts in UTF-8"
    return TEXT_NOT_READABLE.at(span, reason, hint)


def name_not_unicode(file: Path, span: Span) -> Diagnostic:
    """Report a picture without a caption, whose name is in another encoding than UTF-8."""
    message = f"the name of `{file.name}` is not UTF-8, so it cannot be the caption"
    return TEXT_NOT_READABLE.at(span, message, "rename the picture, or write a text beside it")


CAPTION_TOO_LONG = Rule(
    code="PL409",
    kind="caption-too-long",
    title="A caption is longer than any model reads",
    why="A model reads 75 tokens at a time, and each further 75 take more memory in every step. A "
    "text of that length is seldom a caption.",
    fix="Shorten the caption, or put each of several captions into a line of its own.",
)


def caption_too_long(file: Path, line: int, limit: int, span: Span) -> Diagnostic:
    """Report a line of a caption's file with too many characters."""
    message = f"line {line} of `{file.name}` has more than {limit} characters"
    return CAPTION_TOO_LONG.at(span, message, "shorten the caption, or divide it into lines")
