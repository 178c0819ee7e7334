"""Captions by grammar, and the tokenizer that reads them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlang.runtime.emoji import captioner, words
from promptlang.runtime.emoji.composer import Description, Subject
from promptlang.runtime.emoji.things import every_thing

WORDING = captioner.captioner()
KNOWN = set(captioner.vocabulary())


def described(**changes: object) -> Description:
    usual: dict[str, object] = {
        "things": (Subject("cat", "red", "pale"),),
        "arrangement": "single",
        "style": "noto",
        "filters": (("thick", "blue", "outline"),),
        "background": "green",
        "size": "small",
        "place": "top left",
        "pose": "upside down",
    }
    return Description(**{**usual, **changes})  # type: ignore[arg-type]


def worded(shown: Description, count: int = 2000) -> list[str]:
    return [WORDING.caption(shown, Random(seed)) for seed in range(count)]


def share(texts: list[str], word: str) -> float:
    said = [text for text in texts if text]
    return sum(word in text.replace(",", "").split() for text in said) / len(said)


def test_one_caption_in_ten_is_empty() -> None:
    assert 0.08 < Counter(worded(described()))[""] / 2000 < 0.12


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("noto", "style"),
        ("outline", "filter"),
        ("red", "colour"),
        ("small", "size"),
        ("upside", "pose"),
        ("left", "place"),
        ("green", "background"),
    ],
)
def test_each_part_is_said_as_often_as_it_is_meant_to(word: str, part: str) -> None:
    assert share(worded(described()), word) == pytest.approx(captioner.SAID[part], abs=0.05)


def test_white_is_said_less_often_than_other_backgrounds() -> None:
    texts = worded(described(background="white"))
    assert share(texts, "white") == pytest.approx(captioner.SAID["white"], abs=0.05)


def test_a_thing_is_called_by_name_by_synonym_by_kind_or_not_at_all() -> None:
    bare = described(things=(Subject("cat"),), filters=(), size=None, place=None, pose=None)
    texts = worded(bare)
    assert share(texts, "cat") == pytest.approx(0.55, abs=0.05)
    assert share(texts, "kitten") + share(texts, "kitty") == pytest.approx(0.25, abs=0.05)
    assert share(texts, "animal") == pytest.approx(0.1, abs=0.04)


def test_the_left_one_of_two_is_never_said_to_be_right() -> None:
    pair = described(
        things=(Subject("cat", "red"), Subject("dog", "blue")), arrangement="beside", filters=()
    )
    for text in worded(pair, 500):
        if "right of" in text and "dog" in text and "cat" in text:
            assert text.index("dog") < text.index("cat")
        if "left of" in text and "dog" in text and "cat" in text:
            assert text.index("cat") < text.index("dog")


def test_three_of_a_kind_are_said_in_the_plural() -> None:
    texts = worded(described(arrangement="three", pose=None, place=None), 200)
    assert any("three" in text and "cats" in text for text in texts)
    assert [captioner.plural(each) for each in ("fox", "cherry", "toy", "bus")] == [
        "foxes",
        "cherries",
        "toys",
        "buses",
    ]


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 2**32), st.sampled_from(every_thing()), st.sampled_from(["beside", "above"]))
def test_a_caption_has_none_but_known_words(seed: int, thing: object, arrangement: str) -> None:
    words_of = thing.words  # type: ignore[attr-defined]
    pair = described(things=(Subject(words_of, "blue"), Subject("cat")), arrangement=arrangement)
    for shown in (described(things=(Subject(words_of, "red"),)), pair):
        text = WORDING.caption(shown, Random(seed))
        assert set(text.replace(",", "").split()) <= KNOWN
        assert text == text.strip()
        assert "  " not in text


def test_every_word_of_the_captions_becomes_one_token(tmp_path: Path) -> None:
    merges = words.with_words(["c a", "ca t</w>", "b l", "bl u"], captioner.vocabulary())
    tokenizer = words.build(merges, tmp_path)
    for word in captioner.vocabulary():
        assert len(tokenizer(word, add_special_tokens=False).input_ids) == 1, word
    assert tokenizer.eos_token_id == len(tokenizer) - 1


def test_the_tokens_that_a_tokenizer_had_keep_their_numbers(tmp_path: Path) -> None:
    before = words.build(["c a", "ca t</w>"], tmp_path / "before").get_vocab()
    longer = words.with_words(["c a", "ca t</w>"], ["fox", "cat"])
    after = words.build(longer, tmp_path / "after").get_vocab()
    special = ("<|startoftext|>", "<|endoftext|>")
    for token in before.keys() - set(special):
        assert after[token] == before[token]
