"""Suggestions of names: a name in another tool's spelling is found."""

import pytest

from promptlang.diagnostics.wording import suggest_name


@pytest.mark.parametrize(
    "written", ["INK", "ink.safetensors", "Ink.pt", "styles/ink", r"styles\Ink.safetensors", "inc"]
)
def test_a_name_is_found_in_any_case_with_its_folder_or_ending(written: str) -> None:
    assert suggest_name(written, ["wash", "ink"]) == "did you mean `ink`?"


def test_a_known_name_is_suggested_as_it_is_spelled() -> None:
    assert suggest_name("sdxl/badhands", ["BadHands"], "<{}>") == "did you mean `<BadHands>`?"


def test_another_name_is_not_suggested() -> None:
    assert suggest_name("styles/wood", ["ink", "wash"]) is None
