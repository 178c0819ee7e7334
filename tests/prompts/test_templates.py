"""Templates: what stands for one of several texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest

from promptlang import Library, Session, Source, check, convert, expand, parse_prompt, resolve
from promptlang.diagnostics import Diagnostic
from promptlang.plan.steps import Render
from promptlang.prompts.expansion import LetDefinition
from promptlang.prompts.selection import WeightedLine

LISTS = {"animal": ["fox", "{red|grey} owl"], "animals/*": ["cat", "dog"]}
LIBRARY = Library(wildcards=lambda pattern: LISTS.get(pattern, ()))


def drawn(text: str, seed: int = 0) -> str:
    resolved = resolve(text, 1, seed=seed, library=LIBRARY)
    return "".join(each.text for each in resolved.parts[0].intervals[0].segments)


def ways(text: str, most: int = 50) -> list[str]:
    return list(islice(expand(text, library=LIBRARY), most))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I {love|hate} {tea|rain}", ["I love tea", "I love rain", "I hate tea", "I hate rain"]),
        ("{a|b|}", ["a", "b", ""]),
        ("{a|{b|c}}", ["a", "b", "c"]),
        ("{2$$a|b}", ["a,b", "b,a"]),
        ("{1-2$$ and $$a|b}", ["a", "b", "a and b", "b and a"]),
        ("{0.7::a|0.3::b}", ["a", "b"]),
        ("a __animal__", ["a fox", "a red owl", "a grey owl"]),
        ("__animals/*__", ["cat", "dog"]),
        ("{[a|b]|c}", ["[a|b]", "c"]),
        ("{x} {} 50% $5 a__b __init", ["{x} {} 50% $5 a__b __init"]),
        (r"\{a|b\}", [r"\{a|b\}"]),
        ("<lora:{a|b}:{0.5|1}>", ["<lora:a:0.5>", "<lora:a:1>", "<lora:b:0.5>", "<lora:b:1>"]),
        ("<lora:my__animal__x:1>", ["<lora:my__animal__x:1>"]),
        ("# {a|b}", ["# {a|b}"]),
        ("({__animals/*__}:1.6)", ["(cat:1.6)", "(dog:1.6)"]),
        ("{ __animals/*__ }", ["cat", "dog"]),
        ("{{a|b} c}", ["a c", "b c"]),
        ("{2$$__animals/*__}", ["cat,dog", "dog,cat"]),
        ("{2$$ and $$ __animals/*__ }", ["cat and dog", "dog and cat"]),
        ("{1-2$$__animals/*__}", ["cat", "dog", "cat,dog", "dog,cat"]),
        ("{1-$$__animals/*__}", ["cat", "dog", "cat,dog", "dog,cat"]),
        ("{2$$__animals/*__|x}", ["cat,x", "dog,x", "x,cat", "x,dog"]),
        ("__animals/*____animals/*__", ["catcat", "catdog", "dogcat", "dogdog"]),
        (
            "__animals/*__s, 3__animals/*__",
            ["cats, 3cat", "cats, 3dog", "dogs, 3cat", "dogs, 3dog"],
        ),
        ("$__animals/*__", ["$cat", "$dog"]),
    ],
)
def test_every_way_comes_out_in_order(text: str, expected: list[str]) -> None:
    assert ways(text) == expected


def test_a_let_beside_a_wildcard_whose_line_has_a_variant_is_expanded() -> None:
    body = parse_prompt(Source("man").span(0, 3))[0]
    library = Library({"hero": LetDefinition((), body)}, LIBRARY.wildcards)
    texts = [*expand("__animal__ ${hero}", library=library)]
    assert texts == ["fox man", "red owl man", "grey owl man"]


def test_a_thousand_million_ways_are_not_made_before_they_are_asked_for() -> None:
    assert ways("{0|1|2|3|4|5|6|7|8|9}" * 9, 2) == ["000000000", "000000001"]


def test_a_seed_draws_the_same_each_time_and_every_variant_at_some_time() -> None:
    text = "{a|b|c}"
    assert drawn(text, 7) == drawn(text, 7)
    assert {drawn(text, seed) for seed in range(40)} == {"a", "b", "c"}


def test_a_likelier_variant_is_drawn_more_often() -> None:
    counted = Counter(drawn("{0.9::a|0.1::b}", seed) for seed in range(200))
    assert counted["a"] > 5 * counted["b"] > 0


def test_a_bracket_may_be_completed_by_a_variant() -> None:
    (segment,) = resolve("({a:1.2|a:1.2})", 1).parts[0].intervals[0].segments
    assert (segment.text, segment.weight) == ("a", 1.2)
    intervals = resolve("[cat:dog:{0.3|0.3}]", 10).parts[0].intervals
    assert [each.until for each in intervals] == [3, 10]


def test_what_is_wrong_in_a_variant_is_underlined_where_it_stands() -> None:
    text = "a {(red|(red} fox"
    found = resolve(text, 1, seed=1).diagnostics
    assert [(each.code, each.span.text) for each in found] == [("PL001", "(")]


def test_a_schedule_whose_moment_is_a_variant_is_not_doubted() -> None:
    assert resolve("[a:b:{0.3|0.7}]").diagnostics == ()


def test_a_template_without_its_list_stays_as_it_is_written_and_is_said() -> None:
    resolved = resolve("(a __beast__:1.2) ${x}", 1)
    assert [(each.text, each.weight) for each in resolved.parts[0].intervals[0].segments] == [
        ("a __beast__", 1.2),
        (" ${x}", 1.0),
    ]
    assert [(each.code, each.span.text) for each in resolved.diagnostics] == [
        ("PL109", "__beast__"),
        ("PL106", "${x}"),
    ]


Planner = Callable[[str], list[Render]]


@pytest.fixture
def plan(session: Session) -> Planner:
    """The pictures of a program without a mistake."""

    def made(text: str) -> list[Render]:
        planned = session.plan(Source(text))
        assert planned.diagnostics == ()
        return [step for step in planned.plan.steps if isinstance(step, Render)]

    return made


def said(render: Render) -> str:
    return "".join(each.text for each in render.prompts.prompt.parts[0].intervals[0].segments)


def test_a_let_stands_for_its_text_with_what_it_is_given(plan: Planner) -> None:
    (hard, soft) = plan(
        'let hero(light="soft") = (a man:1.2) in ${light} light\n${hero(hard)}, far\n${hero}, far'
    )
    assert (said(hard), said(soft)) == ("a man in hard light, far", "a man in soft light, far")


def test_a_let_sees_the_lets_above_it_only(plan: Planner) -> None:
    (picture,) = plan("let a = x\nlet b = ${a} y\nlet a = z\n${b}, ${a}")
    assert said(picture) == "x y, z"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("let hero = a man\n${hreo}", "PL106"),
        ("let hero(x) = a ${x}\n${hero(a, b)}", "PL107"),
        ("let hero(x) = a ${x}\n${hero}", "PL108"),
        ("a __beast__", "PL109"),
        ("let a = a <lora:nowhere>", "PL101"),
        ("{a|<lora:nowhere>} fox", "PL101"),
        ("{a|b", "PL014"),
    ],
)
def test_a_template_that_finds_nothing_is_said(
    complaints: Callable[[str], list[Diagnostic]], text: str, code: str
) -> None:
    assert [each.code for each in complaints(text)] == [code]


def test_a_lora_that_only_a_variant_names_is_looked_for_before_anything_runs(
    complaints: Callable[[str], list[Diagnostic]],
) -> None:
    assert [each.code for each in complaints("a <lora:{nowhere|nothing}:0.5>")] == ["PL101"]
    assert [
        each.severity.value for each in complaints("set missing warn\na <lora:{nowhere|nothing}>")
    ] == ["warning"]
    assert complaints("set missing ignore\na <lora:{nowhere|nothing}> <lora:gone> <token>") == []


def test_lets_that_double_do_not_fill_the_memory(plan: Planner) -> None:
    lines = ["let a0 = " + "x" * 100] + [
        f"let a{i} = ${{a{i - 1}}}${{a{i - 1}}}" for i in range(1, 40)
    ]
    assert plan("\n".join(lines)) == []


def test_a_let_that_comes_to_too_much_is_an_error(
    complaints: Callable[[str], list[Diagnostic]],
) -> None:
    lines = ["let a0 = " + "x" * 100] + [
        f"let a{i} = ${{a{i - 1}}}${{a{i - 1}}}" for i in range(1, 40)
    ]
    assert [each.code for each in complaints("\n".join([*lines, "${a39}"]))] == ["PL015"]


def test_wildcards_are_looked_up_in_the_folder_that_is_used(plan: Planner) -> None:
    (picture,) = plan('use wildcards "photos"\na __animal__ --seed 1')
    assert said(picture) in ("a fox", "a owl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a fox --seed 1..3", [(1, 5.0), (2, 5.0), (3, 5.0)]),
        ("a fox --seed 4,9 --cfg 3,7", [(4, 3.0), (4, 7.0), (9, 3.0), (9, 7.0)]),
        ("a fox --cfg 1..2/3", [(0, 1.0), (0, 1.5), (0, 2.0)]),
        ("a fox --n 2 --seed 5", [(5, 5.0), (6, 5.0)]),
        ("set n 2\na fox --seed 5", [(5, 5.0), (6, 5.0)]),
        ("a fox --seed 1..5/3", [(1, 5.0), (3, 5.0), (5, 5.0)]),
    ],
)
def test_a_sweep_is_a_picture_for_each_value(
    plan: Planner, text: str, expected: list[tuple[int, float]]
) -> None:
    assert [(each.sampling.seed, each.sampling.cfg) for each in plan(text)] == expected


@pytest.mark.parametrize("option", ["--seed 0..1/5", "--steps 1..2/5", "--seed 1.5,2"])
def test_a_whole_number_is_not_swept_in_fractions(
    complaints: Callable[[str], list[Diagnostic]], option: str
) -> None:
    assert [each.code for each in complaints(f"a fox {option}")] == ["PL201"]


def test_every_is_a_picture_for_each_variant(plan: Planner) -> None:
    assert [said(each) for each in plan("a {red|blue} fox --every")] == ["a red fox", "a blue fox"]


def test_too_many_pictures_are_refused_at_once(
    complaints: Callable[[str], list[Diagnostic]],
) -> None:
    text = "a fox --seed 1..100000\n" + "{a|b|c|d|e|f|g|h|i|j}" * 9 + " --every"
    assert [each.code for each in complaints(text)] == ["PL210", "PL210"]


def test_a_guidance_scale_may_change_over_the_steps(plan: Planner) -> None:
    (picture,) = plan("a fox --cfg [3:7:0.5] --steps 4")
    assert (picture.sampling.cfg, picture.sampling.cfg_by_step) == (3.0, (3.0, 3.0, 7.0, 7.0))


def test_a_part_weight_may_change_over_the_steps(plan: Planner) -> None:
    (picture,) = plan("a :[1:0.5:0.5] AND b --steps 4")
    first, second = picture.prompts.prompt.parts
    assert [(each.until, each.weight) for each in first.intervals] == [(2, 1.0), (4, 0.5)]
    assert [each.weight for each in second.intervals] == [None]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{a|b} (fox", ["PL001"]),
        ("a (fox, __beast__ [red:blue]", ["PL001", "PL010"]),
        ("{a|b} [red:blue] ${c}", ["PL010", "PL106"]),
    ],
)
def test_a_prompt_with_templates_is_read_as_closely_as_any(text: str, codes: list[str]) -> None:
    assert [each.code for each in check(text)] == codes


@pytest.mark.parametrize(
    "name",
    [
        *["big cats", "a/b c/d", "1girl", "v2.1", "a-b", "it's", "a, b", "a & b", "x_y", "_x"],
        *[
            "水墨",
            "**",
            "a/**",
            "*/b",
            "a?c",
            "[ab]c",
            "10",
            "x+y",
            r"a\b",
            "(no)",
            "a:b",
            " a",
            "a ",
        ],
    ],
)
def test_a_list_may_have_the_names_that_files_have(name: str) -> None:
    asked: list[str] = []

    def lines(pattern: str) -> list[str]:
        asked.append(pattern)
        return ["fox"]

    texts = [*expand(f"a __{name}__ b", library=Library(wildcards=lines))]
    readable = name not in ("(no)", "a:b", " a", "a ")
    name = name.replace("\\", "/")
    assert (asked, texts) == ([name], ["a fox b"]) if readable else ([], [f"a __{name}__ b"])


def test_different_lines_are_drawn_by_their_weights() -> None:
    lines = [WeightedLine("fox", 0.9), WeightedLine("owl", 0.1), "fox", WeightedLine("elk", 0)]
    library = Library(wildcards=lambda _: lines)
    counted = Counter(
        resolve("__x__", 1, seed=seed, library=library).parts[0].intervals[0].segments[0].text
        for seed in range(300)
    )
    assert counted["fox"] > 10 * counted["owl"] > 0 == counted["elk"]
    both = {
        resolve("{2$$+$$__x__}", 1, seed=seed, library=library)
        .parts[0]
        .intervals[0]
        .segments[0]
        .text
        for seed in range(200)
    }
    assert both == {"fox+owl", "owl+fox"}


def test_more_lines_than_there_are_is_said() -> None:
    resolved = resolve("a {5$$__animals/*__}", 1, library=LIBRARY)
    assert [(each.code, each.message) for each in resolved.diagnostics] == [
        ("PL213", "`__animals/*__` has only 2 different lines")
    ]
    assert [each.code for each in resolve("{2$$__beast__}", library=LIBRARY).diagnostics] == [
        "PL109"
    ]


def test_a_remark_in_a_line_hides_nothing_behind_the_wildcard() -> None:
    library = Library(wildcards=lambda _: ["fox # nice", "C#"])
    assert [*expand("a __x__, forest", library=library)] == ["a fox, forest", "a C#, forest"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a {@red|blue}", "{@"),
        ("{ ~a|b} x", "{ ~"),
        ("{!{a|b}|c}", "{!"),
        ("${hue=red} fox", "${hue="),
        ("${hue:red} fox", "${hue:"),
        ("${hue=!{red|blue}}", "${hue="),
        ("a __@animal__", "__@"),
        ("a __~animals/*__", "__~"),
        ("__animal(size=big)__", "__animal("),
    ],
)
def test_what_dynamic_prompts_alone_has_is_named(text: str, place: str) -> None:
    found = [each for each in resolve(text).diagnostics if each.code == "PL023"]
    assert [each.span.text for each in found] == [place]
    assert [each.code for each in check(text)] == ["PL023"]
    assert "PL023" not in [each.code for each in convert(text, source="dynamicprompts").diagnostics]


@pytest.mark.parametrize(
    "text", [r"\${hue=red}", "{a|@b}", "{@a}", "a__@b", "f(x)__(y)__", r"\__@animal__", "@a !b ~c"]
)
def test_what_only_looks_like_it_is_text_without_a_word(text: str) -> None:
    assert resolve(text).diagnostics == ()
