"""Diagnostics on prompts that go from the dialect of one tool to another, PL6xx."""

from __future__ import annotations

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.files import shorten
from promptlang.source import Span

NOT_EXPRESSIBLE = Rule(
    code="PL601",
    kind="not-expressible",
    title="The other tool has nothing of this kind",
    why="The prompt uses something that the target's language cannot express. The hint says what "
    "is written instead, so the two pictures will differ.",
    fix="Rewrite this place by hand, or accept what the hint says.",
    bad='promptlang convert --from promptlang --to comfy "[a:b:0.5]"',
    good='promptlang convert --from promptlang --to comfy "(a:0.5) (b:0.5)"',
    severity=Severity.WARNING,
)


def not_expressible(dialect: str, what: str, span: Span, instead: str) -> Diagnostic:
    """Report ``[a:b:0.5]`` for ComfyUI."""
    return NOT_EXPRESSIBLE.at(span, f"{dialect} has no {what}", instead)


READ_AS = Rule(
    code="PL602",
    kind="read-as",
    title="A place means nearly the same in the other tool",
    why="The place has a counterpart that comes near, but does not do exactly the same, so the "
    "two pictures may differ a little.",
    fix="Compare the pictures, and rewrite the place where the difference matters.",
    bad='promptlang convert --from compel "a.swap(b)"',
    severity=Severity.WARNING,
)


def read_as(what: str, meaning: str, span: Span, hint: str | None = None) -> Diagnostic:
    """Report ``("a", "b").blend(1, 1)``, which comes near to something of this language."""
    return READ_AS.at(span, f"{what} is read as {meaning}", hint)


LEFT_AS_TEXT = Rule(
    code="PL603",
    kind="left-as-text",
    title="Syntax of another tool that has no counterpart here",
    why="The other tool gives this place a meaning that nothing here has, so it stays in the "
    "prompt as text that the model reads.",
    fix="Remove the place from the prompt, or rewrite it by hand.",
    bad='promptlang convert --from prompt-control "a STYLE(A1111)"',
    good='promptlang convert --from prompt-control "a"',
    severity=Severity.WARNING,
)


def left_as_text(what: str, span: Span, hint: str | None = None) -> Diagnostic:
    """Report ``DEF(M=…)``, which has no counterpart in this language."""
    return LEFT_AS_TEXT.at(span, f"{what} has no counterpart here and stays text", hint)


UNBALANCED_BRACKET = Rule(
    code="PL604",
    kind="unbalanced-bracket",
    title="A bracket without a partner in another tool's prompt",
    why="The other tool reads a lone bracket as a character, and so does the conversion. Often "
    "its partner was forgotten.",
    fix="Add the other bracket, or remove this one.",
    bad='promptlang convert --from comfy "a)"',
    good='promptlang convert --from comfy "(a)"',
    severity=Severity.WARNING,
)


def unbalanced_bracket(bracket: str, dialect: str, span: Span) -> Diagnostic:
    """Report ``(a cat`` of a dialect in which a lone bracket is a character."""
    message = f"`{bracket}` has no partner, so {dialect} reads it as text"
    return UNBALANCED_BRACKET.at(span, message)


SETTING_DROPPED = Rule(
    code="PL605",
    kind="setting-dropped",
    title="A setting of an infotext has no counterpart here",
    why="Infotext, the text that A1111 stores in pictures, holds settings of many extensions. This "
    "one is left out, so the picture may differ.",
    fix="Nothing needs mending; look up what the setting does if the pictures differ.",
    bad='promptlang convert --from infotext "a Steps: 1, Seed: 2, ENSD: 3"',
    good='promptlang convert --from infotext "a Steps: 1, Seed: 2, CFG scale: 3"',
    severity=Severity.WARNING,
)


def setting_dropped(name: str, value: str, span: Span) -> Diagnostic:
    """Report ``ENSD: 31337`` in an infotext."""
    return SETTING_DROPPED.at(span, f"`{name}: {value}` has no counterpart here", "it is left out")


UNKNOWN_SAMPLER = Rule(
    code="PL606",
    kind="unknown-sampler",
    title="A sampler of an infotext that does not exist here",
    why="No sampler here computes the same steps, so the default is used and the picture differs.",
    fix="Take one of the samplers of `--sampler`.",
    bad='promptlang convert --from infotext "a Steps: 1, Seed: 2, Sampler: PLMS"',
    good='promptlang convert --from infotext "a Steps: 1, Seed: 2, Sampler: Euler a"',
    severity=Severity.WARNING,
)


def unknown_sampler(name: str, span: Span) -> Diagnostic:
    """Report ``Sampler: UniPC`` in an infotext."""
    hint = "it is left out, so the default will be used; `--sampler` names those that exist"
    return UNKNOWN_SAMPLER.at(span, f"there is no sampler like `{name}`", hint)


BRACKET_OPEN_TO_END = Rule(
    code="PL607",
    kind="bracket-open-to-end",
    title="A bracket that holds to the end in another tool",
    why="The other tool lets an unclosed bracket hold to the end of the prompt, and so does the "
    "conversion. Often its partner was forgotten.",
    fix="Close the bracket.",
    bad='promptlang convert --from novelai "{a"',
    good='promptlang convert --from novelai "{a}"',
    severity=Severity.WARNING,
)


def bracket_open_to_end(bracket: str, span: Span) -> Diagnostic:
    """Report ``{a cat`` in NovelAI."""
    message = f"`{bracket}` is never closed, so it holds to the end"
    return BRACKET_OPEN_TO_END.at(span, message)


WEIGHT_COUNT_MISMATCH = Rule(
    code="PL608",
    kind="weight-count-mismatch",
    title="A conjunction of compel with a wrong number of weights",
    why='`("a", "b").and(1, 0.5)` gives each part a weight in its order. With another number of '
    "weights compel itself fails.",
    fix="Give each part one weight, or give none.",
    bad="""promptlang convert --from compel '("a", "b").and(1)'""",
    good="""promptlang convert --from compel '("a", "b").and(1, 1)'""",
)


def weight_count_mismatch(operator: str, parts: int, weights: int, span: Span) -> Diagnostic:
    """Report ``("a", "b").and(1)``."""
    message = f"`.{operator}()` has {parts} parts and {weights} weights"
    return WEIGHT_COUNT_MISMATCH.at(span, message, "give each part a weight, or none")


INCOMPLETE_INFOTEXT = Rule(
    code="PL610",
    kind="incomplete-infotext",
    title="An infotext lacks a part, or has one that is not understood",
    why="Infotext is a prompt, a negative prompt after `Negative prompt:`, and a line with at "
    "least three settings. A text without them is often something else, or was cut; text between "
    "the settings belongs to none of them.",
    fix="Compare the line with the picture's text, and add what is missing by hand.",
    bad='promptlang convert --from infotext "a fox"',
    good='promptlang convert --from infotext "a Steps: 1, Seed: 2, CFG scale: 3"',
    severity=Severity.WARNING,
)


def no_settings(span: Span) -> Diagnostic:
    """Report an infotext of a prompt alone."""
    hint = "all of it is read as the prompt; settings are a line such as `Steps: 20, Seed: 1, …`"
    return INCOMPLETE_INFOTEXT.at(span, "the infotext has no line of settings", hint)


def empty_prompt(span: Span) -> Diagnostic:
    """Report an infotext of settings alone."""
    return INCOMPLETE_INFOTEXT.at(span, "the infotext has no prompt", "the prompt stays empty")


def not_a_setting(span: Span) -> Diagnostic:
    """Report ``nonsense`` in ``Steps: 20, nonsense, Seed: 1``."""
    shown = shorten(" ".join(span.text.split()).strip(" ,"), 80)
    return INCOMPLETE_INFOTEXT.at(
        span, f"`{shown}` among the settings is none of them", "it is left out"
    )
