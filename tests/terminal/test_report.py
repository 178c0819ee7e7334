"""The plain text of a diagnostic."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import dedent

import pytest

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.source import Source
from promptlang.terminal import report
from promptlang.terminal.report import diagnostic_text, report_text


def about(
    text: str, place: str | tuple[int, int], hint: str | None = None, name: str = "<prompt>"
) -> Diagnostic:
    source = Source(text, name)
    start, end = (
        (text.index(place), text.index(place) + len(place)) if isinstance(place, str) else place
    )
    return Diagnostic("PL101", "it is wrong", source.span(start, end), hint)


def excerpt(text: str, place: str | tuple[int, int], width: int = 100) -> list[str]:
    """The lines that show the place: the user's line, and the carets."""
    return diagnostic_text(about(text, place), width).split("\n")[3:]


def test_the_place_is_underlined_and_the_hint_given() -> None:
    text = "a fox, <lora:ukiyoe:0.6>"
    unknown = Diagnostic(
        "PL101",
        "no LoRA is named `ukiyoe`",
        Source(text).span(7, 24),
        hint="did you mean `ukiyo-e`?",
    )
    assert diagnostic_text(unknown) == dedent("""\
        error[PL101]: no LoRA is named `ukiyoe`
         --> <prompt>:1:8
          |
        1 | a fox, <lora:ukiyoe:0.6>
          |        ^^^^^^^^^^^^^^^^^
          = did you mean `ukiyo-e`?""")


def test_the_gutter_is_as_wide_as_the_number_of_the_line() -> None:
    text = "\n" * 99 + "a wrong fox"
    assert diagnostic_text(about(text, "wrong", name="portrait.pl")) == dedent("""\
        error[PL101]: it is wrong
           --> portrait.pl:100:3
            |
        100 | a wrong fox
            |   ^^^^^""")


def test_a_tab_is_four_cells_wide_in_the_line_and_under_it() -> None:
    assert excerpt("\ta\tfox", "fox") == ["1 |     a    fox", "  |          ^^^"]


@pytest.mark.parametrize(
    ("line", "carets"),
    [
        ("狐狸 wrong", "     ^^^^^"),
        ("🦊 wrong", "   ^^^^^"),
        ("cafe\u0301 wrong", "     ^^^^^"),
    ],
)
def test_carets_stand_under_the_place_after_wide_and_combining_characters(
    line: str, carets: str
) -> None:
    assert excerpt(line, "wrong") == [f"1 | {line}", f"  | {carets}"]


def test_wide_characters_are_underlined_over_their_width() -> None:
    assert excerpt("a 狐狸, red", "狐狸") == ["1 | a 狐狸, red", "  |   ^^^^"]


def test_of_a_span_over_several_lines_the_first_is_underlined_to_its_end() -> None:
    text = 'set negative """blurry\nlow quality"""'
    assert excerpt(text, (13, len(text))) == [
        '1 | set negative """blurry',
        "  |              ^^^^^^^^^",
    ]


def test_an_empty_span_has_one_caret() -> None:
    assert excerpt("a fox", (2, 2)) == ["1 | a fox", "  |   ^"]


def test_the_end_of_the_text_has_one_caret_after_it() -> None:
    assert excerpt("train lora ink", (14, 14)) == ["1 | train lora ink", "  |               ^"]


def test_the_end_of_a_text_with_a_last_line_break_is_shown_as_an_empty_line() -> None:
    assert excerpt("a fox\n", (6, 6)) == ["2 |", "  | ^"]


def test_an_empty_text_can_be_complained_about() -> None:
    assert excerpt("", (0, 0)) == ["1 |", "  | ^"]


@pytest.mark.parametrize(
    ("at", "shown", "carets"),
    [
        (0, "1 | WRONGxxxxxxxxxxxxx…", "  | ^^^^^"),
        (100, "1 | …xxxxxxWRONGxxxxxxx…", "  |        ^^^^^"),
        (195, "1 | …xxxxxxxxxxxxxWRONG", "  |               ^^^^^"),
    ],
)
def test_of_a_long_line_the_part_around_the_place_is_shown(
    at: int, shown: str, carets: str
) -> None:
    text = "x" * at + "WRONG" + "x" * (195 - at)
    assert excerpt(text, "WRONG", width=20) == [shown, carets]


def test_carets_under_a_long_line_end_where_the_line_is_cut() -> None:
    shown = excerpt("x" * 50 + "y" * 150, "y" * 150, width=20)
    assert shown == ["1 | …xxxxxxyyyyyyyyyyyy…", "  |        ^^^^^^^^^^^^"]


def test_a_long_line_of_wide_characters_is_cut_between_characters() -> None:
    shown = excerpt("狐" * 50 + "!" + "狐" * 50, "!", width=21)
    assert shown == ["1 | …狐狐狐!狐狐狐狐狐狐…", "  |        ^"]


def test_what_would_steer_the_terminal_is_shown_as_a_mark() -> None:
    assert excerpt("a \x1b[31mfox\x07", "fox") == ["1 | a ␛[31mfox␇", "  |        ^^^"]


def test_a_message_and_a_file_name_cannot_steer_the_terminal_either() -> None:
    bad = Diagnostic(
        "PL101", "no LoRA is named `\x1b[2J`", Source("a", "\x1b]0;x\x07.pl").span(0, 1)
    )
    assert "\x1b" not in diagnostic_text(bad)


def test_text_that_would_run_from_right_to_left_against_its_order_is_marked() -> None:
    assert excerpt("a \u202efox", "fox") == ["1 | a �fox", "  |    ^^^"]


def test_several_diagnostics_are_counted_at_the_end() -> None:
    wrong = about("a fox", "fox")
    odd = Diagnostic(
        "PL206", "the weight 9 is far out", Source("(16:9)").span(0, 6), severity=Severity.WARNING
    )
    assert report_text([wrong, odd, wrong]) == dedent("""\
        error[PL101]: it is wrong
         --> <prompt>:1:3
          |
        1 | a fox
          |   ^^^

        warning[PL206]: the weight 9 is far out
         --> <prompt>:1:1
          |
        1 | (16:9)
          | ^^^^^^

        error[PL101]: it is wrong
         --> <prompt>:1:3
          |
        1 | a fox
          |   ^^^

        2 errors, 1 warning""")


def test_one_diagnostic_is_not_counted() -> None:
    assert report_text([about("a fox", "fox")]).endswith("^^^")


def test_where_there_are_only_warnings_no_errors_are_counted() -> None:
    odd = Diagnostic("PL206", "odd", Source("(16:9)").span(0, 6), severity=Severity.WARNING)
    assert report_text([odd, odd]).endswith("\n\n2 warnings")


def test_each_diagnostic_looks_at_the_neighbourhood_of_its_place_only() -> None:
    looked: list[int] = []
    real = report._total

    def total(cells: Iterable[report._Cell]) -> int:
        cells = list(cells)
        looked.append(len(cells))
        return real(cells)

    for length in (1_000, 4_000, 16_000):
        looked.clear()
        source = Source("(" * length)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(report, "_total", total)
            for at in range(0, length, length // 10):
                report.underlined(source.span(at, length))
        assert sum(looked) < 10 * 4 * 2 * report.REACH * report.WIDTH
