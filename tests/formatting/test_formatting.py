"""The canonical layout: what it looks like, and that it never changes what a program means."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import promptlang
from promptlang import Source, ast, parse, resolve
from promptlang.formatting import format_program


def test_options_stand_below_each_other_and_remarks_where_they_were() -> None:
    messy = """

        # portrait.pl
        use   model emoji
        set steps 030


        set  negative "blurry,  low"   # why


        train lora fashion from "photos/fashion" --rank 16   --alpha 8.0 --steps 800
        train   lora x from   photos  --rank 0004

        (a:  +01.20 )\\! <LORA: ink :0.80> [a:b: .50 ]  --seed 1
        a fox, in a park --seed   7 --cfg 3
            # on two lines
        a fox,
          in snow   --seed 007 # x
             --cfg 3.50
        render   a   fox
        """
    assert format_program(dedent(messy)) == dedent("""\
        # portrait.pl
        use model emoji
        set steps 30

        set negative "blurry,  low"   # why

        train lora fashion from "photos/fashion" --rank 16 --alpha 8.0 --steps 800
        train lora x       from photos           --rank 4

        (a:1.2)! <lora:ink:0.8> [a:b:0.5]    --seed 1
        a fox, in a park                     --seed 7 --cfg 3
            # on two lines
        a fox,
          in snow    --seed 7 # x
            --cfg 3.5
        render a   fox
        """)


def test_a_line_that_is_much_wider_moves_no_other() -> None:
    wide = "a very long prompt " * 4 + "end"
    assert (
        format_program(f"a fox --seed 1\n{wide} --seed 2")
        == f"a fox    --seed 1\n{wide}    --seed 2\n"
    )


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("(a:+1.20)", "(a:1.2)"),
        ("(a:.5)", "(a:0.5)"),
        ("(a:007.)", "(a:7)"),
        ("(a:-0.50)", "(a:-0.5)"),
        ("(a: 1.2 )", "(a:1.2)"),
        ("(a:[ 1.10 : 1.30 : 1.0 ])", "(a:[1.1:1.3:1.0])"),
        ("(a:[1.10|1.0:2.])", "(a:[1.1|1:2.0])"),
        ("[a:b:1.0]", "[a:b:1.0]"),
        ("[a:b: 12 ]", "[a:b:12]"),
        ("[a:b:c: 0.30 , .7]", "[a:b:c:0.3,0.7]"),
        ("[a|b: 05]", "[a|b:5]"),
        ("a : 0.60 AND b :.4", "a : 0.6 AND b :0.4"),
        ("<Lora: ink : 1.0 : 0.50 >", "<lora:ink:1:0.5>"),
        ("<lora:ink:TE = 0.50:unet=1.0>", "<lora:ink:te=0.5:unet=1>"),
        ("<lora:ink:[0.0 : 0.80 : 0.40]>", "<lora:ink:[0:0.8:0.4]>"),
        ("<lora:ink:0@0.0, 1.0@.5>", "<lora:ink:0@0.0,1@0.5>"),
        ("<AREA:0,0.50, 0.0,1.0:feather=.10>", "<area:0,0.5,0,1:feather=0.1>"),
        ("<TRIGGER: ink >", "<trigger:ink>"),
        (r"a\! \(b\) c\:d \AND e", r"a! \(b\) c\:d \AND e"),
        ("a,  b ,c", "a,  b ,c"),
    ],
)
def test_a_prompts_numbers_and_tags_are_written_shortest_and_its_words_as_they_were(
    written: str, canonical: str
) -> None:
    assert format_program(written) == f"{canonical}\n"


@pytest.mark.parametrize(
    "text",
    [
        "(a:1.20\n",
        "(a:1.20))\n",
        "(a:1.20) [c:d]\n",
        "(a:1.20) <lore:x>\n",
        '(a:1.2)   --negative "open   --seed 007\n',
        "train lora   x   fron y\n",
        'set   negative   "open\n',
        "xy\\!train lora from x\n",
        "(a:1.2   \n   )\n",
    ],
)
def test_what_is_broken_or_odd_stays_byte_for_byte(text: str) -> None:
    assert format_program(text) == text


def test_a_programs_end_is_one_newline_and_nothing_stays_nothing() -> None:
    assert [format_program(text) for text in ("", "\n \n", "a", "a\n\n", "# a  ")] == [
        "",
        "",
        "a\n",
        "a\n",
        "# a\n",
    ]


WORDS = """
a, b|(a:1.20)|(a: 1.2 )|((b|)|[a:b: .50 ]|[a|b]|[a:1.0]|[|]|:|AND|BREAK
a :0.60 AND b|<LORA: x :0.50>|<lora:|\\!|\\|\\(
--seed 007|--cfg 4.50 |--steps|--negative "x  y"|--negative|set steps  30|set
use  model emoji|train lora  x  from y
train|lora|from|render  |# c |#|\"\"\"|"|{a|}|:1.20)
(a:[1.0 : 2:0.50])|: 0.5]|1.0|<a>|<area:0,1.0, 0,1>|0|.|,
{|}|${x}|${x(|__w__|2$$|0.50::a|let h = a  b|let h(p, q="r")  =
1..4|--seed  1 .. 4|--cfg 3.0,  5|include  "a.pl"
merge ti <t> from|<a>:0.50|--every|--no-grid|convert x  to kohya|use lora "a"  as  b|50%
""".replace("\n", "|").split("|")
LINES = st.lists(
    st.sampled_from(
        [*WORDS, " ", "  ", "\n", "\n  ", "\n\n", "\n\n\n", "\t", "\r", "\x0b", "\u3000", "\x85"]
    )
    | st.text(max_size=2),
    max_size=25,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(LINES)
@example("a\n# c\n  b   --seed 01")
@example("--every1.0")
@example("  a\n\n   (b:1.0)\n c")
def test_formatting_never_changes_meaning_and_twice_changes_nothing(text: str) -> None:
    formatted = format_program(text)
    before, after = parse(Source(text)), parse(Source(formatted))
    assert before.program == after.program
    assert [each.code for each in before.diagnostics] == [each.code for each in after.diagnostics]
    for one, other in zip(prompts(before.program), prompts(after.program), strict=True):
        assert resolve(one, 7).parts == resolve(other, 7).parts
    assert format_program(formatted) == formatted


def prompts(program: ast.Program) -> list[ast.Prompt]:
    return [node for node in ast.walk(program) if isinstance(node, ast.Prompt)]


def test_an_alias_of_an_option_stays_as_it_is_written() -> None:
    text = "train lora ink from photos --clip 0.5\nset guidance-scale 7\n"
    assert format_program(text) == text


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "a" + ":1.20)" * 5000, "a fox --seed 01\n" * 1500, "\n" * 50000 + "a"]
)
def test_deep_and_long_programs_are_formatted_too(text: str) -> None:
    formatted = format_program(text)
    assert format_program(formatted) == formatted


def rows() -> list[tuple[str, str]]:
    readme = (Path(promptlang.__file__).parent.parent / "grammar" / "README.md").read_text("utf-8")
    section = readme.split("## Layout\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(.+?)`.*? \| `(.+?)` \|", section, re.M)


@pytest.mark.parametrize(("written", "canonical"), rows())
def test_the_reference_shows_the_layout_as_it_is(written: str, canonical: str) -> None:
    if written.startswith("--"):
        written, canonical = f"a {written}", f"a    {canonical}"
    assert promptlang.format(written) == f"{canonical}\n"
