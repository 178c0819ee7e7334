"""Diagnostics on files and folders that a program names: PL301, PL304 to PL306, PL502."""

from __future__ import annotations

from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

_WHERE_PATHS_START = "a relative path starts in the folder of the recipe that names it"

MISSING_FOLDER = Rule(
    code="PL301",
    kind="missing-folder",
    title="There is no such folder",
    why="The folder that the program names does not exist. A relative path starts in the folder "
    "of the recipe, not in the folder from which promptlang is started.",
    fix="Correct the path, or make the folder.",
    bad='train lora ink from "no/such/folder"',
    good='train lora ink from "photos"',
)


def missing_folder(path: str, span: Span) -> Diagnostic:
    """Report ``train lora ink from "no/such/folder"``."""
    return MISSING_FOLDER.at(span, f"there is no folder `{path}`", _WHERE_PATHS_START)


MISSING_FILE = Rule(
    code="PL304",
    kind="missing-file",
    title="There is no such file",
    why="The file that the program names does not exist. A relative path starts in the folder of "
    "the recipe, not in the folder from which promptlang is started.",
    fix="Correct the path, or put the file there.",
    bad='use lora "no/such.safetensors" as ink',
    good='use lora "downloads/wash.safetensors" as ink',
)


def missing_file(path: str, span: Span) -> Diagnostic:
    """Report ``use lora "no/such/file" as ink``."""
    return MISSING_FILE.at(span, f"there is no file `{path}`", _WHERE_PATHS_START)


RECIPE_NOT_READABLE = Rule(
    code="PL305",
    kind="recipe-not-readable",
    title="An included recipe cannot be read",
    why="`include` reads the statements of another recipe, and that file is missing, may not be "
    "read by this user, or is not a recipe: the name of a recipe ends in `.pl`, and its text is in "
    "UTF-8. Other files are not read, so that their lines get into no picture's metadata.",
    fix="Correct the path, let the name end in `.pl`, or save the file as UTF-8.",
    bad='include "no/such.pl"',
    good='include "parts/base.pl"',
)


def not_a_recipe(path: str, span: Span) -> Diagnostic:
    """Report ``include "notes.txt"``."""
    message = f"`{path}` is not a recipe"
    hint = "`include` reads files whose names end in `.pl`"
    return RECIPE_NOT_READABLE.at(span, message, hint)


def recipe_not_readable(path: str, span: Span, reason: str = "") -> Diagnostic:
    """Report ``include "no/such/recipe.pl"``."""
    message = f"`{path}` cannot be read as a recipe" + (f": {reason}" if reason else "")
    return RECIPE_NOT_READABLE.at(span, message, "it should be a text file in UTF-8")


RECURSIVE_INCLUDE = Rule(
    code="PL306",
    kind="recursive-include",
    title="A recipe includes itself",
    why="The recipe includes itself, directly or through others, so reading it would never end.",
    fix="Remove one of the `include`s of the circle.",
    bad='include "circle.pl"',
)


def recursive_include(path: str, span: Span) -> Diagnostic:
    """Report ``include "self.pl"``."""
    message = f"`{path}` includes itself"
    return RECURSIVE_INCLUDE.at(span, message, "remove one of the `include`s of the circle")


TOO_MANY_INCLUDED = Rule(
    code="PL312",
    kind="too-many-included",
    title="The included recipes have too many statements",
    why="A recipe that is included twice stands for its statements twice. Where files include "
    "others twice, the statements double at each, so there is a limit.",
    fix="Include each recipe once.",
)


def too_many_included(limit: int, span: Span) -> Diagnostic:
    """Report the first statement of an included recipe beyond the limit."""
    message = f"the included recipes have more than {limit} statements; the rest is not read"
    return TOO_MANY_INCLUDED.at(span, message, "include each recipe once")


FILE_ACCESS_FAILED = Rule(
    code="PL502",
    kind="file-access-failed",
    title="A file cannot be read or written",
    why="The system refused to read or write the file: the disk is full, the user has no right "
    "to it, something else is in its place, or it has been moved in the meantime. The message "
    "quotes the system's reason.",
    fix="Make room on the disk, or correct the rights of the file and its folder, and run again: "
    "a training goes on where it stopped.",
)


def file_access_failed(file: Path, reason: str, span: Span) -> Diagnostic:
    """Report a full disk, or a folder without access."""
    message = f"`{file.name}` cannot be read or written: {reason}"
    return FILE_ACCESS_FAILED.at(span, message, "check the file's rights and the room on the disk")


def path_blocked(path: Path, reason: str, span: Span) -> Diagnostic:
    """Report a file in the place of a folder, or the other way round."""
    message = f"`{path.name}` cannot be written: {reason}"
    return FILE_ACCESS_FAILED.at(span, message, "move it to another name, or write elsewhere")
