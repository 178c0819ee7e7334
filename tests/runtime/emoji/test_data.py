"""The data of the built-in model: things, drawings, filters, composed pictures."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from PIL import Image

from promptlang.runtime.emoji import colours, drawings, filters, scenes, styles, things
from promptlang.runtime.emoji.artwork import over, render
from promptlang.runtime.emoji.card import LICENCES
from promptlang.runtime.emoji.composer import (
    CONTRAST,
    SIZES,
    Description,
    Layout,
    Range,
    arrange,
    contrast,
    full_range,
    is_held_out,
    place,
    place_words,
)
from promptlang.runtime.emoji.packages import PACKAGES

from .artists import SIZE, composer, disc, few_drawings, few_things

SQUARE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
    '<rect width="10" height="10" fill="#f00"/></svg>'
)
EVERY = tuple(source.word for source in styles.SETS)
FILTERS = tuple(filters.FILTERS)


def a_range(held_out: bool = False, varied: float = 0.4) -> Range:
    return Range(few_things(), EVERY, FILTERS, held_out, filtered=held_out, varied=varied)


def test_there_are_160_things_24_moods_and_12_that_are_held_out() -> None:
    known = things.every_thing()
    assert sum(thing.is_face for thing in known) == 24
    assert sum(thing.held_out for thing in known) == 12
    assert sum(not (thing.is_face or thing.held_out) for thing in known) >= 160
    for name in ("artwork", "words"):
        assert len({getattr(thing, name) for thing in known}) == len(known)


def test_a_line_of_things_names_artwork_words_synonyms_icons_and_sets_to_leave_out() -> None:
    text = "[food]\n# warm\nhot-beverage = coffee; tea, cup; mug; flex\n!pear"
    coffee, pear = things.read(text)
    assert coffee == things.Thing(
        "hot-beverage", "coffee", ("tea", "cup"), "food", ("mug",), frozenset({"flex"})
    )
    assert (pear.words, pear.kind, pear.held_out) == ("pear", "food", True)


def test_what_recipes_teach_is_not_among_the_styles() -> None:
    used = {name for source in styles.SETS for name in source.packages}
    assert not used & {"fxemoji", "noto-v1"}
    assert "blueprint" not in filters.FILTERS
    assert used <= PACKAGES.keys()


def test_every_set_has_a_licence_that_may_be_used() -> None:
    used = {name for source in styles.SETS for name in source.packages}
    assert used == LICENCES.keys()
    allowed = {"Apache-2.0", "MIT", "ISC", "CC0-1.0", "CC-BY-4.0", "CC-BY-3.0"}
    assert set(LICENCES.values()) <= allowed


def test_an_icon_is_found_under_any_of_its_names_but_not_where_it_shows_another_thing() -> None:
    class Icons:
        def __contains__(self, name: str) -> bool:
            return name in self.names()

        def names(self) -> list[str]:
            return ["mug-fill", "coffee-pot"]

        def svg(self, name: str) -> str:
            return name

    icons = [Icons()]
    coffee = things.Thing("hot-beverage", "coffee", (), "food", ("mug",), frozenset({"flex"}))
    filled = styles.ArtworkSet("solar", ("solar",), suffixes=("-fill",))
    loose = styles.ArtworkSet("core", ("core",), by_prefix=True)
    assert drawings.find(coffee, filled, icons) == "mug-fill"  # type: ignore[arg-type]
    assert drawings.find(coffee, loose, icons) == "coffee-pot"  # type: ignore[arg-type]
    flex = styles.ArtworkSet("flex", ("flex",), by_prefix=True)
    assert drawings.find(coffee, flex, icons) is None  # type: ignore[arg-type]


def test_a_face_loses_its_head_only_where_the_first_shape_is_one() -> None:
    face = '<svg><circle fill="#fc0" r="5"/><path fill="#000" d="M1 1"/></svg>'
    assert drawings.without_head(face, "#fc0") == '<svg><path fill="#000" d="M1 1"/></svg>'
    assert drawings.without_head(face, "#000") is None


def test_artwork_stands_in_the_middle_of_a_colour() -> None:
    picture = over(np.asarray(render(SQUARE)), (0, 0, 255))
    assert picture.shape == (64, 64, 3)
    assert picture[0, 0].tolist() == [0, 0, 255]
    assert picture[32, 32].tolist() == [255, 0, 0]


def test_a_drawing_made_smaller_keeps_the_colour_of_its_opaque_pixels() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[0, 0] = (200, 100, 50, 255)
    small = drawings.smaller(picture, 2)
    assert small[0, 0].tolist() == [200, 100, 50, 64]
    assert small[1, 1, 3] == 0


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", [*FILTERS, "blueprint"])
def test_a_filter_gives_a_valid_picture_and_its_own_word(name: str, named: bool, size: int) -> None:
    picture = np.kron(disc((220, 80, 60)), np.ones((size // SIZE, size // SIZE, 1)))
    chosen = filters.FILTERS.get(name, filters.blueprint)
    for seed in range(3):
        drawn, words = chosen(picture.astype(np.float32), filters.Choice(Random(seed), named))
        assert drawn.shape == (size, size, 4)
        assert drawn.dtype == np.float32
        assert 0 <= drawn.min() <= drawn.max() <= 255
        assert drawn[..., 3].max() > 100
        assert name in words
        again, _ = chosen(picture.astype(np.float32), filters.Choice(Random(seed), named))
        assert np.array_equal(drawn, again)


def test_blueprints_colours_are_never_those_of_a_duotone() -> None:
    picture = disc((220, 80, 60)).astype(np.float32)
    for seed in range(200):
        drawn, _ = filters.duotone(picture, filters.Choice(Random(seed), named=False))
        opaque = drawn[drawn[..., 3] > 250][:, :3]
        dark = opaque[opaque.sum(-1).argmin()]
        light = opaque[opaque.sum(-1).argmax()]
        far = [np.abs(a - b).max() for a, b in ((dark, filters.NAVY), (light, filters.CREAM))]
        assert max(far) > 25


@pytest.mark.parametrize("name", scenes.SCENES)
def test_a_scene_is_a_picture_with_a_name(name: str) -> None:
    for size in (64, 128):
        picture, words = scenes.SCENES[name](size, Random(1))
        assert picture.shape == (size, size, 3)
        assert 0 <= picture.min() <= picture.max() <= 255
        assert words


def test_a_colour_turns_what_is_saturated_and_leaves_gray() -> None:
    picture = np.array([[[250, 20, 20, 255], [128, 128, 128, 255]]], np.float32)
    turned = colours.recoloured(picture, colours.COLOURS["blue"])
    assert turned[0, 0].argmax() == 3 or turned[0, 0, :3].argmax() == 2
    assert turned[0, 1, :3].tolist() == [128, 128, 128]
    assert colours.graded("red", "pale") > colours.graded("red", None)


@pytest.mark.parametrize("held_out", [False, True])
def test_pairs_that_are_held_out_are_never_drawn_and_those_alone_to_compare(held_out: bool) -> None:
    sampler = composer(a_range(held_out))
    paired = 0
    for seed in range(300):
        _, shown = sampler.draw(Random(seed))
        for each in shown.things:
            if each.colour and each.colour != "yellow":
                assert is_held_out(each.thing, each.colour) == held_out
        names = [next(word for word in words if word in FILTERS) for words in shown.filters]
        for name, each in product(names, shown.things):
            assert is_held_out(each.thing, name) == held_out
            paired += 1
    assert paired > 20


def test_a_tenth_of_pairs_is_held_out() -> None:
    pairs = [(thing.words, name) for thing in things.every_thing() for name in FILTERS]
    share = sum(is_held_out(*pair) for pair in pairs) / len(pairs)
    assert 0.08 < share < 0.12


def test_things_that_are_held_out_are_not_in_the_range() -> None:
    assert not any(thing.held_out for thing in full_range().things)


def test_a_picture_is_fixed_by_its_seed_and_has_what_its_description_says() -> None:
    sampler = composer(a_range())
    seen = set()
    for seed in range(60):
        picture, shown = sampler.draw(Random(seed))
        again, same = sampler.draw(Random(seed))
        assert np.array_equal(picture, again)
        assert shown == same
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8
        assert len(shown.things) == (2 if shown.arrangement in ("beside", "above") else 1)
        seen.add(shown.arrangement)
    assert seen == {"centred", "single", "beside", "above", "three"}


def test_a_description_goes_through_plain_data_and_back() -> None:
    sampler = composer(a_range(varied=1.0))
    for seed in range(20):
        _, shown = sampler.draw(Random(seed))
        assert Description.from_json(shown.as_json()) == shown


@pytest.mark.parametrize("arrangement", ["centred", "single", "beside", "above", "three"])
def test_nothing_is_drawn_at_less_than_28_pixels(arrangement: str) -> None:
    for seed in range(50):
        layouts, words = arrange(arrangement, 64, Random(seed))
        assert all(layout.width >= 28 for layout in layouts)
        assert words.get("size") in (None, *SIZES)


def test_the_nine_places_have_names() -> None:
    named = {place_words(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)}
    assert {"top left", "bottom", "middle", "right"} <= named
    assert len(named) == 9


def test_a_drawing_is_put_where_its_layout_says() -> None:
    sampler = few_drawings()
    picture = Image.fromarray(sampler["noto/cat-face"])
    left = place([picture], [Layout(-16, 0, 28)], 64)
    assert left[:, 36:, 3].max() == 0
    assert left[:, :32, 3].max() == 255


def test_what_hardly_stands_out_is_drawn_again() -> None:
    white = np.full((8, 8, 4), 255, np.float32)
    assert contrast(white, scenes.plain(8, (255, 255, 255))) == 0
    assert contrast(white, scenes.plain(8, (0, 0, 0))) == 255
    assert contrast(white * (1, 1, 1, 0), scenes.plain(8, (0, 0, 0))) < CONTRAST
