"""Fills the records of a plan from the options' declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope
from promptlang.grammar import vocabulary


@dataclass(frozen=True, slots=True)
class Request:
    """The values of a statement's options and the scope that the statement stands in."""

    values: OptionValues
    scope: Scope


Record = TypeVar("Record")
AnyRequest = TypeVar("AnyRequest", bound=Request)


def fill_record(
    record: type[Record],
    path: str,
    request: AnyRequest,
    derived: Mapping[str, Callable[[AnyRequest], Any]],
) -> Record:
    """Return a record whose fields have the paths `path` + name.

    A field takes the value of its function in `derived`, else of the option that declares it. A
    field with neither keeps its default.
    """

    def values() -> Iterator[tuple[str, Any]]:
        for each in fields(record):  # type: ignore[arg-type]
            field = f"{path}{each.name}"
            if field in derived:
                yield each.name, derived[field](request)
            else:
                for option in request.values.field_options(field):
                    yield each.name, _value(option, request)

    return record(**dict(values()))


def _value(option: vocabulary.Option, request: Request) -> Any:
    given = request.values.given(option.name)
    match option.kind:
        case vocabulary.Kind.FILE:
            return request.scope.optional_path(given)
        case vocabulary.Kind.SIZE:
            return (given.width, given.height) if isinstance(given, ast.Size) else None
        case _:
            return request.values.plain(option.name)
