"""A mistake in the value of an option is one diagnostic, at the value, and never an exception."""

from pathlib import Path

import pytest

from promptlang import ast, check, parse
from promptlang.analysis.scope import Scope
from promptlang.analysis.sweeps import expand_sweep

pytestmark = pytest.mark.fast

LORA = 'train lora ink from "photos"'
DREAMBOOTH = 'train dreambooth shiv from "photos"'
MISTAKES = (
    (f"{LORA} --warmup 5 --steps ", "many", "PL201"),
    (f"{LORA} --warmup 5 --steps ", "2.5", "PL201"),
    (f"{LORA} --warmup 5 --steps ", "3,5", "PL201"),
    (f"{LORA} --warmup ", "many", "PL201"),
    (f"{LORA} --sample-every ", "many", "PL201"),
    (f"{LORA} --format ", "0..1/5", "PL201"),
    (f"{DREAMBOOTH} --class-ratio ", "off", "PL201"),
    (f"{DREAMBOOTH} --as ", "5", "PL201"),
    ("a fox --n ", "1e999", "PL201"),
    ("a fox --cfg ", "1.." + "9" * 400, "PL202"),
    ("a fox --cfg ", "1e999", "PL202"),
    ("a fox --seed ", "1.12589990684262e+15", "PL201"),
    ("a {", "9" * 5000 + "$$", "PL213"),
)


@pytest.mark.parametrize(("before", "written", "code"), MISTAKES)
def test_a_mistaken_value_is_named_at_its_place(before: str, written: str, code: str) -> None:
    text = before + written + ("red|blue}" if code == "PL213" else "")
    (found,) = check(text)
    assert (found.code, found.span.start, found.span.text) == (code, len(before), written)


def test_an_option_of_another_statement_is_unknown() -> None:
    (found,) = check('train ti <shiv> from "photos" --class-ratio 0.5')
    assert found.code == "PL102"


def test_a_setting_that_is_no_number_leaves_the_default_for_the_lines_below() -> None:
    (found,) = check("set n 1e999\na fox")
    assert (found.code, found.span.text) == ("PL201", "1e999")


def test_a_whole_number_in_another_form_is_corrected_to_the_same_number() -> None:
    (found,) = check("a fox --seed 1.125899906842623e15")
    assert found.hint == "write it as `seed 1125899906842623`"


def test_the_label_of_a_long_seed_has_all_its_digits() -> None:
    (picture,) = parse("a fox --seed 1125899906842623,7").program.statements
    assert isinstance(picture, ast.Picture)
    labels = [cell.labels for cell in expand_sweep(picture, Scope(Path()))]
    assert labels == [("seed 1125899906842623",), ("seed 7",)]
