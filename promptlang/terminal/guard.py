"""The guard of a console: no control character but the console's own styling gets through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.segment import Segment
from rich.style import Style

from promptlang.files import printable, printable_lines


def guard(console: Console) -> None:
    """Make everything printable that a console draws from now on."""
    console.push_render_hook(_Guard())


class _Guard(RenderHook):
    """A hook of rich that makes the segments of all renderables printable."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [Guarded(each) for each in renderables]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A renderable whose texts become printable, and whose links are addresses."""

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the segments of the content; those that move the cursor are the console's own."""
        for segment in console.render(self.content, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable_lines(segment.text), _unsteered(segment.style))


def _unsteered(style: Style | None) -> Style | None:
    """Return a style without a link that would end the terminal's command for links."""
    if style is None or style.link is None or printable(style.link) == style.link:
        return style
    return style.update_link(None)
