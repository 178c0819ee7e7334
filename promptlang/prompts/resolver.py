"""The resolver: segments and LoRAs of a prompt at each interval of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from promptlang import ast
from promptlang.plan.prompt import ActiveLora, Area, Interval, PromptPart, Resolved, sum_strengths
from promptlang.prompts.segments import SegmentBuilder
from promptlang.prompts.step_timing import StepDependentNode, interval_ends, number_at, state_at


def resolve_prompt(
    prompt: ast.Prompt, steps: int, triggers: Mapping[str, str] | None = None
) -> Resolved:
    """Resolve a prompt over a number of steps; `triggers` are the trigger words of each LoRA."""
    return Resolved(tuple(_part(part, steps, triggers or {}) for part in prompt.parts))


def _part(part: ast.Part, steps: int, triggers: Mapping[str, str]) -> PromptPart:
    weight = 1.0 if part.weight is None else number_at(part.weight, 1, steps)
    areas = (node for node in part.phrases if isinstance(node, ast.Area))
    area = next((Area(a.left, a.right, a.top, a.bottom, a.feather) for a in areas), None)
    return PromptPart(tuple(_intervals(part, steps, triggers)), weight, area)


def _intervals(part: ast.Part, steps: int, triggers: Mapping[str, str]) -> Iterator[Interval]:
    """Yield the intervals between changes; equal states are resolved once."""
    changing = list(_changing(part))
    phrases = _trimmed(tuple(_with_trigger_words(part.phrases, triggers)))
    known: dict[tuple[float, ...], Interval] = {}
    for step in sorted(interval_ends(changing, steps)):
        states = tuple([state_at(node, step, steps) for node in changing])
        if states not in known:
            at_step = {id(node): value for node, value in zip(changing, states, strict=True)}
            known[states] = _interval(phrases, part.weight, at_step, triggers)
        same = known[states]
        yield Interval(step, same.segments, same.loras, same.weight)


def _changing(part: ast.Part) -> Iterator[StepDependentNode]:
    """Yield the schedules, alternations and changing numbers of a part."""
    if isinstance(part.weight, ast.Node):
        yield part.weight
    pending: list[ast.Phrase] = [*part.phrases]
    while pending:
        phrase = pending.pop()
        if type(phrase) is ast.Text:
            continue
        match phrase:
            case ast.Schedule(branches) | ast.Alternation(branches):
                yield phrase
                for branch in branches:
                    pending += branch.phrases
            case ast.Emphasis(inner, weight):
                if isinstance(weight, ast.Node):
                    yield weight
                pending += inner
            case ast.Deemphasis(inner):
                pending += inner
            case ast.Lora(_, text_encoder, unet):
                yield from (each for each in (text_encoder, unet) if isinstance(each, ast.Node))
            case ast.Closing(weight=ast.Node() as weight):
                yield weight


def _interval(
    phrases: tuple[ast.Phrase, ...],
    weight: ast.Amount | None,
    states: Mapping[int, float],
    triggers: Mapping[str, str],
) -> Interval:
    """Resolve a part for the states of its step-dependent nodes, by their identity."""

    def number(amount: ast.Amount) -> float:
        return states[id(amount)] if isinstance(amount, ast.Node) else amount

    builder = SegmentBuilder(number)
    loras: list[ActiveLora] = []
    for phrase in iter_active_phrases(phrases, lambda node: int(states[id(node)])):
        if type(phrase) is ast.Text:
            builder.take(phrase)
            continue
        match phrase:
            case ast.Lora(name, text_encoder, unet):
                loras.append(ActiveLora(name, number(text_encoder), number(unet)))
            case ast.Trigger(name, span=span):
                builder.take(ast.Text(triggers.get(name, ""), span=span))
            case _:
                builder.take(phrase)
    changing_weight = number(weight) if isinstance(weight, ast.Node) else None
    return Interval(0, builder.segments(), sum_strengths(loras), changing_weight)


_TEXTLESS = (ast.Lora, ast.Trigger, ast.Area)
"""The phrases without text."""


def _trimmed(phrases: tuple[ast.Phrase, ...]) -> tuple[ast.Phrase, ...]:
    """Strip white space at the end, also before and after LoRAs."""
    last = next((at for at in reversed(range(len(phrases))) if not _blank(phrases[at])), -1)
    rest = tuple(phrase for phrase in phrases[last + 1 :] if isinstance(phrase, _TEXTLESS))
    match phrases[last] if last >= 0 else None:
        case ast.Text(value) as text:
            return (*phrases[:last], replace(text, value=value.rstrip()), *rest)
        case _:
            return (*phrases[: last + 1], *rest)


def _with_trigger_words(
    phrases: Iterable[ast.Phrase], triggers: Mapping[str, str]
) -> Iterator[ast.Phrase]:
    """Replace each trigger by its words."""
    for phrase in phrases:
        match phrase:
            case ast.Trigger(name, span=span):
                yield ast.Text(triggers.get(name, ""), span=span)
            case _:
                yield phrase


def _blank(phrase: ast.Phrase) -> bool:
    return isinstance(phrase, _TEXTLESS) or (
        isinstance(phrase, ast.Text) and not phrase.value.strip()
    )


def iter_active_phrases(
    phrases: Iterable[ast.Phrase], choose: Callable[[ast.Schedule | ast.Alternation], int]
) -> Iterator[ast.Phrase | None]:
    """Yield the phrases at a step, each before the phrases inside it.

    None stands for the end of the last emphasis or de-emphasis.
    """
    pending: list[ast.Phrase | None] = []
    pending += reversed([*phrases])
    while pending:
        phrase = pending.pop()
        if type(phrase) is ast.Text:  # most phrases are
            yield phrase
            continue
        match phrase:
            case ast.Emphasis(inner) | ast.Deemphasis(inner):
                yield phrase
                pending.append(None)
                pending += reversed(inner)
            case ast.Schedule(branches) | ast.Alternation(branches):
                at = choose(phrase)
                pending += reversed(branches[at].phrases if at < len(branches) else ())
            case _:
                yield phrase
