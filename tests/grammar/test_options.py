"""The declarations of options: complete, used, and documented by sentences that stand alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import pytest

from promptlang.analysis.statements import STATEMENT_HEADS
from promptlang.grammar import vocabulary
from promptlang.grammar.options import FIRST_RELEASE, MAX_DOC_LENGTH, Kind, Option
from promptlang.grammar.reference import options_page
from promptlang.plan.steps import (
    CheckData,
    ComputeConfig,
    ImageConfig,
    OutputConfig,
    Prompts,
    Render,
    SamplingConfig,
)
from promptlang.plan.training_config import (
    DataConfig,
    Dreambooth,
    Lora,
    ObjectiveConfig,
    OptimizerConfig,
    PriorConfig,
    TextualInversion,
    TrainingConfig,
)
from promptlang.planning import config_builder, data_planner, render_planner

TRAININGS = ("train lora", "train dreambooth", "train ti")
RECORDS: list[tuple[str, type, str]] = [
    ("", TrainingConfig, "train lora"),
    ("method.", Lora, "train lora"),
    ("method.", Dreambooth, "train dreambooth"),
    ("token.", TextualInversion, "train ti"),
    ("data.", DataConfig, "train lora"),
    ("prior.", PriorConfig, "train lora"),
    ("objective.", ObjectiveConfig, "train lora"),
    ("optimisation.", OptimizerConfig, "train lora"),
    ("", Render, "set"),
    ("prompts.", Prompts, "set"),
    ("sampling.", SamplingConfig, "set"),
    ("image.", ImageConfig, "set"),
    ("output.", OutputConfig, "set"),
    ("computing.", ComputeConfig, "set"),
    ("", CheckData, "check data"),
]
"""The records of a plan that options fill: path, class and a statement that fills it."""

PATHS = [
    (f"{path}{each.name}", each, head) for path, record, head in RECORDS for each in fields(record)
]
DERIVED: dict[str, Mapping[str, Any]] = {
    **dict.fromkeys(TRAININGS, config_builder.DERIVED),
    "set": render_planner.DERIVED,
    "check data": data_planner.DERIVED,
}
"""The fields that functions fill, by statement."""

HANDLED_BY_CODE = {
    "as": "the statement's head",
    "prediction": "the step's model",
    "on": "the step's model",
    "under": "the step's active LoRAs",
    "class-count": "the step's class pictures",
    "samples": "the step's samples",
    "sample-every": "the step's samples",
    "device": "the step's device in a training",
    "force": "the step's flag",
    "n": "the number of steps",
    "every": "the number of steps",
    "grid": "the step of the contact sheet",
    "out": "nothing: not available",
    "missing": "the severity of diagnostics",
    "bare-embeddings": "the parse of a prompt",
}
"""The options that fill no field of a record, and what they decide."""

FILLED_LATER = {"sampling.batch", "output.sheet_position"}
"""The fields of a render that stay at their defaults until all pictures are planned."""

every_option = pytest.mark.parametrize(
    "option", vocabulary.OPTIONS, ids=lambda option: f"{option.heads[0]} --{option.name}"
)


def test_no_option_is_declared_twice() -> None:
    names = Counter(
        (head, name)
        for option in vocabulary.OPTIONS
        for head in option.heads
        for name in option.names
    )
    assert [each for each, count in names.items() if count > 1] == []


@every_option
def test_a_help_line_stands_alone(option: Option) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*\.", option.doc)
    assert len(option.doc) <= MAX_DOC_LENGTH
    assert not re.search(r"\b(it|its|they|them|their|this|these|those)\b", option.doc, re.I)
    assert not re.match(r"(How|What|Whether|Where|Of|As|With|For|The)\b", option.doc)


@every_option
def test_the_facts_of_an_option_agree(option: Option) -> None:
    heads = {*vocabulary.HEADS, "prompt"}
    assert set(option.heads) <= heads
    assert {head for head, _ in option.defaults} <= set(option.heads)
    for head in option.heads:
        default = option.within(head).default
        if option.choices and default is not None:
            assert default in option.choices
        if option.low is not None and default is not None:
            assert isinstance(default, int | float)
            assert option.low <= default <= (option.high or default)
        known = vocabulary.get_options(head)
        conditions = [
            *(each.other for each in option.conflicts),
            *(
                given
                for each in option.requires
                if head in each.heads or not each.heads
                for given in each.any_of
            ),
        ]
        for condition in conditions if head in TRAININGS else ():
            if condition.option in known:
                assert set(condition.values) <= set(known[condition.option].choices)
            else:  # `--optimizer prodigy` is known wherever `--te-lr` is; `--with-ti` is not
                assert head != "train lora"


@pytest.mark.parametrize("head", [*TRAININGS, "set", "check data"])
def test_every_option_of_a_step_has_a_field_or_is_handled_by_code(head: str) -> None:
    trained = head in TRAININGS
    known = {path for path, _, other in PATHS if (other in TRAININGS) == trained}
    for option in vocabulary.get_options(head).values():
        if option.field is None:
            assert option.name in HANDLED_BY_CODE
        else:
            assert option.field in known, option.name


@pytest.mark.parametrize(("path", "field", "head"), PATHS, ids=[f"{p} {h}" for p, _, h in PATHS])
def test_a_field_comes_from_one_option_or_from_one_function(
    path: str, field: Any, head: str
) -> None:
    if path in DERIVED[head] or path in FILLED_LATER:
        return
    (declared,) = vocabulary.field_options(path, head)
    assert field.default in (declared.plain_default(), MISSING)


@pytest.mark.parametrize("head", DERIVED)
def test_a_derived_field_is_one_of_a_record(head: str) -> None:
    assert set(DERIVED[head]) <= {path for path, _, _ in PATHS}


def test_every_statement_that_takes_options_is_one_of_the_vocabulary() -> None:
    heads = {head for option in vocabulary.OPTIONS for head in option.heads}
    assert heads - {"set", "prompt", "merge lora"} <= set(STATEMENT_HEADS.values())


def test_set_takes_every_option_of_a_prompt() -> None:
    assert set(vocabulary.get_options("prompt")) <= set(vocabulary.SETTINGS)
    assert "cfg" in vocabulary.SETTING_NAMES
    assert "guidance-scale" in vocabulary.SETTING_NAMES


def test_a_default_by_statement_replaces_the_usual_one() -> None:
    rates = [vocabulary.get_options(head)["lr"].default for head in TRAININGS]
    assert rates == [1e-3, 1e-5, 5e-3]


def test_the_reference_has_a_row_for_every_option_in_its_sections() -> None:
    page = options_page()
    for option in vocabulary.OPTIONS:
        shown = option.available and not set(option.heads) & set(vocabulary.UNAVAILABLE_STATEMENTS)
        names = ", ".join(f"`--{name}`" for name in option.names)
        rows = [line for line in page.splitlines() if line.startswith(f"| {names} |")]
        matching = [row for row in rows if row.endswith(f"| {option.doc} |")]
        assert bool(matching) == shown, option.name
    assert all(line.count(" | ") == 3 for line in page.splitlines() if line.startswith("| `"))


def test_the_reference_says_what_an_option_requires_and_excludes() -> None:
    page = options_page()
    assert "Requires `--loss cosine`." in page
    assert "Excludes `--min-snr`: both weight the loss by timestep." in page
    assert (
        "| `--max-grad-norm`, `--clip` | number from 0 | 1 | Gradient clipping: the largest norm of"
        " the gradient; 0 turns clipping off. |" in page
    )


def test_the_program_that_writes_the_reference_writes_it() -> None:
    command = [sys.executable, "-m", "promptlang.grammar.reference"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == options_page()


def test_flags_and_numbers_have_defaults_of_the_types_that_a_config_holds() -> None:
    kinds = {Kind.FLAG: bool, Kind.NUMBER: float, Kind.FRACTION: float, Kind.INTEGER: int}
    for option in vocabulary.OPTIONS:
        default = option.plain_default()
        if option.kind in kinds and default is not None:
            assert type(default) is kinds[option.kind], option.name


def test_an_option_of_a_later_release_has_one_default_in_a_part_of_the_configuration() -> None:
    parts = ("method", "data", "prior", "objective", "optimisation")
    for option in vocabulary.TRAINING:
        if option.since != FIRST_RELEASE and option.field is not None:
            assert option.field.partition(".")[0] in parts, option.name
            assert not option.defaults, option.name
