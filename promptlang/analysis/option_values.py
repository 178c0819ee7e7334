"""The values of a statement's options."""

from __future__ import annotations

from collections.abc import Mapping

from promptlang import ast
from promptlang.analysis.value_types import is_readable
from promptlang.grammar import vocabulary


class OptionValues:
    """Values in force for a statement: from its options, else the settings, else the defaults.

    A value that its option cannot have, and the values of a sweep, count as not given: the checks
    that compare values may run on any program.
    """

    def __init__(
        self, head: str, settings: Mapping[str, ast.Value], options: tuple[ast.Option, ...]
    ) -> None:
        """Store options and settings by their names, not by aliases: see `aliases`."""
        self.head = head
        self._known_head = "set" if head == "prompt" else head
        self._known = vocabulary.get_options(self._known_head)
        read = [option for option in options if self._is_readable(option.name, option.value)]
        known = {name: each for name, each in settings.items() if self._is_readable(name, each)}
        flags = (option for option in read if self._is_flag(option))
        self._flags = {
            name: value.value == "on"
            for name, value in known.items()
            if isinstance(value, ast.Word)
        }
        self._flags |= {option.name: _is_on(option) for option in flags}
        self._given = {
            **known,
            **{option.name: option.value for option in read if option.value is not None},
        }

    def _is_readable(self, name: str, value: ast.Value | None) -> bool:
        """Return False for an unknown option, and for a value that is a mistake in the program."""
        option = self._known.get(name)
        return option is not None and is_readable(option, value)

    def _is_flag(self, option: ast.Option) -> bool:
        return self._known[option.name].kind is vocabulary.Kind.FLAG

    def integer(self, name: str) -> int:
        """Return the value of an option for a whole number that has a default."""
        value = self._value(name)
        assert isinstance(value, int)
        return value

    def number(self, name: str, otherwise: float = 0.0) -> float:
        """Return the value of an option for a number, or `otherwise` if there is none."""
        value = self._value(name)
        assert value is None or isinstance(value, int | float)
        return otherwise if value is None else float(value)

    def text(self, name: str) -> str:
        """Return the value of an option for a name or a text that has a default."""
        value = self._value(name)
        assert isinstance(value, str)
        return value

    def flag(self, name: str) -> bool:
        """Return the state of a flag: ``--te``, ``--no-te``, ``--te off``; the last one counts."""
        return self._flags.get(name, self._known[name].default == "on")

    def plain(self, name: str) -> bool | int | float | str | None:
        """Return an option's value as a config holds it: flags as bool, numbers as float."""
        match self._known[name].kind:
            case vocabulary.Kind.FLAG:
                return self.flag(name)
            case vocabulary.Kind.NUMBER | vocabulary.Kind.FRACTION:
                return None if self._value(name) is None else self.number(name)
            case _:
                return self._value(name)

    def field_options(self, field: str) -> tuple[vocabulary.Option, ...]:
        """Return the options that fill a field of the statement's record."""
        return vocabulary.field_options(field, self._known_head)

    def given(self, name: str) -> ast.Value | None:
        """Return the value that the program gives, else None."""
        return self._given.get(name)

    def _value(self, name: str) -> int | float | str | None:
        match self._given.get(name):
            case None:
                return self._known[name].default
            case ast.Number(value) | ast.Percentage(value):
                return value
            case ast.String(value) | ast.Word(value):
                return value
            case ast.Scheduled(value):
                return value.values[0]
            case _:
                return None


def _is_on(option: ast.Option) -> bool:
    return option.value.value == "on" if isinstance(option.value, ast.Word) else not option.negated
