"""The tables and time lines of an explained prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from promptlang.api.explaining import Explained, ExplainedPart, ExplainedToken, LoraStrengths, Phase
from promptlang.files import printable
from promptlang.plan.prompt import Area
from promptlang.prompts.chunks import CHUNK_LENGTH
from promptlang.terminal.report import pluralize
from promptlang.terminal.timeline import Timeline, TimelineRow


def render_explanation(explained: Explained) -> Iterator[RenderableType]:
    """Yield the parts of the display, one below the other."""
    for number, part in enumerate(explained.parts, 1):
        if len(explained.parts) > 1 or part.area:
            yield Text(
                f"part {number} of {len(explained.parts)}, "
                f"weight {_weight(part)}{_place(part.area)}",
                "bold",
            )
        for phase in part.phases:
            yield _heading(phase, explained.steps)
            yield _phase(phase)
        if part.bars or part.loras or part.weights:
            yield _time_line(part, explained.steps)
    source = (
        explained.tokens if explained.exact else f"{explained.tokens}; a model's own may be more"
    )
    yield Text(f"tokens: {source}", "dim")


def _weight(part: ExplainedPart) -> str:
    return _between(part.weights) if part.weights else f"{part.weight:g}"


def _place(area: Area | None) -> str:
    if area is None:
        return ""
    across = f"{area.left:.0%} to {area.right:.0%} across"
    return f", from {across} and {area.top:.0%} to {area.bottom:.0%} down"


def _phase(phase: Phase) -> Table:
    """Return a table with a row for each stretch of tokens of one weight in one chunk."""
    table = Table(box=None, pad_edge=False)
    for name in ("chunk", "weight"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("tokens", overflow="fold")
    for (chunk, weight), tokens in groupby(
        phase.tokens, key=lambda each: (each.chunk, each.weight)
    ):
        table.add_row(str(chunk), Text(f"×{weight:.4g}", _style(weight)), _joined([*tokens]))
    return table


def _heading(phase: Phase, steps: int) -> Text:
    fill = ", ".join(f"{used}/{CHUNK_LENGTH}" for used in phase.chunks)
    amount = (
        f"{pluralize(len(phase.tokens), 'token')}, {pluralize(len(phase.chunks), 'chunk')} ({fill})"
    )
    return Text(f"{_spans(phase, steps)}: {amount}", "bold")


def _joined(tokens: Sequence[ExplainedToken]) -> Text:
    return Text(" ").join(Text(printable(token.text)) for token in tokens)


def _style(weight: float) -> str:
    return "" if weight == 1 else "green" if weight > 1 else "yellow"


def _spans(phase: Phase, steps: int) -> str:
    if phase.steps == ((1, steps),):
        return "all steps"
    spans = [str(first) if first == last else f"{first}-{last}" for first, last in phase.steps]
    return (
        f"steps {', '.join(spans)}"
        if phase.steps[0][0] != phase.steps[-1][1]
        else f"step {spans[0]}"
    )


def _time_line(part: ExplainedPart, steps: int) -> Timeline:
    rows = [TimelineRow("weight", part.weights, _between(part.weights))] if part.weights else []
    rows += [TimelineRow(_named(bar.text), bar.steps) for bar in part.bars]
    rows += [
        TimelineRow(_named(f"<lora:{lora.name}>"), lora.unet, _range(lora)) for lora in part.loras
    ]
    return Timeline(rows, steps)


def _named(text: str) -> str:
    return printable(" ".join(text.split())) or "(nothing)"


def _range(lora: LoraStrengths) -> str:
    shown = _between(lora.unet)
    return (
        shown
        if lora.text_encoder == lora.unet
        else f"unet {shown}, te {_between(lora.text_encoder)}"
    )


def _between(strengths: Sequence[float]) -> str:
    low, high = min(strengths), max(strengths)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
