"""Names, lists of wildcards and tags of every shape: each is found, or named in a diagnostic."""

from __future__ import annotations

import fnmatch
import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptlang import Library, Session, Source, ast, expand, resolve
from promptlang.analysis.world import Disk
from promptlang.dialects import DIALECTS
from promptlang.grammar import names as spelling
from promptlang.prompts.selection import WeightedLine
from tests.conftest import FOLDER, WORLD
from tests.fuzz.conftest import Cases

NAME_PIECES = ["a", "b2", "7", "水", "é", "_", "-", ".", " ", "'", "&", "+", "!", ",", "x_y", "ZZ"]
LINES = ["fox", "a red owl", "(elk:1.2)", "two, three", "ä 水墨", "C#", "50%", "it's", "x: y", "1"]


def draw_name(rng: random.Random, pieces: Iterable[str] = NAME_PIECES) -> str:
    """Return the name of a file: letters at both ends, and no two underlines in a row."""
    inside = "".join(rng.choices([*pieces], k=rng.randint(0, 6)))
    name = rng.choice("ab7水Z") + inside + rng.choice("ab7水Z!")
    return re.sub(" +-", "-", re.sub("__+", "_", name))  # ` --` begins an option


def draw_path(rng: random.Random) -> str:
    return "/".join(draw_name(rng) for _ in range(rng.choice([1, 1, 2, 3])))


@dataclass(frozen=True)
class Lists:
    """What the files in a folder say, by the names of the lists."""

    folder: Path
    lines: dict[str, list[tuple[str, float]]]


def draw_lines(rng: random.Random) -> list[tuple[str, float]]:
    kinds = [1.0, 1.0, 1.0, 0.5, 2.0, 0.25, 10.0]
    return [(line, rng.choice(kinds)) for line in rng.sample(LINES, rng.randint(1, 5))]


def draw_lists(rng: random.Random, folder: Path, *, plain: bool = False) -> Lists:
    """Write files with lists; `plain` ones are in UTF-8, and text files have no weights."""
    found: dict[str, list[tuple[str, float]]] = {}
    for _ in range(rng.randint(1, 4)):
        path = draw_path(rng)
        if path.casefold() in (name.casefold() for name in found):
            continue
        file = folder / f"{path}.txt"
        if any((folder / f"{path}").parents[n].is_file() for n in range(path.count("/"))):
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = draw_lines(rng)
        found[path] = [(line, 1.0) for line, _ in lines] if plain else lines
        write_text(rng, file, found[path], "utf-8" if plain else rng.choice(ENCODINGS))
    for ending in rng.sample([".json", ".yaml"], rng.randint(0, 2)):
        tree: dict[str, object] = {}
        keys = {draw_path(rng): draw_lines(rng) for _ in range(rng.randint(1, 3))}
        for path, lines in keys.items():
            if path not in found and place(tree, path.split("/"), entries(rng, lines)):
                found[path] = lines
        encoding = "utf-8" if plain else rng.choice(["utf-8", "utf-8-sig", "utf-16"])
        text = json.dumps(tree, ensure_ascii=False) if ending == ".json" else to_yaml(tree)
        (folder / f"{rng.choice('mn')}{ending}").write_text(text, encoding)
    return Lists(folder, found)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]


def write_text(
    rng: random.Random, file: Path, lines: list[tuple[str, float]], encoding: str
) -> None:
    rows = [line if weight == 1 else f"{weight:g}::{line}" for line, weight in lines]
    noise = ["# remark", "", "   "]
    rows = [each for row in rows for each in (*rng.sample(noise, rng.randint(0, 2)), row)]
    end = rng.choice(["\n", "\r\n"])
    if encoding == "utf-16-le" and not all(ord(each) < 256 for row in rows for each in row):
        encoding = "utf-16"  # without a mark, zero bytes tell the encoding
    file.write_bytes(end.join([*rows, ""]).encode(encoding))


def entries(rng: random.Random, lines: list[tuple[str, float]]) -> list[object]:
    out: list[object] = []
    for line, weight in lines:
        key = rng.choice(["text", "content"])
        out += rng.choice([[], [], [None], [""]])
        if weight == 1:
            out.append(rng.choice([line, {key: line}]))
        else:
            out.append(rng.choice([f"{weight:g}::{line}", {key: line, "weight": weight}]))
    return out


def place(tree: dict[str, object], path: list[str], lines: list[object]) -> bool:
    """Put a list under nested keys, unless another list or object is there."""
    *above, last = path
    for key in above:
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            return False
        tree = inner
    if last in tree:
        return False
    tree[last] = lines
    return True


def to_yaml(value: object, indent: str = "") -> str:
    """Write YAML in blocks, with texts in quotes."""
    if isinstance(value, dict):
        return "".join(
            f"{indent}{json.dumps(key)}:\n{to_yaml(each, indent + '  ')}"
            for key, each in value.items()
        )
    assert isinstance(value, list)
    return "".join(f"{indent}- {json.dumps(each, ensure_ascii=False)}\n" for each in value)


def weighted(lines: Iterable[str]) -> list[tuple[str, float]]:
    return [(str(line), line.weight if isinstance(line, WeightedLine) else 1.0) for line in lines]


def test_every_list_is_found_by_its_name_and_by_patterns(cases: Cases, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    for number, rng in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        lists = draw_lists(rng, folder)
        for name, lines in lists.lines.items():
            assert weighted(Disk().lines(folder, name)) == lines, name
        name = rng.choice([*lists.lines])
        pattern = rng.choice(["**", "*", f"{name[0]}*", f"*{name[-1]}", f"?{name[1:]}"])
        expected = [
            line
            for each in sorted(lists.lines)
            if fnmatch.fnmatchcase(each, pattern)
            for line in lists.lines[each]
        ]
        assert weighted(Disk().lines(folder, pattern)) == expected, pattern


def test_every_template_is_filled_in_from_its_lists(cases: Cases) -> None:
    for rng in cases:
        lists = {
            draw_path(rng): rng.sample(["fox", "a red owl", "elk", "x y", "水"], rng.randint(2, 4))
            for _ in range(3)
        }
        library = Library(wildcards=lambda pattern, lists=lists: lists.get(pattern, ()))
        pieces = [draw_template(rng, lists) for _ in range(rng.randint(1, 4))]
        text = ", ".join(written for written, _ in pieces)
        shape = ", ".join(pattern for _, pattern in pieces)
        seed = rng.randrange(1000)
        resolved = resolve(text, 1, seed=seed, library=library)
        drawn = "".join(each.text for each in resolved.parts[0].intervals[0].segments)
        assert not resolved.diagnostics, text
        match = re.fullmatch(shape, drawn)
        assert match is not None, (text, shape, drawn)
        for name, joined in match.groupdict().items():
            lines = joined.split("+")
            assert len({*lines}) == len(lines) == 2, (text, name)


def draw_template(rng: random.Random, lists: dict[str, list[str]]) -> tuple[str, str]:
    """Return a template, and the expression that its fillings match."""
    name = rng.choice([*lists])
    one = f"(?:{'|'.join(map(re.escape, lists[name]))})"
    if rng.random() < 0.2:
        return (
            f"{{2$$+$${rng.choice(['', ' '])}__{name}__}}",
            f"(?P<n{rng.getrandbits(60)}>{one}\\+{one})",
        )
    forms = [
        (f"__{name}__", one),
        (f"a __{name}__ b", f"a {one} b"),
        (f"({{__{name}__}}:1.6)", one),
        (f"{{__{name}__|__{name}__}}", one),
        (f"{{1$$__{name}__}}", one),
        (f"{{0.5::__{name}__|3::x}}", f"(?:{one}|x)"),
        (f"__{name}____{name}__", one + one),
        (f"[__{name}__]", one),
    ]
    return rng.choice(forms)


def test_every_pair_of_underlines_is_a_wildcard_or_stays(cases: Cases) -> None:
    """What is not filled in comes out as it is written, and each unknown list is named."""
    for rng in cases:
        text = "".join(rng.choices(["__", "a", " b", "_", "c d", ",", "$", "x_y", "*", "/"], k=9))
        known = [*expand(text, library=Library(wildcards=lambda _: ["\0"]))]
        resolved = resolve(text, 1)
        assert len(known) == 1
        drawn = "".join(each.text for each in resolved.parts[0].intervals[0].segments)
        assert drawn == text.strip() or drawn == text
        unknown = sum(each.code == "PL109" for each in {*resolved.diagnostics})
        assert unknown == known[0].count("\0"), text


ODD = [*NAME_PIECES, "/", "(", ")", "[", "]", ":", "<", ">", "\\", "|", "{", '"', "#", "AND", "~"]


def test_a_name_on_a_shelf_is_read_back_or_lost_with_a_word(cases: Cases) -> None:
    span = Source("x").span(0, 1)
    for rng in cases:
        name = draw_name(rng, ODD)
        node = rng.choice([ast.Embedding(name, span=span), ast.Lora(name, 0.5, 0.5, span=span)])
        phrases = (ast.Text("a ", span=span), node, ast.Text(" b", span=span))
        target = rng.choice([*DIALECTS])
        written, lost = DIALECTS[target].write(ast.Prompt(phrases, span=span))
        prompt, _ = DIALECTS[target].read(Source(written).span(0, len(written)))
        back = [each for each in ast.walk(prompt) if type(each) is type(node)]
        bare = target in ("a1111", "sdcpp", "dynamicprompts") and isinstance(node, ast.Embedding)
        if bare and not lost:
            text = "".join(each.value for each in ast.walk(prompt) if isinstance(each, ast.Text))
            assert name in text, (target, written)
        else:
            assert back == [node] or lost, (target, name, written)
        assert not back or back == [node], (target, name, written)


def test_a_token_that_a_prompt_can_name_is_on_the_shelf_or_diagnosed(cases: Cases) -> None:
    for rng in cases:
        name = draw_name(rng, [*NAME_PIECES, "/"])
        if not re.fullmatch(spelling.TOKEN_NAME, name):
            continue
        text = rng.choice(["<{}>", "(a <{}>:1.2)", "[x:<{}>:0.5]", "{{<{}>|<{}>}}"])
        text = text.format(name, name)
        planned = Session(FOLDER, "x", world=WORLD).plan(Source(text))
        assert {each.code for each in planned.diagnostics} == {"PL105"}, text


def test_unknown_tags_are_always_diagnosed(cases: Cases) -> None:
    for rng in cases:
        kind = draw_name(rng, ["a", "b", "_", "-", "9"]).rstrip("!")
        kind = rng.choice([kind, *["fromto", "setvar", "Random", "segment", "hypernet", "lore"]])
        argument = rng.choice(["", "", "[0.5]", "[x,false]", "[]", "[1-3]", "[ a b ]"])
        body = "".join(rng.choices(["a", ",", "|", " ", "b", ":", "0.5", "[x]", "(y)", "水"], k=4))
        tag = (
            f"<{kind}{argument}:{body}>"
            if not argument or rng.random() < 0.8
            else f"<{kind}{argument}>"
        )
        around = rng.choice(["{}", "a {} b", "({}:1.2)", "[a:{}:0.5]", "<random:{}>", "x AND {}"])
        source = Source(around.format(tag))
        found = DIALECTS["promptlang"].read(source.span(0, len(source.text)))[1]
        unknown = [each for each in found if each.code == "PL007"]
        assert len(unknown) == around.count("<") + 1, source.text
        assert all(each.hint for each in unknown)


UNKNOWN = {
    "<nope>": "PL105",
    "<no pe/x>": "PL105",
    "__nolist__": "PL109",
    "${nolet}": "PL106",
    "<lora:nope:1>": "PL101",
    "<lora:ink:0.5>": "PL112",
    "<area:0,1,0,0.5>": "PL013",
    "<weight[1.2]:b>": "PL007",
    "(a：1.2)": "PL022",
}


def test_every_name_in_a_negative_prompt_is_looked_up(cases: Cases) -> None:
    for rng in cases:
        written, code = rng.choice([*UNKNOWN.items()])
        around = rng.choice(
            ["{}", "a, {}", "(b {}:1.2)", "{{x|{}}}", "[c:{}:0.5]", "{{{{{}|y}}|z}}"]
        )
        negative = around.format(written)
        program = rng.choice(
            [
                'a --negative "{}"',
                'a --negative "ok","{}"',
                'set negative "{}"',
                'set negative "{}"\na\nb --steps 3',
                'set negative "ok"\nset negative "{}"\na',
                'a\nset negative """{}"""\nrender b',
                'set negative "{}"\nc --negative "ok"\na',
            ]
        ).replace("{}", negative)
        planned = Session(FOLDER, "x", world=WORLD).plan(Source(program))
        assert code in [each.code for each in planned.diagnostics], program


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_lists_and_templates_are_those_of_dynamic_prompts(cases: Cases, tmp_path: Path) -> None:
    """Compare what both read: text files in UTF-8 without weights, and weights from 1 on."""
    pytest.importorskip("yaml")
    generators = pytest.importorskip("dynamicprompts.generators")
    managers = pytest.importorskip("dynamicprompts.wildcards")
    for number, rng in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        lists = draw_lists(rng, folder, plain=True)
        if any(".." in name for name in lists.lines):
            continue  # a name that Dynamic Prompts refuses
        theirs = managers.WildcardManager(folder)
        for name in [*lists.lines, "**", f"{next(iter(lists.lines))[0]}*"]:
            found = theirs.get_values(name)
            assert {*weighted(Disk().lines(folder, name))} == {
                (str(each), getattr(each, "weight", 1.0)) for each in found.items
            }, name
        few = {
            name: [line for line, _ in lines]
            for name, lines in lists.lines.items()
            if all(weight >= 1 and not {*line} & {*"#%"} for line, weight in lines)
        }
        if not few:
            continue
        template = draw_template(rng, few)[0]
        library = Library(wildcards=lambda pattern, folder=folder: Disk().lines(folder, pattern))
        made = generators.CombinatorialPromptGenerator(theirs).generate(template)
        ours = {*expand(template, library=library)}
        assert {*map(_spaced, ours)} == {*map(_spaced, made)}, template


def _spaced(text: str) -> str:
    return " ".join(text.split())
