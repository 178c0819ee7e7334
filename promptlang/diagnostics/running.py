"""Diagnostics on the machine, and on a training's own files: PL540 to PL544."""

from __future__ import annotations

from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

OUT_OF_MEMORY = Rule(
    code="PL540",
    kind="out-of-memory",
    title="The memory does not suffice",
    why="The picture or the training needs more memory than the device has free. The step makes "
    "nothing, and the steps after it go on.",
    fix="Take a smaller `--size`, `--batch` or `--n`, train with `--gradient-checkpointing`, or "
    "end other programs that use the device's memory.",
)


def out_of_memory(name: str, span: Span) -> Diagnostic:
    """Report an allocation that failed."""
    message = f"the memory does not suffice for {name}"
    hint = "take a smaller `--size` or `--batch`, or end other programs that use the memory"
    return OUT_OF_MEMORY.at(span, message, hint)


def picture_too_large(size: tuple[int, int], needed: int, total: int, span: Span) -> Diagnostic:
    """Report a picture whose decoding needs more bytes than the device has."""
    message = (
        f"a picture of {size[0]}x{size[1]} pixels needs {needed / 1e9:.0f} GB of memory or more, "
        f"and the device has {total / 1e9:.0f} GB"
    )
    return OUT_OF_MEMORY.at(span, message, "take a smaller `--size` or `--hires`")


LIBRARY_NOT_LOADED = Rule(
    code="PL541",
    kind="library-not-loaded",
    title="A library cannot be loaded",
    why="The step needs a Python package or a library of the system that is missing or damaged. "
    "The message quotes what Python says.",
    fix="Install the library for the Python that runs promptlang, then run again.",
)


def library_not_loaded(reason: str, span: Span) -> Diagnostic:
    """Report a module or a shared library that is missing."""
    message = f"a library cannot be loaded: {reason}"
    return LIBRARY_NOT_LOADED.at(span, message, "install it for this Python, then run again")


TRAINING_FILE_SET_ASIDE = Rule(
    code="PL542",
    kind="training-file-set-aside",
    title="A file of an unfinished training is damaged or missing",
    why="A training keeps its state beside its result: a checkpoint, the best weights so far, "
    "samples. This file is missing, cut short, changed, or something else under its name, so it "
    "is not used. A damaged file is moved to the name that the message tells.",
    fix="Nothing is to be done: the message says how the training goes on. The moved file may be "
    "deleted.",
    severity=Severity.WARNING,
)


def training_file_set_aside(
    path: Path, reason: str, kept: Path, consequence: str, span: Span
) -> Diagnostic:
    """Report a damaged file of a training, where it is kept, and how the training goes on."""
    place = f"{kept.parent.name}/{kept.name}"
    message = f"`{path.name}` is damaged ({reason}) and is kept as `{place}`; {consequence}"
    return TRAINING_FILE_SET_ASIDE.at(span, message, "it may be deleted")


def training_file_missing(path: Path, consequence: str, span: Span) -> Diagnostic:
    """Report weights that the checkpoint names and that are not there."""
    message = f"`{path.name}`, which the checkpoint names, is missing; {consequence}"
    return TRAINING_FILE_SET_ASIDE.at(span, message)


TRAINED_FILE_DAMAGED = Rule(
    code="PL543",
    kind="trained-file-damaged",
    title="The result of a training is damaged",
    why="The file says that this training made it, but its data are not the ones that were "
    "written: the disk has an error, or another program has changed the file.",
    fix="Nothing is to be done: it is trained again. If it happens again, check the disk.",
    severity=Severity.WARNING,
)


def trained_file_damaged(file: Path, span: Span) -> Diagnostic:
    """Report a finished adapter or model whose data have changed."""
    message = f"`{file.name}` is damaged: its data are not the ones that were trained"
    return TRAINED_FILE_DAMAGED.at(span, message, "it is trained again")


TRAINING_IN_USE = Rule(
    code="PL544",
    kind="training-in-use",
    title="Another process trains this at the moment",
    why="Two trainings of one name in one folder would overwrite each other's checkpoint, samples "
    "and metrics, so only one of them runs.",
    fix="Wait until the other process is done, then run again: the result is up to date by then. "
    "Or end the process that the message names, or train under another name.",
)


def training_in_use(name: str, holder: str, span: Span) -> Diagnostic:
    """Report a training that another process is running."""
    message = f"`{name}` is being trained by {holder}"
    hint = "wait until it is done and run again, or train under another name"
    return TRAINING_IN_USE.at(span, message, hint)
