"""Names in negative prompts are looked up wherever a negative prompt may stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from promptlang import Session, Source, check, convert
from promptlang.diagnostics import Diagnostic
from promptlang.plan.steps import Render
from tests.conftest import FOLDER, WORLD

Complaints = Callable[[str], list[Diagnostic]]


def codes(found: list[Diagnostic]) -> list[tuple[str, str]]:
    return [(each.code, each.span.text) for each in found]


ALL = '"<nope>, __nolist__, ${nolet}, <lora:nope:1>"'
EXPECTED = [
    ("PL105", "<nope>"),
    ("PL109", "__nolist__"),
    ("PL106", "${nolet}"),
    ("PL101", "<lora:nope:1>"),
]


@pytest.mark.parametrize(
    "program",
    [
        f"a --negative {ALL}",
        f'a --negative "x",{ALL}',
        f"set negative {ALL}",
        f"set negative {ALL}\na\nb",
        f'a\nset negative "x"\nset negative {ALL}\na',
        f"set negative {ALL}\nrender a",
    ],
)
def test_names_in_a_negative_prompt_are_looked_up(complaints: Complaints, program: str) -> None:
    assert codes(complaints(program)) == EXPECTED


def test_a_negative_prompt_of_a_training_s_samples_is_looked_up(complaints: Complaints) -> None:
    program = 'set negative "<nope>"\ntrain lora new from photos --samples "a fox"'
    assert ("PL105", "<nope>") in codes(complaints(program))


def test_a_name_may_be_made_between_the_setting_and_its_use(complaints: Complaints) -> None:
    program = 'set negative "<sks>"\ntrain ti <sks> from photos --init cat\na fox'
    assert "PL105" not in [each.code for each in complaints(program)]


@pytest.mark.parametrize(
    "negative", ["blurry <lora:ink:1>", "{x|<lora:ink:1>}", "[<lora:ink:1>::0.5]", "<lyco:ink:1>"]
)
@pytest.mark.parametrize("form", ['a --negative "{}"', 'set negative "{}"\na'])
def test_a_lora_in_a_negative_prompt_is_refused(
    complaints: Complaints, form: str, negative: str
) -> None:
    ((code, place),) = codes(complaints(form.format(negative)))
    assert (code, place.endswith(":ink:1>")) == ("PL112", True)
    assert "PL112" in [each.code for each in check(form.format(negative))]


def test_an_area_in_a_negative_prompt_is_refused(complaints: Complaints) -> None:
    found = complaints('a --negative "<area:0,0.5,0,1> x"')
    assert codes(found) == [("PL013", "<area:0,0.5,0,1>")]


def test_what_is_written_wrongly_in_a_negative_expansion_is_said(complaints: Complaints) -> None:
    assert "PL001" in [each.code for each in complaints('a --negative "{red|blue} (fox"')]


@pytest.mark.parametrize(
    ("line", "code"), [("<lora:ink:1>", "PL112"), ("<nope>", "PL105"), ("<lora:nope:1>", "PL101")]
)
def test_a_line_of_a_wildcard_in_a_negative_prompt_is_looked_up(line: str, code: str) -> None:
    session = Session(FOLDER, "x", world=replace(WORLD, lists={"list": [line]}))
    planned = session.plan(Source('use wildcards photos\na --negative "__list__"'))
    assert (planned.failed, [each.code for each in planned.diagnostics]) == (True, [code])


def test_a_token_in_a_line_of_a_wildcard_is_looked_up() -> None:
    session = Session(FOLDER, "x", world=replace(WORLD, lists={"list": ["<nope>"]}))
    planned = session.plan(Source("use wildcards photos\na __list__"))
    assert [each.code for each in planned.diagnostics] == ["PL105"]


def test_templates_of_a_negative_prompt_are_filled_in(session: Session) -> None:
    program = 'use wildcards photos\nlet x = ugly\na --negative "${x} __animal__ {a|a}" --seed 1'
    planned = session.plan(Source(program))
    assert planned.diagnostics == ()
    (render,) = [step for step in planned.plan.steps if isinstance(step, Render)]
    (segment,) = render.prompts.negative.parts[0].intervals[0].segments
    assert segment.text in ("ugly fox a", "ugly owl a")
    assert render.prompts.negative_text == segment.text


def test_a_tag_in_an_infotext_s_negative_prompt_becomes_words_as_in_a1111() -> None:
    text = "a fox\nNegative prompt: blurry <lora:ink:1>\nSteps: 20, Sampler: DDIM, Seed: 1"
    made = convert(text, source="infotext")
    assert (
        made.text == r'a fox --negative "blurry \<lora:ink:1>" --steps 20 --sampler ddim --seed 1'
    )
    assert [each.code for each in made.diagnostics] == ["PL602"]
    assert not check(made.text)
