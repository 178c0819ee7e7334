"""Running plans, as the user sees them."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.plan.events import (
    DenoisingStep,
    DiagnosticRaised,
    Event,
    ModelLoading,
    PictureFinished,
    RenderingStarted,
    SheetFinished,
    TaskProgress,
    TextReported,
    TrainingFinished,
    TrainingSampled,
    TrainingSkipped,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.steps import ContactSheet, Render, Train
from promptlang.source import Source
from promptlang.terminal import display_events
from promptlang.terminal.preview import preview_pixels
from promptlang.terminal.progress import ProgressLine, duration
from tests.support.renders import changed

if TYPE_CHECKING:
    from tests.terminal.conftest import MakeScreen, Screen

MakeRender = Callable[..., Render]


def running(*events: Event) -> Generator[Event, None, None]:
    yield from events


def rendering(step: Render, *, seconds: float = 1.2) -> Iterator[Event]:
    step.file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (1, 2, 3)).save(step.file)
    yield ModelLoading("emoji")
    yield RenderingStarted((step,))
    yield from (
        DenoisingStep(done, step.sampling.steps) for done in range(1, step.sampling.steps + 1)
    )
    yield PictureFinished(step, step.file, seconds)


def training(step: Train, *, resumed_at: int = 0) -> Iterator[Event]:
    yield TrainingStarted(step, pictures=12, resumed_at=resumed_at)
    yield from (
        TrainingStep(done, step.steps, 0.0312) for done in range(resumed_at + 1, step.steps + 1)
    )
    yield TrainingFinished(step, 0.0312, 75.2)


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_log_has_a_line_for_each_start_and_each_file(
    log: Screen, render: MakeRender, train: Train
) -> None:
    assert display_events(log.terminal, running(*training(train), *rendering(render())))
    assert log.errors == ""
    assert log.out == dedent("""\
        training ink: 12 pictures, 400 steps
        trained ink in 1:15, average loss 0.0312: adapters/ink.safetensors
        loading emoji
        rendering a fox, [blue]
        out/0001.png (seed 7, 1.2 s)
        """)


def test_a_log_of_other_work_has_its_results_only(log: Screen) -> None:
    assert display_events(
        log.terminal,
        running(
            TaskProgress("measuring", 1, 2), TaskProgress("measuring", 2, 2), TextReported("70 %")
        ),
    )
    assert log.out == "70 %\n"


def test_a_training_that_is_skipped_is_said_to_be_up_to_date(log: Screen, train: Train) -> None:
    assert display_events(log.terminal, running(TrainingSkipped(train)))
    assert log.out == "ink is up to date: adapters/ink.safetensors\n"


def test_a_log_names_the_pictures_that_a_training_makes(
    log: Screen, train: Train, tmp_path: Path
) -> None:
    files = (tmp_path / "a.png", tmp_path / "b.png")
    display_events(
        log.terminal,
        running(TrainingSampled(train, 1, files[:1]), TrainingSampled(train, 100, files)),
    )
    assert log.out.splitlines() == [
        "ink after 1 step: a.png",
        "ink after 100 steps: a.png",
        "ink after 100 steps: b.png",
    ]


def test_a_screen_shows_them(tty: Screen, train: Train, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "a.png")
    display_events(tty.terminal, running(TrainingSampled(train, 1, (tmp_path / "a.png",))))
    assert tty.out.count("▀") == 8


def test_a_log_says_where_an_interrupted_training_goes_on(log: Screen, train: Train) -> None:
    display_events(log.terminal, running(*training(train, resumed_at=120)))
    assert log.out.splitlines()[0] == "training ink: 12 pictures, 400 steps, going on from step 120"


def test_a_long_path_is_not_broken_into_lines(log: Screen, render: MakeRender) -> None:
    display_events(log.terminal, running(*rendering(render(file="x" * 90 + ".png"))))
    assert log.out.splitlines()[-1] == "x" * 90 + ".png (seed 7, 1.2 s)"


def test_a_file_elsewhere_is_named_in_full(log: Screen, render: MakeRender, tmp_path: Path) -> None:
    step = render(file="../elsewhere/0001.png")
    display_events(log.terminal, running(*rendering(step)))
    assert log.out.splitlines()[-1] == f"{tmp_path.parent}/elsewhere/0001.png (seed 7, 1.2 s)"


def test_brackets_and_colons_in_a_prompt_are_not_markup(log: Screen, render: MakeRender) -> None:
    display_events(log.terminal, running(*rendering(render(text="[red]a :fox: [/red]\n    [a|b]"))))
    assert "rendering [red]a :fox: [/red] [a|b]" in log.out.splitlines()


def test_a_failed_step_is_reported_and_the_others_go_on(log: Screen, render: MakeRender) -> None:
    source = Source("a fox, <lora:ink>")
    broken = Diagnostic(
        "PL302", "`ink.safetensors` cannot be used as a LoRA: it is empty", source.span(7, 17)
    )
    assert not display_events(log.terminal, running(DiagnosticRaised(broken), *rendering(render())))
    assert log.out.endswith("out/0001.png (seed 7, 1.2 s)\n")
    assert log.errors == dedent("""\
        error[PL302]: `ink.safetensors` cannot be used as a LoRA: it is empty
         --> <prompt>:1:8
          |
        1 | a fox, <lora:ink>
          |        ^^^^^^^^^^
        """)


def test_on_a_terminal_the_carets_have_the_colour_of_the_fault(tty: Screen) -> None:
    odd = Diagnostic("PL206", "odd", Source("(16:9)").span(0, 6), severity=Severity.WARNING)
    tty.terminal.report([odd])
    assert tty.errors == (
        "\x1b[1;33mwarning[PL206]\x1b[0m\x1b[1m: odd\x1b[0m\n"
        "\x1b[34m --> \x1b[0m<prompt>:1:1\n"
        "\x1b[34m  |\x1b[0m\n"
        "\x1b[34m1 |\x1b[0m (16:9)\n"
        "\x1b[34m  | \x1b[0m\x1b[1;33m^^^^^^\x1b[0m\n"
    )


def test_a_warning_is_no_failure(log: Screen) -> None:
    odd = Diagnostic("PL206", "odd", Source("(16:9)").span(0, 6), severity=Severity.WARNING)
    assert display_events(log.terminal, running(DiagnosticRaised(odd)))
    assert log.errors.startswith("warning[PL206]: odd\n")


def test_on_a_terminal_the_picture_is_shown_above_a_link_to_its_file(
    tty: Screen, render: MakeRender
) -> None:
    step = render()
    display_events(tty.terminal, running(*rendering(step)))
    row = "\x1b[38;2;1;2;3;48;2;1;2;3m▀\x1b[0m" * 4
    assert f"{row}\n{row}\n" in tty.out
    assert re.search(
        rf"\x1b]8;id=\d+;{re.escape(step.file.as_uri())}\x1b\\out/0001.png\x1b]8;;\x1b\\", tty.out
    )


def test_of_a_sweep_the_sheet_is_shown_and_one_bar_counts_its_pictures(
    tty: Screen, render: MakeRender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        changed(render(file=f"out/{at}.png"), sheet_position=(at, 2), steps=4) for at in (1, 2)
    ]
    sheet = ContactSheet(steps[0].span, (), tmp_path / "out" / "sheet.png")
    bars: list[tuple[float, int | None]] = []
    show = ProgressLine.show

    def told(
        foot: ProgressLine, title: str, done: float = 0, total: int | None = None, note: str = ""
    ) -> None:
        bars.append((done, total))
        show(foot, title, done, total, note)

    monkeypatch.setattr(ProgressLine, "show", told)

    def events() -> Iterator[Event]:
        for step in steps:
            yield from rendering(step)
        Image.new("RGB", (8, 4), (1, 2, 3)).save(sheet.file)
        yield SheetFinished(sheet)

    assert display_events(tty.terminal, running(*events()))
    assert tty.out.count("▀") == 8 * 2
    assert "sheet.png" in tty.out.splitlines()[-1]
    assert [done for done, total in bars if total == 2] == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]


def test_without_colours_there_is_no_picture_but_its_file(
    render: MakeRender, make_screen: MakeScreen
) -> None:
    grey = make_screen(is_tty=True, no_color=True)
    display_events(grey.terminal, running(*rendering(render())))
    assert "▀" not in grey.out
    assert "out/0001.png" in grey.out


def test_a_job_of_less_than_a_second_shows_no_bar(tty: Screen, train: Train) -> None:
    display_events(tty.terminal, running(*training(train)))
    assert "━" not in tty.out
    assert "loss 0.0312" in tty.out


def test_a_longer_job_shows_how_far_it_is_and_leaves_no_trace(tty: Screen) -> None:
    foot = ProgressLine(tty.terminal.console, patience=0)
    foot.show("training [ink]", 100, 400, "loss 0.0312")
    foot.hide()
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", tty.out)
    assert "━━━━━━╺━━━━━━━━━━━━━━━━━ training [ink] 100/400  loss 0.0312" in shown
    assert tty.out.endswith("\r\x1b[1A\x1b[2K")


def test_a_picture_on_its_way_stands_above_the_bar_and_goes_with_it(tty: Screen) -> None:
    foot = ProgressLine(tty.terminal.console, patience=0)
    foot.show("a fox", 3, 20)
    foot.show_picture(preview_pixels((2, 2), bytes(range(12)), 40, 20))
    foot.show("a fox", 4, 20)
    foot.hide()
    assert "\x1b[38;2;0;1;2;48;2;6;7;8m▀" in tty.out
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", tty.out)
    assert shown.index("▀") < shown.rindex("a fox 4/20")
    assert tty.out.endswith("\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K")


def test_a_spinner_turns_while_nobody_knows_how_long(tty: Screen) -> None:
    foot = ProgressLine(tty.terminal.console, patience=0)
    foot.show("loading emoji")
    foot.hide()
    assert "loading emoji" in tty.out
    assert "━" not in tty.out


def test_the_bar_says_so_when_the_job_is_to_stop(tty: Screen) -> None:
    foot = ProgressLine(tty.terminal.console, stopping=lambda: True, patience=0)
    foot.show("training ink", 1, 400)
    foot.hide()
    assert "stopping after this step" in tty.out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (48.2, "48 s"), (65, "1:05"), (7380, "2:03:00")],
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# Ctrl-C


def interrupted(
    events: Iterator[Event], at: int, closed: list[bool]
) -> Generator[Event, None, None]:
    """The events, with Ctrl-C pressed before the one numbered `at`."""
    try:
        for number, event in enumerate(events):
            if number == at:
                signal.raise_signal(signal.SIGINT)
            yield event
    finally:
        closed.append(True)


def test_ctrl_c_stops_a_training_after_its_step_and_says_how_to_go_on(
    log: Screen, train: Train
) -> None:
    closed: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        display_events(log.terminal, interrupted(training(train), at=120, closed=closed))
    assert closed == [True]
    assert log.out == dedent("""\
        training ink: 12 pictures, 400 steps
        stopped ink at step 120 of 400: run it again and it goes on from there
        """)


def test_what_is_kept_is_said_once_it_is_kept(log: Screen, train: Train) -> None:
    def slow_to_close() -> Generator[Event, None, None]:
        yield TrainingStarted(train, 12, 0)
        signal.raise_signal(signal.SIGINT)
        try:
            yield TrainingStep(1, 400, 0.1)
        finally:
            log.terminal.print_line("(the checkpoint is written)")

    with pytest.raises(KeyboardInterrupt):
        display_events(log.terminal, slow_to_close())
    assert log.out.splitlines()[1:] == [
        "(the checkpoint is written)",
        "stopped ink at step 1 of 400: run it again and it goes on from there",
    ]


def test_ctrl_c_between_pictures_says_what_is_finished(log: Screen, render: MakeRender) -> None:
    with pytest.raises(KeyboardInterrupt):
        display_events(
            log.terminal,
            interrupted(iter([*rendering(render()), *rendering(render())]), at=30, closed=[]),
        )
    assert (
        log.out.splitlines()[-1]
        == "stopped, with 1 finished file so far: run it again for the rest"
    )


def test_ctrl_c_at_the_very_end_of_a_job_still_stops_what_would_follow(
    log: Screen, render: MakeRender
) -> None:
    def late() -> Generator[Event, None, None]:
        yield from rendering(render())
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        display_events(log.terminal, late())


def test_a_second_ctrl_c_ends_a_job_that_does_not_stop(log: Screen, train: Train) -> None:
    def stubborn() -> Generator[Event, None, None]:
        yield TrainingStarted(train, 12, 0)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second Ctrl-C did nothing")

    with pytest.raises(KeyboardInterrupt):
        display_events(log.terminal, stubborn())
    assert log.out == "training ink: 12 pictures, 400 steps\n"


@pytest.mark.parametrize("at", [0, 10_000])
def test_after_a_job_ctrl_c_is_what_it_was(log: Screen, train: Train, at: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    with suppress(KeyboardInterrupt):
        display_events(log.terminal, interrupted(training(train), at=at, closed=[]))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_bug_in_a_job_stays_an_exception_and_the_bar_goes(tty: Screen) -> None:
    def broken() -> Generator[Event, None, None]:
        yield TrainingStep(1, 400, 0.1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        display_events(tty.terminal, broken())
    assert "\x1b[?25h" in tty.out, "the cursor is back"
