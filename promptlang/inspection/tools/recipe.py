"""A line of a recipe that is put together from the fields of another tool's metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

from promptlang.diagnostics import dialects as messages
from promptlang.dialects.conversion import convert
from promptlang.dialects.recipe_lines import (
    describe_quotes,
    escape_remarks,
    format_recipe_line,
    is_impossible_spacing,
    to_option,
)
from promptlang.files import Json, as_number
from promptlang.inspection.file_info import FileInfo, describe_losses
from promptlang.source import Source

MAX_LENGTH: Final = 100_000
"""Characters of a prompt that becomes a line of a recipe."""

TOO_LONG: Final = f"the prompt has over {MAX_LENGTH:,} characters, so no line is made of it"

ORDER: Final = ("seed", "steps", "cfg", "size", "clip-skip", "eta", "sampler", "scheduler")
"""The options of a line, in the order in which they are written."""

DEFAULT_SCHEDULES: Final = frozenset(
    {"normal", "native", "automatic", "auto", "default", "discrete", "none"}
)
"""Names of the spacing that a sampler has by itself."""

_SCHEDULE_OPTION: Final = " --scheduler "


class Recipe:
    """Rows, options, LoRAs and losses; each field of the metadata goes into one of them."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._prompts: dict[str, str] = {}
        self._options: dict[str, str] = {}
        self._loras: dict[str, None] = {}
        self._left_out: dict[str, None] = {}
        self.rows: list[tuple[str, str]] = []
        self.lost: list[str] = []
        """What the line does not say, in words."""
        self.rewrite: Callable[[str], str] = _same
        """A function that replaces what the dialect's reader does not know in a prompt."""

    def add_text(self, kind: str, name: str, value: Json) -> None:
        """Add the ``prompt`` or the ``negative`` prompt; a second one is left out of the line."""
        if not isinstance(value, str):
            self.leave_out(name, value)
        elif kind not in self._prompts:
            self._prompts[kind] = value
            if value or kind == "prompt":
                self.rows.append((kind, value))
        elif value != self._prompts[kind]:
            self.leave_out(name, value)

    def has_text(self, kind: str) -> bool:
        """Return whether the ``prompt`` or the ``negative`` prompt is known."""
        return kind in self._prompts

    def note(self, name: str, value: Json) -> None:
        """Show a field that has no effect on the picture."""
        if not is_empty(value):
            self.rows.append((name, show(value)))

    def leave_out(self, name: str, value: Json) -> None:
        """Show a field that the line does not express."""
        if not is_empty(value):
            self.rows.append((name, show(value)))
            if value is not False:
                self._left_out[name] = None

    def set_option(self, option: str, name: str, value: Json, shown: Json = None) -> None:
        """Set an option from a number or a text; an impossible one is left out.

        The row has `shown`, where the tool writes another value with the same meaning.
        """
        if is_empty(value):
            return
        shown = value if shown is None else shown
        written = _plain(value)
        if option == "scheduler" and written is not None and _is_default(written):
            self.note(name, shown)
            return
        ours = to_option(option, written) if written is not None else None
        if ours is None and option == "sampler" and written is not None:
            unknown = messages.unknown_sampler(written, Source("").span(0, 0))
            self.lost.append(f"{unknown.message}: {unknown.hint}")
            self.note(name, shown)
        elif ours is None or self._options.get(option, ours) != ours:
            self.leave_out(name, shown)
        else:
            self.note(name, shown)
            self._set(option, ours)

    def _set(self, option: str, ours: str) -> None:
        value, _, spacing = ours.partition(_SCHEDULE_OPTION)
        self._options[option] = value
        if spacing:
            self._options.setdefault("scheduler", spacing)

    def set_size(self, name: str, width: Json, height: Json, shown: str = "") -> None:
        """Set the size, rounded with a word to sides that can be made; show it as it is written."""
        sides = [_plain(side) for side in (width, height)]
        written = "x".join(side.removesuffix(".0") for side in sides if side is not None)
        ours = to_option("size", written) if None not in sides else None
        whole = written if None not in sides else f"{show(width)}x{show(height)}"
        self.rows.append((name, shown or whole))
        if ours is None:
            self._left_out[name] = None
            return
        if ours != written:
            self.lost.append(f"the size {written} is read as {ours}")
        self._options.setdefault("size", ours)

    def add_lora(self, name: str, strength: Json = 1, unet: Json = None) -> bool:
        """Add a LoRA's tag; return False if its name or a strength cannot be written."""
        stem = PurePosixPath(name.strip().replace("\\", "/")).name
        for ending in (".safetensors", ".ckpt", ".pt"):
            stem = stem.removesuffix(ending)
        numbers = [_strength(each) for each in (strength, unet) if each is not None]
        if not stem or any(mark in stem for mark in "<>:\n\r") or None in numbers:
            return False
        if len(numbers) == 2 and numbers[0] == numbers[1]:
            numbers.pop()
        tag = f"<lora:{stem}:{':'.join(each for each in numbers if each)}>"
        self._loras[tag] = None
        return True

    def to_info(self, kind: str) -> FileInfo:
        """Return the description with the line of a recipe, if there is anything to say in it."""
        self._drop_impossible_schedule()
        if any(len(text) > MAX_LENGTH for text in self._prompts.values()):
            return FileInfo(kind, tuple(self.rows), lost=(*self.lost, TOO_LONG))
        found = [
            convert(self._literal(self._prompts.get(each, "")), source=self._dialect)
            for each in ("prompt", "negative")
        ]
        losses = [*describe_losses(d for each in found for d in each.diagnostics), *self.lost]
        if self._left_out:
            losses.append(f"without {', '.join(self._left_out)}")
        if not self._prompts.get("prompt", "").strip():
            losses.append("the metadata have no prompt")
        options = [f"--{each} {self._options[each]}" for each in ORDER if each in self._options]
        prompt = " ".join([found[0].text, *self._loras])
        losses += describe_quotes(found[1].text)
        has_line = bool(self._prompts or self._options)
        line = format_recipe_line(prompt, found[1].text, options) if has_line else ""
        return FileInfo(kind, tuple(self.rows), line, tuple(losses))

    def _literal(self, prompt: str) -> str:
        rewritten = self.rewrite(prompt)
        return escape_remarks(rewritten) if self._dialect == "a1111" else rewritten

    def _drop_impossible_schedule(self) -> None:
        sampler, spacing = self._options.get("sampler", ""), self._options.get("scheduler", "")
        if is_impossible_spacing(sampler, spacing):
            del self._options["scheduler"]
            self.lost.append(f"`{sampler}` has no `{spacing}` spacing here, so it is left out")


def _same(text: str) -> str:
    return text


def _is_default(written: str) -> bool:
    return written.strip().lower() in DEFAULT_SCHEDULES


def _plain(value: Json) -> str | None:
    """Return a number or a text as text; None for lists, objects and truth values."""
    if isinstance(value, str):
        return value
    number = as_number(value)
    return None if number is None else f"{number}"


def _strength(value: Json) -> str | None:
    """Return a strength with at most nine decimals."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    number = as_number(value)
    if number is None or abs(number) >= 1000:
        return None
    return f"{number:.9f}".rstrip("0").rstrip(".") or "0"


def is_empty(value: Json) -> bool:
    """Return whether a field says nothing: null, or an empty text, list or object."""
    return value is None or value in ("", [], {})


def show(value: Json) -> str:
    """Return a value as it is shown: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
