"""The declaration of an option: every fact that the rest of the language derives from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum
from typing import Any, Final

FIRST_RELEASE: Final = "0.1"
"""The release whose options have no `since` of their own."""

MAX_DOC_LENGTH: Final = 90
"""Characters of an option's help line."""

Value = int | float | str | None
"""A default as a program would write it; a flag's is ``on`` or ``off``."""


class Kind(Enum):
    """The type of an option's value."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    FRACTION = "a number between 0 and 1, or a percentage"
    TEXT = 'a "text"'
    SIZE = "a size such as `512x768`"
    CHOICE = "a name"
    WORDS = 'a word or a "text"'
    SAMPLER = "the name of a sampler"
    FILE = "a file or a folder"
    PATTERN = 'a name or a "regular expression"'
    FLAG = "`on` or `off`, or nothing: it is on, or with `--no-` off"


@dataclass(frozen=True, slots=True)
class Given:
    """The condition that a statement has an option, with one of some values where there are any."""

    option: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.option} {self.values[0]}" if self.values else self.option


@dataclass(frozen=True, slots=True)
class Requirement:
    """An option has no effect unless one of some conditions holds."""

    any_of: tuple[Given, ...]
    """The conditions; a diagnostic recommends the first one."""
    _: KW_ONLY
    values: tuple[str, ...] = ()
    """The values of the option that have the requirement; all if there are none."""
    heads: tuple[str, ...] = ()
    """The statements in which the requirement holds; all if there are none."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """An option excludes another one, or some values of the other one."""

    other: Given
    reason: str
    """Why, as the second half of a sentence."""
    _: KW_ONLY
    values: tuple[str, ...] = ()
    """The values of the option that conflict; all if there are none."""


@dataclass(frozen=True, slots=True)
class Option:
    """``--steps 30`` on a line, or ``set steps 30`` for the lines that follow."""

    name: str
    kind: Kind
    doc: str
    """The help line: a sentence that is complete without the option's name or its neighbours."""
    heads: tuple[str, ...]
    """The statements that take the option; ``prompt`` is a prompt's line, ``set`` a setting."""
    default: Value = None
    _: KW_ONLY
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Other names that a program may write."""
    long_doc: str = ""
    """One to three sentences that follow the help line in the reference."""
    defaults: tuple[tuple[str, Value], ...] = ()
    """Statements with a default other than `default`, each with the default."""
    default_doc: str = ""
    """The default in words, where it is derived from other options or from the model."""
    field: str | None = None
    """The field of the statement's record that the value fills: ``sampling.steps`` of `Render`,
    ``optimisation.steps`` of `TrainingConfig`, ``size`` of `CheckData`."""
    fields: tuple[tuple[str, str | None], ...] = ()
    """Statements with a field other than `field`, each with the field; None where there is none."""
    requires: tuple[Requirement, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    metadata: tuple[str, ...] = ()
    """The keys that record the value in the metadata of a trained file."""
    since: str = FIRST_RELEASE
    """The release that introduced the option; older trainings keep their fingerprints."""
    available: bool = True
    """Whether this release implements the option."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases."""
        return (self.name, *self.aliases)

    def within(self, head: str) -> Option:
        """Return the option with the default and the field that it has in a statement."""
        return replace(
            self,
            default=dict(self.defaults).get(head, self.default),
            field=dict(self.fields).get(head, self.field),
        )

    def plain_default(self) -> bool | int | float | str | None:
        """Return the default as stored in a config: flags as bool, numbers as float."""
        match self.kind:
            case Kind.FLAG:
                return self.default == "on"
            case Kind.NUMBER | Kind.FRACTION:
                return None if self.default is None else float(self.default)
            case _:
                return self.default


def default_of(options: Iterable[Option], field: str, head: str = "train lora") -> Any:
    """Return the default that a statement's option declares for a field of the record."""
    taken = (each.within(head) for each in options if head in each.heads)
    (option,) = (each for each in taken if each.field == field)
    return option.plain_default()
