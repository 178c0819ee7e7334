"""Tokens without angle brackets, where a recipe asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlang import Session, Source, check, resolve
from promptlang.plan.steps import Render
from promptlang.prompts.bare_tokens import read_bare_tokens
from promptlang.syntax.prompt_parser import parse_prompt

ON = "set bare-embeddings on\n"


def said(text: str, *known: str) -> list[tuple[str, float]]:
    prompt, _ = parse_prompt(Source(text).span(0, len(text)))
    (part,) = resolve(read_bare_tokens(prompt, known)).parts
    return [(each.text, each.weight) for each in part.intervals[0].segments]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a embedding:ink fox", [("a <ink> fox", 1.0)]),
        ("embedding:other", [("<other>", 1.0)]),
        ("embedding:v1.5-neg.pt b", [("<v1.5-neg> b", 1.0)]),
        ("(embedding:ink:1.2), b", [("<ink>", 1.2), (", b", 1.0)]),
        ("a Ink, fox", [("a <ink>, fox", 1.0)]),
        ("in ink.", [("in <ink>.", 1.0)]),
        ("<ink> ink", [("<ink> <ink>", 1.0)]),
        ("v1.5-neg", [("<v1.5-neg>", 1.0)]),
        ("inks, ink-like, pre-ink, ink2", [("inks, ink-like, pre-ink, ink2", 1.0)]),
        (r"\(ink\)", [("(<ink>)", 1.0)]),
        ("a fox", [("a fox", 1.0)]),
        ("", [("", 1.0)]),
    ],
)
def test_a_bare_name_is_the_token(text: str, expected: list[tuple[str, float]]) -> None:
    assert said(text, "ink", "v1.5-neg") == expected


def test_each_piece_of_a_text_knows_its_place() -> None:
    text = "a ink b [ink|c]"
    prompt, _ = parse_prompt(Source(text).span(0, len(text)))
    pieces = read_bare_tokens(prompt, {"ink"}).phrases
    assert [piece.span.text for piece in pieces] == ["a ", "ink", " b ", "[ink|c]"]


def test_a_prompt_and_its_negative_use_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "embeddings"
    folder.mkdir()
    for name in ("ink", "bad"):
        (folder / f"{name}.pt").touch()
    recipe = 'a embedding:ink AND fox --negative "Bad, blurry" --seed 1'
    (on,) = Session(tmp_path).plan(Source(ON + recipe)).plan.steps
    (off,) = Session(tmp_path).plan(Source(recipe)).plan.steps
    assert isinstance(on, Render)
    assert isinstance(off, Render)
    assert [each.name for each in on.prompts.embeddings] == ["ink", "bad"]
    assert on.prompts.negative.parts[0].intervals[0].segments[0].text == "<bad>, blurry"
    assert len(on.prompts.prompt.parts) == 2
    assert off.prompts.embeddings == ()


def test_one_that_is_not_there_is_an_error_at_its_place(tmp_path: Path) -> None:
    planned = Session(tmp_path).plan(Source(ON + "a embedding:inc"))
    assert [(each.code, each.span.text) for each in planned.diagnostics] == [
        ("PL105", "embedding:inc")
    ]
    assert check(ON + "a embedding:inc") == ()
    assert check(ON.replace("on", "3"))[0].code == "PL201"
