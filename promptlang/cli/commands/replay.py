"""``promptlang replay picture.png``: render a picture again from its metadata."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from promptlang.analysis.model_paths import load_model_paths
from promptlang.analysis.scope import ADAPTERS, EMBEDDINGS
from promptlang.cli.commands.files import FAILED, OK, LoadBackend
from promptlang.files import UnreadableFileError, is_file, is_folder, printable
from promptlang.metadata import record
from promptlang.metadata.record import FileHashes, NotARecordError, Record, RecordFiles
from promptlang.plan.steps import EMOJI, Model, Plan
from promptlang.terminal import Terminal, display_events

NAME = "replay"
HELP = "render a picture again from its metadata, and compare the two"

_DIFFERENT_SIZES: Final = 256
"""The difference of two pictures of different sizes, above that of any two grey levels."""


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("picture", metavar="PICTURE", type=Path, help="a PNG that promptlang made")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="the PNG to write (default: PICTURE-replay.png)"
    )
    parser.add_argument(
        "--model",
        metavar="PATH",
        type=Path,
        help="the base model, needed unless it is the built-in one",
    )
    parser.add_argument(
        "--vae", metavar="PATH", type=Path, help="the VAE, needed unless it is that of the model"
    )
    parser.add_argument(
        "--from",
        metavar="FOLDER",
        dest="folders",
        type=Path,
        action="append",
        default=[],
        help="further folder with adapters and initial pictures; may be repeated",
    )
    parser.add_argument(
        "--hub",
        action="store_true",
        help="fetch the model that the picture names from its hub",
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:
    """Render the picture again; the exit code is 1 if that fails or the picture differs."""
    try:
        return _replay(chosen, terminal, load)
    except (NotARecordError, UnreadableFileError, LookupError) as error:
        terminal.print_error(f"`{chosen.picture.name}` cannot be rendered again: {error.args[0]}")
    except ImportError as error:
        terminal.report_missing_runtime(error)
    return FAILED


def _replay(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:
    before = _record(chosen.picture)
    file = chosen.out or chosen.picture.with_name(f"{chosen.picture.stem}-replay.png")
    folders = (*chosen.folders, chosen.picture.parent, chosen.picture.parent.parent, Path.cwd())
    model = _model(before, chosen)
    step = record.render_from_record(before, _places(before, folders, model, file))
    with terminal.waiting("loading torch"):
        backend = load()
    if not display_events(terminal, backend.execute(Plan((step,)))):
        return FAILED
    difference = _max_difference(chosen.picture, file)
    if difference:
        terminal.print_line(printable(_difference_message(difference, before, _record(file))))
        return FAILED
    terminal.print_line("the same picture, bit for bit")
    return OK


def _record(file: Path) -> Record:
    from promptlang.inspection.image_texts import read_image_texts

    texts = read_image_texts(file).texts
    if record.PNG_TEXT_KEY not in texts:
        raise NotARecordError(
            "its metadata has no record of promptlang, or another program has removed it"
        )
    return record.read(texts[record.PNG_TEXT_KEY])


def _model(made: Record, chosen: Namespace) -> Model:
    """Return the model of a record; raises LookupError if its place is not known.

    A picture may come from anywhere, so that what it names is fetched only if the user says so.
    """
    name, _ = made.model
    path, vae = chosen.model, chosen.vae
    hub = made.hub and path is None
    if hub and not chosen.hub:
        raise LookupError(
            f"it was made with the model `{name}` of a hub; fetch it with `--hub`, or name its "
            "place with `--model PATH`"
        )
    if path is None and name != EMOJI.name and not hub:
        raise LookupError(
            f"it was made with the model `{name}`; name its place with `--model PATH`"
        )
    if made.vae and vae is None:
        raise LookupError(
            f"it was made with the VAE `{made.vae}`; name its place with `--vae PATH`"
        )
    return Model(name, path, vae, hub=hub, prediction=made.prediction)


def _places(made: Record, folders: tuple[Path, ...], model: Model, file: Path) -> RecordFiles:
    """Return the files of a record; raises LookupError for one that is in no folder."""
    return RecordFiles(
        model=model,
        loras=_located(made.loras, folders, ("loras", ADAPTERS)),
        embeddings=_located(made.embeddings, folders, ("embeddings", EMBEDDINGS, ADAPTERS)),
        pictures=_located(made.pictures, folders, ("",)),
        file=file,
    )


def _located(
    files: FileHashes, folders: tuple[Path, ...], kinds: tuple[str, ...]
) -> dict[str, Path]:
    """Return the places of files.

    Each folder is searched after its subfolders that are named in `kinds`, then the configured
    folders of the first kind.
    """
    shelf, *within = kinds
    places = [folder / each for folder in folders for each in (*within, "")]
    places += (
        dict.fromkeys(file.parent for file in load_model_paths().shelves[shelf].files.values())
        if shelf
        else []
    )
    return {name: _found(file, places) for name, (file, _) in files.items()}


def _found(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        place = folder / name
        if Path(name).name == name and (is_file(place) or is_folder(place)):
            return place
    raise LookupError(f"there is no `{name}` beside it; name its folder with `--from FOLDER`")


def _max_difference(one: Path, other: Path) -> int:
    """Return the largest difference of two pictures in grey levels, 256 for different sizes."""
    from PIL import ImageChops

    from promptlang.files.images import load_image

    before, after = load_image(one), load_image(other)
    if before.size != after.size:
        return _DIFFERENT_SIZES
    extrema = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getextrema()
    return max(int(high) for _, high in extrema)  # type: ignore[misc]


def _difference_message(difference: int, before: Record, after: Record) -> str:
    """Return the message for a picture that differs, with the likely reasons."""
    reasons = list(_changes(before, after)) or ["another machine, or another number of threads"]
    return f"not the same picture: up to {difference} of 255 apart ({'; '.join(reasons)})"


def _changes(before: Record, after: Record) -> Iterator[str]:
    if before.model[1] != after.model[1]:
        yield f"the model `{before.model[0]}` is another one now"
    kinds = {
        "the LoRA": (before.loras, after.loras),
        "the token": (before.embeddings, after.embeddings),
        "the picture of": (before.pictures, after.pictures),
    }
    for kind, (old, new) in kinds.items():
        yield from (f"{kind} `{name}` has changed" for name in old if old[name] != new.get(name))
    for name, version in before.versions.items():
        if after.versions.get(name) != version:
            yield f"{name} was {version} then and is {after.versions.get(name)} now"
