"""What a prompt is told to say, token by token and step by step."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from promptlang import Explained, explain, resolve
from promptlang.plan.backend import tokenizer_folder
from promptlang.prompts.tokenizer import ESTIMATED_TOKENIZER, clip_tokenizer

FOLDER = tokenizer_folder()
assert FOLDER is not None


def told(explained: Explained, part: int = 0) -> list[tuple[tuple[tuple[int, int], ...], str]]:
    phases = explained.parts[part].phases
    return [
        (each.steps, " ".join(f"{token.text}×{token.weight:.3g}" for token in each.tokens))
        for each in phases
    ]


def test_each_token_has_its_weight_and_each_phase_its_steps() -> None:
    explained = explain("a (red:1.3) [fox|cat]", steps=4)
    assert told(explained) == [
        (((1, 1), (3, 3)), "a×1 red×1.3 fox×1"),
        (((2, 2), (4, 4)), "a×1 red×1.3 cat×1"),
    ]
    assert explained.exact
    assert explained.tokens == "those of the model `emoji`"


def test_phases_that_say_the_same_one_after_the_other_are_one() -> None:
    assert told(explain("[a:a:2] b", steps=4)) == [(((1, 4),), "a×1 b×1")]


def test_bars_say_which_branch_holds_and_one_inside_another_only_while_that_does() -> None:
    (part,) = explain("[[a|b]:c:4]", steps=6).parts
    assert [(bar.text, "".join("01"[held] for held in bar.steps)) for bar in part.bars] == [
        ("[a|b]", "111100"),
        ("a", "101000"),
        ("b", "010100"),
        ("c", "000011"),
    ]


def test_a_loras_strength_is_told_at_every_step() -> None:
    (part,) = explain("a [<lora:ink:0.8:0.4>::2] <lora:x:[0:1:2]>", steps=4).parts
    assert [(each.name, each.text_encoder, each.unet) for each in part.loras] == [
        ("ink", (0.8, 0.8, 0, 0), (0.4, 0.4, 0, 0)),
        ("x", (0, 0, 1, 1), (0, 0, 1, 1)),
    ]


def test_chunks_are_those_that_are_rendered() -> None:
    (phase,) = (
        explain("a fox BREAK " + "w , x y " * 20, tokenizer=ESTIMATED_TOKENIZER).parts[0].phases
    )
    assert phase.chunks == (2, 74, 6)
    assert [token.chunk for token in phase.tokens] == [1, 1, *[2] * 74, *[3] * 6]


def test_each_part_of_a_composition_is_told_with_its_weight() -> None:
    explained = explain("a :0.6 AND b")
    assert [part.weight for part in explained.parts] == [0.6, 1.0]
    assert [told(explained, at)[0][1] for at in (0, 1)] == ["a×1", "b×1"]


def test_without_a_tokenizer_tokens_are_estimated_and_that_is_said() -> None:
    explained = explain("an astronaut, café", tokenizer=ESTIMATED_TOKENIZER)
    assert not explained.exact
    assert told(explained)[0][1] == "an×1 astronaut×1 ,×1 café×1"
    assert explained.tokens == "estimated: a word or a mark is a token"


def test_a_token_of_ones_own_is_one() -> None:
    assert told(explain("(<painterly>:1.2) fox"))[0][1] == "<painterly>×1.2 fox×1"


def test_it_is_plain_data() -> None:
    explained = explain("(a [b:c:2] <lora:ink:0.5>", steps=3)
    assert json.loads(json.dumps(explained.to_json()))["parts"][0]["bars"] == [
        {"text": "b", "steps": [True, True, False]},
        {"text": "c", "steps": [False, False, True]},
    ]
    assert (
        explained.to_json()["diagnostics"]
        == resolve("(a [b:c:2] <lora:ink:0.5>", 3).to_json()["diagnostics"]
    )


def test_there_must_be_a_step() -> None:
    with pytest.raises(ValueError, match="at least one step, not 0"):
        explain("a", steps=0)


def test_a_tokenizer_comes_from_a_models_folder(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_text("#version: 0.2\nf o\nfo x</w>\n", "utf-8")
    tokenizer = clip_tokenizer(tmp_path, "sd")
    assert tokenizer.tokenize("Fox fo, 12") == ["fox", "f", "o", ",", "1", "2"]


def test_tokens_are_as_many_as_the_models_own_library_makes() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    ours = clip_tokenizer(FOLDER, "emoji")
    draw = random.Random(0)
    texts = [
        "Ünïcöde naïve 日本語 ½ x² __a__ don't I'LL",
        "50% off!!! :-)",
        "e\u0301 a_b \u0930\u094d\u0915",
    ]
    texts += ["".join(draw.choices("aeioutrsnl ,.'-_!?12éß日½\u0301ⅷİ②", k=20)) for _ in range(300)]
    for text in texts:
        assert len(ours.tokenize(text)) == len(
            theirs.encode(text, add_special_tokens=False).tokens
        ), text


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "a" + ")" * 5000, "[" * 1000 + "a" + ":b:5]" * 1000, "w" * 2000]
)
def test_deep_prompts_are_explained_too(text: str) -> None:
    assert explain(text, 6).parts[0].phases


def test_a_variant_is_drawn_by_the_seed_before_it_is_explained() -> None:
    tokens = [told(explain("a {red|blue} fox", 4, seed=seed))[0][1] for seed in range(8)]
    assert set(tokens) == {"a×1 red×1 fox×1", "a×1 blue×1 fox×1"}
