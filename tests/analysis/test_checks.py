"""Programs to statements, and the lines they stand on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promptlang import Session, Source, ast, parse, resolve
from promptlang.diagnostics import Diagnostic, Severity
from promptlang.grammar import vocabulary
from promptlang.plan.steps import Render
from promptlang.syntax.parser import is_incomplete

Complaints = Callable[[str], list[Diagnostic]]


def statements(text: str) -> tuple[ast.Statement, ...]:
    return parse(Source(text)).program.statements


def kinds(text: str) -> list[str]:
    return [type(each).__name__ for each in statements(text)]


def test_a_recipe_is_statements_and_prompts_in_order() -> None:
    recipe = """\
# portrait.pl
use model emoji
set steps 30          # for all that follow

train lora ink from "photos/ink" --rank 16
    --steps 100
a fox, (red:1.2)      --seed 7
"""
    assert kinds(recipe) == ["UseModel", "Set", "TrainLora", "Picture"]


def test_indented_lines_go_on_with_the_line_above() -> None:
    (picture,) = statements("a fox,\n    in snow --steps 5\n    --cfg 3")
    assert isinstance(picture, ast.Picture)
    assert picture.prompt.phrases[0].value == "a fox,\n    in snow"  # type: ignore[union-attr]
    assert [option.name for option in picture.options] == ["steps", "cfg"]


def test_text_in_three_quotes_runs_over_lines() -> None:
    (setting,) = statements('set negative """blurry,\nugly"""')
    assert isinstance(setting, ast.Set)
    assert setting.value.value == "blurry,\nugly"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", ["train station at night", "set design for a theatre", "use of colour", "render"]
)
def test_a_prompt_may_begin_with_a_statements_first_word(text: str) -> None:
    assert kinds(text) == ["Picture"]


def test_render_forces_a_prompt() -> None:
    (picture,) = statements("render train lora on a mountain")
    assert isinstance(picture, ast.Picture)
    assert picture.prompt.span.text == "train lora on a mountain"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("--steps 30", 30),
        ("--cfg 4.5", 4.5),
        ("--cfg 1e-1", 0.1),
        ("--cfg -2", -2),
    ],
)
def test_numbers_keep_how_they_are_written(text: str, value: float) -> None:
    (picture,) = statements(f"a fox {text}")
    number = picture.options[0].value  # type: ignore[union-attr]
    assert isinstance(number, ast.Number)
    assert (number.value, type(number.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("a fox", False),
        ("(a fox", True),
        ("(a fox\n", False),
        ("train lora ink", True),
        ("train lora ink from", True),
        ("train lora ink from photos", False),
        ('set negative """blurry', True),
        ("set", False),
        ("set steps", True),
        ("a fox --seed", False),
        ("", False),
    ],
)
def test_a_reader_knows_whether_to_wait_for_more(text: str, waits: bool) -> None:
    assert is_incomplete(text) is waits


def test_a_recipe_with_ten_mistakes_gets_ten_diagnostics(complaints: Complaints) -> None:
    recipe = """\
use model emojo
set stpes 30
set steps 0
train loar ink from photos
train lora style from "photo"
train lora style from "empty"
a fox, <lora:inkk:0.6>
a fox (in snow --seed 7
a fox --sampler dimm
a fox --sede 7
"""
    found = complaints(recipe)
    assert [(d.span.first.line, d.code) for d in found] == [
        (1, "PL103"),
        (2, "PL004"),
        (3, "PL202"),
        (4, "PL004"),
        (5, "PL301"),
        (6, "PL401"),
        (7, "PL101"),
        (8, "PL001"),
        (9, "PL203"),
        (10, "PL102"),
    ]
    assert all(d.hint for d in found if d.code != "PL202")


@pytest.mark.parametrize(
    ("text", "code", "underlined"),
    [
        ("train lora style from", "PL005", ""),
        ('train lora style "photos"', "PL005", '"photos"'),
        ('set negative "blurry', "PL006", '"blurry'),
        ("a fox --steps many", "PL201", "many"),
        ("a fox --steps 2.5", "PL201", "2.5"),
        ("a fox --steps", "PL204", "--steps"),
        ("a fox --steps 5 --steps 6", "PL205", "--steps 6"),
        ("(a fox:9)", "PL206", "(a fox:9)"),
        ("a fox --size 100x100", "PL207", "100x100"),
        ("a fox <lora:ink:0.5> <lora:ink:0.3>", "PL104", "<lora:ink:0.3>"),
        ("train lora x from photos --rank 0", "PL202", "0"),
        ("train lora x from photos --targets qvk", "PL203", "qvk"),
    ],
)
def test_a_mistake_is_underlined(
    complaints: Complaints, text: str, code: str, underlined: str
) -> None:
    (found,) = complaints(text)
    assert (found.code, found.span.text) == (code, underlined)


def test_an_included_recipe_takes_effect_where_it_is_included(session: Session) -> None:
    planned = session.plan(Source('include "parts/base.pl"\n${hero}'))
    (picture,) = planned.plan.steps
    assert isinstance(picture, Render)
    assert (picture.prompts.text, picture.sampling.steps, picture.file.parts[:2]) == (
        "a man",
        7,
        ("recipe", "out"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "merge lora both from ink:0.6 ukiyo-e:0.4 --method svd",
        "merge ti <both> from <a>:0.5 <b>:0.5",
        "extract lora shiv from shivman --rank 16",
        "convert ink to kohya",
        'caption "photos"',
        "validate ink",
        "plot ink",
    ],
)
def test_a_statement_that_cannot_be_carried_out_is_understood_and_refused_by_name(
    session: Session, text: str
) -> None:
    (found,) = session.plan(Source(text)).diagnostics
    head = next(each for each in vocabulary.UNAVAILABLE_STATEMENTS if text.startswith(each))
    assert (found.code, found.message) == ("PL299", f"`{head}` cannot be carried out yet")


@pytest.mark.parametrize(
    "text",
    [
        *("train station at night", "set design for a theatre", "plot of land, aerial view"),
        *("validate me, portrait", "let there be light", "include flowers"),
        *("use lore from old books", "caption this", "convert to abstract art"),
    ],
)
def test_english_that_begins_like_a_statement_is_a_prompt(session: Session, text: str) -> None:
    planned = session.plan(Source(text))
    assert planned.diagnostics == ()
    assert [step.prompts.text for step in planned.plan.steps if isinstance(step, Render)] == [text]


@pytest.mark.parametrize("text", ["#use model emoji", "#no comment\n", "  #a fox\n# a cat", "#"])
def test_a_line_that_begins_with_a_hash_is_a_remark(text: str) -> None:
    assert parse(text).program.statements == ()


def test_a_hash_in_a_prompt_is_text() -> None:
    (statement,) = parse("the #1 fan\n  #2 fan # remark").program.statements
    assert isinstance(statement, ast.Picture)
    assert statement.prompt.span.text == "the #1 fan\n  #2 fan # remark"


def test_a_long_string_that_is_never_closed_does_not_swallow_a_recipe_in_silence() -> None:
    (found,) = parse('a """b\nc d\ntrain lora ink from photos').diagnostics
    assert (found.code, found.span.first.line, found.span.first.column) == ("PL006", 1, 3)


@pytest.mark.parametrize(
    ("line", "underlined", "meant"),
    [
        ("let x", "let x", "let x = …"),
        ("let = a man", "let =", "let name = …"),
        ("let=a man", "let=", "let name = …"),
        ("LET hero = a man", "LET hero =", "let hero = …"),
        ("lett hero = a man", "lett hero =", "let hero = …"),
        ("let 1 = a man", "let 1 =", "let name = …"),
        ("include parts/foo", "include parts/foo", 'include "parts/foo"'),
        ("include my foo.pl", "include my foo.pl", 'include "my foo.pl"'),
        ("include 'foo.pl'", "include 'foo.pl'", 'include "foo.pl"'),
        ('INCLUDE "foo.pl"', 'INCLUDE "foo.pl"', 'include "foo.pl"'),
        ('inlcude "foo.pl"', 'inlcude "foo.pl"', 'include "foo.pl"'),
        ("USE MODEL emoji", "USE MODEL", "use model"),
    ],
)
def test_what_is_almost_a_statement_is_no_picture(
    complaints: Complaints, line: str, underlined: str, meant: str
) -> None:
    (found,) = complaints(line)
    assert (found.code, found.span.text) == ("PL004", underlined)
    assert found.hint == f"did you mean `{meant}`? If it is a prompt, write `render {underlined} …`"


@pytest.mark.parametrize(
    "line",
    [
        "let there be light",
        "Let it be",
        "let x == a",
        "letters = words",
        "include all of them",
        "includes a fox",
    ],
)
def test_a_prompt_that_begins_like_a_statement_is_a_picture(
    complaints: Complaints, line: str
) -> None:
    assert complaints(line) == []


@pytest.mark.parametrize(
    ("prompt", "code", "underlined"),
    [
        ("(a:1e5)", "PL003", "1e5"),
        ("(a:1,2)", "PL003", "1,2"),
        ("(a: inf )", "PL003", "inf"),
        ("(a:50%)", "PL003", "50%"),
        ("a:5 AND b:nan", "PL003", "nan"),
        ("[a:b:c:0.5]", "PL010", "[a:b:c:0.5]"),
        ("a fox <lora:ink:1", "PL017", "<"),
        ("a fox <LORA:ink (b)", "PL017", "<"),
        ("a AND", "PL018", "AND"),
        ("AND a", "PL018", "AND"),
        ("a AND AND b", "PL018", "AND"),
        ("{3$$a|b}", "PL213", "3$$"),
        ("{0$$a|b}", "PL213", "0$$"),
        ("{2-1$$a|b}", "PL213", "2-1$$"),
        ("{1-9$$a|b}", "PL213", "1-9$$"),
        ("{-1::a|b}", "PL214", "-1"),
        ("{0::a|0::b}", "PL217", "{0::a|0::b}"),
        ("[a|b:0]", "PL215", "0"),
        ("[a|b:-2]", "PL215", "-2"),
        ("(a:[1|2:0])", "PL215", "0"),
        ("a AND b:[1|2:0]", "PL215", "0"),
        ("<lora:ink:0@1,0.5@0>", "PL216", "0@1,0.5@0"),
        ("<lora:ink:0@-1,0.5@0>", "PL216", "0@-1,0.5@0"),
    ],
)
def test_what_is_hardly_meant_keeps_its_meaning_with_a_warning(
    complaints: Complaints, prompt: str, code: str, underlined: str
) -> None:
    (found,) = complaints(prompt)
    assert (found.code, found.severity, found.span.text) == (code, Severity.WARNING, underlined)
    assert found.hint
    assert code in [each.code for each in resolve(prompt).diagnostics]


@pytest.mark.parametrize(
    "prompt",
    [
        "(a:1.2)",
        "(b: c, 2)",
        "a:5 AND b",
        "<lora:{ink|ukiyo-e}:1>",
        "a <3: b",
        "{1-2$$a|b}",
        "{0::a|b}",
        "[a|b:0.1]",
        "<lora:ink:0@0,1@0.5,0.2@1.0>",
        "<lora:ink:0@0,1@12>",
        "<lora:ink:0.5> AND a",
    ],
)
def test_what_is_well_meant_gets_no_warning(complaints: Complaints, prompt: str) -> None:
    assert complaints(prompt) == []


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ("--clp 1", "there is no option `--clp` here", "did you mean `--clip`?"),
        ("--clip -1", "`clip` must be from 0 to 1e+09", None),
        ("--clip x", "`clip` takes a number, not `x`", "write it as `clip 1`"),
        ('--clip"x"', '`clip` takes a number, not `"x"`', "write it as `clip 1`"),
        ("--no-clip", "`--clip` needs a value", "it takes a number"),
        (
            "--clip 1 --max-grad-norm 2",
            "`--clip` and `--max-grad-norm` are the same option, and the last one counts",
            "remove one of them",
        ),
        ("--clip 1 --clip 2", "`--clip` is given twice, and the last one counts", None),
    ],
)
def test_a_mistake_in_an_alias_is_reported_under_the_name_that_is_written(
    complaints: Complaints, options: str, message: str, hint: str | None
) -> None:
    found = [
        each
        for each in complaints(f"train lora ink from photos {options}")
        if each.code.startswith(("PL1", "PL2"))
    ]
    assert [each.message for each in found] == [message]
    assert hint is None or found[0].hint == hint


def test_remedies_name_what_other_tools_mean(complaints: Complaints) -> None:
    assert complaints("a --seed -1")[0].hint == "leave it out for a random one"
    assert complaints("<hypernet:ink:1>")[0].hint == "hypernetworks cannot be used: take it out"
    assert not complaints("<lyco:ink:1>")
    message = "3 phases need 2 moments, not 1, so these square brackets only lower the weight"
    assert complaints("[a:b:c:0.5]")[0].message == message


@pytest.mark.parametrize(
    ("prompt", "twice"),
    [
        ("<lora:ink:1> a <lora:ink:0.5>", 1),
        ("[<lora:ink:1>:<lora:ink:0.5>:0.5]", 0),
        ("[<lora:ink:1>|<lora:ink:0.5>]", 0),
        ("[<lora:ink:1>::0.5] [<lora:ink:0.5>:0.5]", 0),
        ("[<lora:ink:1>::0.6] [<lora:ink:0.5>:0.5]", 1),
        ("<lora:ink:[1:0:0.5]> <lora:ink:[0:1:0.5]>", 0),
        ("<lora:ink:[1:0:0.5]> <lora:ink:[0:1:0.4]>", 1),
        ("<lora:ink:1> a <lora:ink:0>", 0),
        ("<lora:ink:1> a AND <lora:ink:0.5> b", 1),
        ("<lora:ink:1> a AND <lora:ink:1> b", 0),
        ("<lora:ink:1> a AND <area:0,0.5,0,1> <lora:ink:0.5> b", 0),
    ],
)
def test_a_lora_stands_twice_where_both_act_at_once(
    complaints: Complaints, prompt: str, twice: int
) -> None:
    assert [each.code for each in complaints(prompt)] == ["PL104"] * twice


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("<break>", "write `BREAK`"),
        ("<video>", "take it out: videos are not rendered"),
        ("<trigger>", "write `<trigger:name>` with the name of the LoRA"),
        ("<lora>", "write `<lora:name:0.8>`"),
        ("<SDXL/neg>", r"write `\<` for the character"),
    ],
)
def test_a_tag_without_fields_is_an_unknown_token_with_a_remedy(
    complaints: Complaints, written: str, hint: str
) -> None:
    assert [(each.code, each.hint) for each in complaints(f"a {written}")] == [("PL105", hint)]
