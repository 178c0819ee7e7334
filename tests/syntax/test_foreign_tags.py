"""Tags of other tools are errors that name what promptlang has in their place."""

from __future__ import annotations

import pytest

from promptlang import ast
from promptlang.source import Source
from promptlang.syntax.prompt_parser import parse_prompt


def read(text: str) -> tuple[ast.Prompt, list[tuple[str, str | None]]]:
    prompt, found = parse_prompt(Source(text).span(0, len(text)))
    return prompt, [(each.code, each.hint) for each in found]


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("<fromto[0.5]:cat,dog>", "[cat:dog:0.5]"),
        ("<fromto[4]:cat, a|dog, b>", "[cat, a:dog, b:4]"),
        ("<weight[1.2]:b>", "(b:1.2)"),
        ("<random:a|b>", "{a|b}"),
        ("<random:red, blue>", "{red|blue}"),
        ("<random[1-3]:a||b|c>", "{1-3$$ $$a|b|c}"),
        ("<wildcard:x>", "__x__"),
        ("<wc:my/list,not=cat>", "__my/list__"),
        ("<wildcard[2]:x>", "{2$$ $$__x__}"),
        ("<alternate:cat, dog>", "[cat|dog]"),
        ("<alt:cat || dog>", "[cat|dog]"),
        ("<embed:e>", "<e>"),
        ("<emb:SDXL/neg>", "<SDXL/neg>"),
        ("<var:x>", "${x}"),
        ("<var[x]>", "${x}"),
        ("<repeat[3]:cat>", "cat cat cat"),
        ("<param[cfgscale]:5>", "--cfg 5"),
        ("<param[Steps]:30>", "--steps 30"),
        ("<region:0,0.25,0.5,0.5,1>", "AND <area:0,0.5,0.25,0.75>"),
        ("<object:0,0,1,1>", "AND <area:0,1,0,1>"),
        ("<locon:ink:0.7>", "<lora:ink:0.7>"),
        ("<break:>", "BREAK"),
        ("<random:a <lora:ink:1>", "{…|…}"),
        ("<fromto[0.5]:a (b:1.2), c:d>", r"[a (b:1.2):c\:d:0.5]"),
        ("<fromto[x]:a,b>", "[a:b:0.5]"),
        ("<weight[1.2]:b)c>", r"(b\)c:1.2)"),
        ("<weight[much]:b>", "(b:1.1)"),
        ("<setvar[my var]:red>", "let my_var = red"),
        ("<var:my var>", "${my_var}"),
        ("<embedding:neg.safetensors>", "<neg>"),
        ("<embed:neg:1.2>", "(<neg>:1.2)"),
        ("<param[sampler]:euler a>", '--sampler "euler a"'),
        ('<param[negativeprompt]:bad "hands">', '--negative """bad "hands" """'),
        ("<param[model]:dream>", "use model dream"),
        ("<param[width]:512>", "--size WIDTHxHEIGHT"),
        ("<region:1.5,0,0.5,1>", "AND <area:0,0.5,0,1>"),
        ("<region:nan,0,1,1>", "AND <area:0,0.5,0,1>"),
    ],
)
def test_a_tag_of_another_tool_is_an_error_with_the_construct(written: str, instead: str) -> None:
    ((code, hint),) = read(f"a {written} b")[1]
    assert code == "PL007"
    assert f"`{instead}`" in (hint or "")


@pytest.mark.parametrize(
    "written",
    [
        *["<setvar[x]:red>", "<setmacro[x,false]:red>", "<macro:x>", "<preset:p>", "<param:steps>"],
        *["<segment:face>", "<segment:yolo-face.pt-1,0.8,0.25>", "<clear:background>"],
        *["<refiner:x>", "<extend:33>", "<comment:x>", "<hypernet:x:1>", "<region:background>"],
        *["<nonsense:x>", "<nonsense[1]:x>", "<nonsense[]>", "<my-tag:x>", "<LORE:x>"],
    ],
)
def test_every_unknown_tag_is_an_error_with_a_remedy(written: str) -> None:
    ((code, hint),) = read(f"a {written} b")[1]
    assert code == "PL007"
    assert hint


def test_tags_around_tags_are_reported_with_those_inside() -> None:
    assert [code for code, _ in read("<setvar[x]:<random:red, blue>> a")[1]] == ["PL007"] * 2
    assert [code for code, _ in read("<random:a, <lora:ink:1>>")[1]] == ["PL007"]


def test_lyco_is_another_name_of_lora() -> None:
    lyco, mistakes = read("<lyco:ink:0.9:0.5>")
    assert not mistakes
    assert lyco.phrases == read("<lora:ink:0.9:0.5>")[0].phrases


@pytest.mark.parametrize(
    "name", ["SDXL/neg", "1girl", "bad hands", "v2.1-neg", "a/b c/d", "x", "3", "水墨"]
)
def test_a_token_has_the_names_that_files_have(name: str) -> None:
    prompt, mistakes = read(f"a, <{name}>")
    assert not mistakes
    assert [node.name for node in ast.walk(prompt) if isinstance(node, ast.Embedding)] == [name]


@pytest.mark.parametrize("text", ["x < 5 > y", "i <3 you", "a <- b ->", "< >", "</b>", "<br/>"])
def test_other_angle_brackets_are_text(text: str) -> None:
    prompt, mistakes = read(text)
    assert not mistakes
    assert [node.value for node in ast.walk(prompt) if isinstance(node, ast.Text)] == [text]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("(红色：1.2)", "：1.2)"),
        ("（a：1.2）", "：1.2）"),
        ("（a:1.2）", ":1.2）"),
        ("[a：b：0.5]", "：0.5]"),
        ("<lora：ink：1>", "<lora："),
        ("＜lora：ink:1＞", "＜lora："),
    ],
)
def test_full_width_marks_in_the_place_of_ascii_are_said(text: str, place: str) -> None:
    found = parse_prompt(Source(text).span(0, len(text)))[1]
    assert [each.span.text for each in found if each.code == "PL022"] == [place]


@pytest.mark.parametrize("text", ["时间：三点", "红色，蓝色。（好）", "时间：3点 (a:1.2)"])
def test_full_width_marks_of_ordinary_texts_are_not_doubted(text: str) -> None:
    assert not read(text)[1]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("<wildcard:my:list>", "rename the list"),
        ("<param[refinermethod]:x>", "take it out"),
        ("<param[seed]:-1>", "take it out"),
        ("<region:background>", "take it out"),
        ("<setvar[x,false]:red>", "write `let x = red` on a line above"),
    ],
)
def test_what_has_no_counterpart_is_taken_out_or_renamed(written: str, hint: str) -> None:
    ((_, found),) = read(f"a {written} b")[1]
    assert (found or "").startswith(hint)
    assert "here" not in (found or "") or "false" not in written
