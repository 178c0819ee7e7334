"""Checks that a training's options go together, as their declarations say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope, ScopedStatement, parse_active_loras
from promptlang.analysis.statements import statement_head, statement_options
from promptlang.analysis.value_types import is_readable
from promptlang.analysis.world import World
from promptlang.datasets.examples import CAPTION_PLACEHOLDER
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import unknown_placeholder
from promptlang.diagnostics.training import unknown_init_word
from promptlang.diagnostics.training_options import (
    conflicting_options,
    longer_than_training,
    missing_required_option,
    only_lora_tags,
    reserved_model_name,
    uneven_ratio,
    validation_on_training_pictures,
)
from promptlang.grammar import vocabulary
from promptlang.plan.steps import EMOJI


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Report options of a training that contradict each other or the training's data."""
    if not isinstance(scoped.statement, ast.Training):
        return
    head = statement_head(scoped.statement) or ""
    known = vocabulary.get_options(head)
    given = {
        option.name: option
        for option in statement_options(scoped.statement)
        if not option.negated
        and option.name in known
        and is_readable(known[option.name], option.value)
    }
    for option in known.values():
        if option.name in given:
            yield from _conflicts(option, given)
            yield from _requirements(option, given, head)
    if (
        isinstance(scoped.statement, ast.TrainDreambooth)
        and scoped.statement.name.value == EMOJI.name
    ):
        yield reserved_model_name(EMOJI.name, scoped.statement.name.span)
    yield from _template(given.get("prompt"))
    yield from _schedule_lengths(scoped.statement, given)
    init = given["init"].value if "init" in given else None
    if isinstance(init, ast.String) and not init.value.strip():
        yield unknown_init_word(init.value, init.span)
    yield from _validation_source(scoped.statement, scoped.scope, given.get("validation"))
    yield from _ratio(scoped.statement, given)
    yield from _active_loras(scoped.statement, given)


def _conflicts(option: vocabulary.Option, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    """Report options that exclude each other, as in ``--min-snr 5 --debiased``."""
    for conflict in option.conflicts:
        own = vocabulary.Given(option.name, conflict.values)
        if _holds(own, given) and _holds(conflict.other, given):
            yield conflicting_options(
                _written(own, given),
                _written(conflict.other, given),
                conflict.reason,
                given[option.name].span,
            )


def _requirements(
    option: vocabulary.Option, given: Mapping[str, ast.Option], head: str
) -> Iterator[Diagnostic]:
    """Report the first unmet requirement of an option: ``--te-lr 1e-5`` needs ``--te``."""
    for requirement in option.requires:
        own = vocabulary.Given(option.name, requirement.values)
        here = _holds(own, given) and (head in requirement.heads or not requirement.heads)
        if here and not any(_holds(each, given) for each in requirement.any_of):
            first = str(requirement.any_of[0])
            yield missing_required_option(_written(own, given), first, given[option.name].span)
            return


def _holds(condition: vocabulary.Given, given: Mapping[str, ast.Option]) -> bool:
    name, values = condition.option, condition.values
    return name in given and (not values or _word(given, name) in values)


def _written(condition: vocabulary.Given, given: Mapping[str, ast.Option]) -> str:
    """Return an option's name, with its value if the condition is on the value."""
    name = condition.option
    return f"{name} {_word(given, name)}" if condition.values else name


def _template(option: ast.Option | None) -> Iterator[Diagnostic]:
    """Report an unknown placeholder, as in ``--prompt "${captoin}"``."""
    if option is not None and isinstance(option.value, ast.String):
        for name in re.findall(r"(?<!\\)\$\{(\w+)\}", option.value.value):
            if f"${{{name}}}" != CAPTION_PLACEHOLDER:
                yield unknown_placeholder(name, option.value.span)


def _schedule_lengths(
    statement: ast.Training, given: Mapping[str, ast.Option]
) -> Iterator[Diagnostic]:
    """Report an interval longer than the training, as in ``--warmup 500 --steps 400``."""
    values = OptionValues(statement_head(statement) or "", {}, statement.options)
    for name in ("warmup", "sample-every"):
        if name in given and values.number(name) > values.integer("steps"):
            yield longer_than_training(name, values.integer("steps"), given[name].span)


def _validation_source(
    statement: ast.Training, scope: Scope, option: ast.Option | None
) -> Iterator[Diagnostic]:
    value = option.value if option else None
    if isinstance(value, ast.Word | ast.String) and scope.path(value) == scope.path(statement.data):
        yield validation_on_training_pictures(value.span)


def _ratio(statement: ast.Training, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    """Report a ratio by which a batch has no whole number of class pictures."""
    name = statement_head(statement)
    if "class-ratio" not in given or name is None:
        return
    values = OptionValues(name, {}, statement.options)
    batch, ratio = values.number("batch"), values.number("class-ratio")
    if batch * ratio != round(batch * ratio):
        yield uneven_ratio(int(batch), ratio, given["class-ratio"].span)


def _active_loras(statement: ast.Training, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    """Report text other than LoRA tags in ``--under``, as in ``--under "a fox"``."""
    under = parse_active_loras(statement)
    if under is not None and not all(_lora_only(phrase) for phrase in under.phrases):
        yield only_lora_tags(given["under"].span)


def _lora_only(phrase: ast.Node) -> bool:
    match phrase:
        case ast.Text(value):
            return not value.strip()
        case ast.Lora(_, float() | int(), float() | int()):
            return True
        case _:
            return False


def _word(given: Mapping[str, ast.Option], name: str) -> str | None:
    value = given[name].value if name in given else None
    return value.value if isinstance(value, ast.Word) else None
