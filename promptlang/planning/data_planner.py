"""Turns a ``check data`` statement into a step of the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope
from promptlang.plan.steps import CheckData
from promptlang.planning.records import Request, fill_record


@dataclass(frozen=True, slots=True)
class DataRequest(Request):
    """A ``check data`` statement with the values of its options and the scope that it stands in."""

    statement: ast.CheckData


def plan_data_check(statement: ast.CheckData, scope: Scope) -> CheckData:
    """Return the step that the statement stands for."""
    values = OptionValues("check data", {}, statement.options)
    return fill_record(CheckData, "", DataRequest(values, scope, statement), DERIVED)


def _source(request: DataRequest) -> Path:
    return request.scope.path(request.statement.data)


DERIVED: Final[Mapping[str, Callable[[DataRequest], Any]]] = MappingProxyType(
    {
        "span": attrgetter("statement.data.span"),
        "source": _source,
        "model": attrgetter("scope.model"),
    }
)
"""The fields that no option fills, each with the function that does."""
