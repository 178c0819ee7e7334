"""What can be wrong with a program, and all the words for it.

A mistake is a value: it has a code that never changes, a place, one sentence that says what is wrong
and, where there is one, a hint at the remedy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic, Diagnostics, PromptError, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

__all__ = ["Diagnostic", "Diagnostics", "PromptError", "Rule", "Severity"]


def warning(code: str, message: str, span: Span, hint: str | None = None) -> Diagnostic:
    """What is odd, but has a meaning."""
    return Diagnostic(code, message, span, hint, Severity.WARNING)


def suggest_name(name: str, known: Iterable[str]) -> str | None:
    """A hint at the name that may have been meant, None where none is near."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else None


def join_alternatives(expected: Collection[str]) -> str:
    """``a, b or c``"""
    *others, last = expected
    return f"{', '.join(others)} or {last}" if others else last


# Names, PL1xx


def unknown_lora(
    name: str, known: Collection[str], span: Span, severity: Severity = Severity.ERROR
) -> Diagnostic:
    """``<lora:ukiyoe>`` where there is ``ukiyo-e``."""
    hint = (
        suggest_name(name, known)
        or "`train lora` makes one; a file in `adapters/` is found by its name"
    )
    return Diagnostic("PL101", f"no LoRA is named `{name}`", span, hint, severity)


def unknown_option(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """``--stpes 30``"""
    hint = suggest_name(name, known) or f"there are {', '.join(f'`--{each}`' for each in known)}"
    return Diagnostic(
        "PL102", f"there is no option `--{name}` here", span, hint.replace("mean `", "mean `--")
    )


def unknown_model(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """``use model emojo``"""
    hint = (
        suggest_name(name, known)
        or "name a folder in diffusers' layout, a `.safetensors` file, or `emoji`"
    )
    return Diagnostic("PL103", f"no model is named `{name}`", span, hint)


def repeated_lora(name: str, span: Span) -> Diagnostic:
    """``<lora:ink:0.5> <lora:ink:0.3>``"""
    return warning("PL104", f"the LoRA `{name}` stands here twice, so its strengths add up", span)


def ambiguous(what: str, name: str, files: Collection[Path], span: Span) -> Diagnostic:
    """``<lora:ink>`` where two configured folders have an ``ink``."""
    shown = ", ".join(f"`{file}`" for file in files)
    hint = "write the folder too, `style/ink`, or bring one of them in with `use`"
    return Diagnostic("PL111", f"`{name}` may be any of these {what}s: {shown}", span, hint)


def missing_trigger_words(name: str, span: Span) -> Diagnostic:
    """``<trigger:ink>`` where the file of ``ink`` has no such words."""
    return warning(
        "PL110",
        f"the LoRA `{name}` stores no trigger words, so this says nothing",
        span,
        "write them out",
    )


def unknown_embedding(
    name: str, known: Collection[str], span: Span, severity: Severity = Severity.ERROR
) -> Diagnostic:
    """``<painterly>`` where there is ``<painterly2>``."""
    bare = "`train ti` makes one, and `use ti` names a file"
    hint = suggest_name(name, known) or (
        r"write `\<` for the character" if span.text.startswith("<") else bare
    )
    hint = hint.replace("mean `", "mean `<").replace("`?", ">`?")
    return Diagnostic("PL105", f"no token is named `<{name}>`", span, hint, severity)


def unknown_let(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """``${hreo}``"""
    hint = suggest_name(name, known) or f"`let {name} = …` above it makes one"
    return Diagnostic("PL106", f"nothing is named `{name}`", span, hint)


def too_many_arguments(name: str, parameters: Collection[str], span: Span) -> Diagnostic:
    """``${hero(a, b)}`` where there is one parameter."""
    takes = join_alternatives([f"`{each}`" for each in parameters]) if parameters else "nothing"
    return Diagnostic("PL107", f"`{name}` is given too much", span, f"it takes {takes}")


def missing_argument(name: str, parameter: str, span: Span) -> Diagnostic:
    """``${hero}`` where a parameter has no default."""
    return Diagnostic("PL108", f"`{name}` needs its `{parameter}`", span, f"write `${{{name}(…)}}`")


def unknown_wildcard(pattern: str, span: Span) -> Diagnostic:
    """``__animal__`` without a file."""
    hint = f"put a file `{pattern}.txt` into the folder that `use wildcards` names"
    return warning(
        "PL109", f"there is no list for `__{pattern}__`, so it stays as it is", span, hint
    )


# Values, PL2xx


def wrong_option_type(name: str, kind: str, example: str, span: Span) -> Diagnostic:
    """``--steps many``"""
    return Diagnostic(
        "PL201",
        f"`{name}` takes {kind}, not `{span.text}`",
        span,
        f"write it as `{name} {example}`",
    )


def out_of_range(name: str, low: float | None, high: float | None, span: Span) -> Diagnostic:
    """``--steps 0``"""
    hint = "leave it out for a random one" if name == "seed" and span.text == "-1" else None
    return Diagnostic("PL202", f"`{name}` goes from {_exact(low)} to {_exact(high)}", span, hint)


def _exact(limit: float | None) -> str:
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def unknown_choice(name: str, choices: Collection[str], span: Span) -> Diagnostic:
    """``--sampler dimm``"""
    hint = (
        suggest_name(span.text, choices)
        or f"there is {join_alternatives([f'`{each}`' for each in choices])}"
    )
    return Diagnostic("PL203", f"`{name}` cannot be `{span.text}`", span, hint)


def missing_value(name: str, kind: str, span: Span) -> Diagnostic:
    """``--steps`` and nothing after it."""
    return Diagnostic("PL204", f"`--{name}` needs a value", span, f"it takes {kind}")


def repeated_option(name: str, span: Span) -> Diagnostic:
    """``--steps 20 --steps 30``"""
    return warning("PL205", f"`--{name}` is given twice, and the last one counts", span)


def size_not_divisible(name: str, span: Span) -> Diagnostic:
    """``--size 100x100``"""
    return Diagnostic(
        "PL207", f"`{name}` must be divisible by 8 on both sides", span, "try `512x768`"
    )


def extreme_weight(weight: float, span: Span) -> Diagnostic:
    """``(16:9)``"""
    hint = r"weights from 0.5 to 1.5 work best; write `\:` if you mean the colon"
    return warning("PL206", f"the weight {weight:g} is far out", span, hint)


def empty_phase(span: Span) -> Diagnostic:
    """``[a:b:0]`` or ``[a:b:1.0]``"""
    hint = "a number with a point is a fraction of the steps, one without is a step"
    return warning("PL209", "one of these phases never holds", span, hint)


def too_many_pictures(limit: int, span: Span) -> Diagnostic:
    """``--seed 1..100000``"""
    return Diagnostic(
        "PL210", f"this comes to more than {limit} pictures", span, "make fewer at a time"
    )


def needs_option(name: str, needed: Collection[str], span: Span) -> Diagnostic:
    """``a fox --mask "face.png"``"""
    others = join_alternatives([f"`--{each}`" for each in needed])
    return Diagnostic(
        "PL220", f"`--{name}` does nothing without {others}", span, "add it, or leave this out"
    )


def invalid_pick_count(span: Span, least: int, most: int, choices: int) -> Diagnostic:
    """``{3$$a|b}``, ``{0$$a|b}``, ``{2-1$$a|b}``"""
    if least > most:
        message, hint = (
            f"it goes from {least} down to {most}",
            f"write `{most}-{least}$$`; it is read so",
        )
    elif not most:
        message, hint = (
            "none is picked, so nothing stands here",
            "write how many, as in `{2$$red|blue}`",
        )
    else:
        fitting = f"{least}-{choices}" if least < choices else f"{choices}"
        message, hint = (
            f"there are only {choices} to pick from",
            f"write `{fitting}$$`; it is read so",
        )
    return warning("PL213", message, span, hint)


def invalid_choice_weight(span: Span) -> Diagnostic:
    """``{-1::a|b}``, ``{1,5::a|b}``"""
    hint = "write how likely it is beside the others, as in `{1.5::red|blue}`"
    return warning("PL214", f"`{span.text}` is no chance, so it is read as text", span, hint)


def zero_choice_weights(span: Span) -> Diagnostic:
    """``{0::a|0::b}``"""
    return warning(
        "PL214",
        "none of these has a chance, so all have the same",
        span,
        "give one a number above 0",
    )


def alternation_too_short(span: Span) -> Diagnostic:
    """``[a|b:0]``"""
    hint = "write how many steps each lasts, as in `[cat|dog:5]`"
    return warning("PL215", "a turn lasts a step at least, so this one does", span, hint)


def unordered_curve_points(span: Span) -> Diagnostic:
    """``<lora:ink:0@1,0.5@0>``"""
    hint = "each has a later moment than the one before, from 0 on, as in `0@0,1@0.5`"
    return warning("PL216", "the points of this curve are not in the order of time", span, hint)


def empty_range(span: Span) -> Diagnostic:
    """``--cfg 0..1/0``"""
    return Diagnostic(
        "PL212", f"`{span.text}` has no values", span, "after the `/` stands how many there are"
    )


def invalid_name(name: str, span: Span) -> Diagnostic:
    """``train lora ../ink from "photos"``"""
    return Diagnostic(
        "PL211", f"`{name}` cannot be a name", span, "use letters, digits, `-`, `_` and `.`"
    )


def not_available(what: str, span: Span) -> Diagnostic:
    """``train ti <style> from "photos"``: understood, and nothing in this version carries it out."""
    return Diagnostic(
        "PL299",
        f"{what} cannot be carried out yet",
        span,
        "it is read and checked; leave it out for now",
    )


# Files and models, PL3xx


def missing_folder(path: str, span: Span) -> Diagnostic:
    """``train lora ink from "no/such/folder"``"""
    return Diagnostic(
        "PL301", f"there is no folder `{path}`", span, "a path starts at the file that names it"
    )


def missing_file(path: str, span: Span) -> Diagnostic:
    """``use lora "no/such/file" as ink``"""
    return Diagnostic(
        "PL304", f"there is no file `{path}`", span, "a path starts at the file that names it"
    )


def recipe_not_readable(path: str, span: Span) -> Diagnostic:
    """``include "no/such/recipe.pl"``"""
    return Diagnostic(
        "PL305", f"`{path}` is not a text that can be read", span, "it should be a recipe in UTF-8"
    )


def recursive_include(path: str, span: Span) -> Diagnostic:
    """``include "self.pl"``"""
    return Diagnostic("PL306", f"`{path}` includes itself", span, "take one of the two out")


# Run time, PL5xx


def picture_not_readable(file: Path, reason: str, span: Span) -> Diagnostic:
    """A training picture is damaged."""
    return Diagnostic(
        "PL402", f"the picture `{file.name}` cannot be read: {reason}", span, "remove or replace it"
    )


def file_access_failed(file: Path, reason: str, span: Span) -> Diagnostic:
    """The disk is full, or the folder is not the user's."""
    return Diagnostic("PL502", f"`{file.name}` cannot be read or written: {reason}", span)


def size_not_possible(size: tuple[int, int], multiple: int, span: Span) -> Diagnostic:
    """``--size 100x100`` with a model whose latents stand for 16 pixels each."""
    near = "x".join(str(max(multiple, round(side / multiple) * multiple)) for side in size)
    message = f"this model cannot make a picture of {size[0]}x{size[1]} pixels"
    return Diagnostic("PL503", message, span, f"both must be multiples of {multiple}: try `{near}`")


def spacing_not_possible(sampler: str, scheduler: str, span: Span) -> Diagnostic:
    """``--sampler ddim --scheduler karras``"""
    message = f"the sampler `{sampler}` cannot space its steps as `{scheduler}`"
    return Diagnostic(
        "PL505", message, span, "leave `--scheduler` out, or try `--sampler dpm++_2m`"
    )


def clip_skip_not_possible(layer: int, layers: int, span: Span) -> Diagnostic:
    """``--clip-skip 9`` with a text encoder of four layers."""
    message = f"this model's text encoder has {layers} layers, so there is no `--clip-skip {layer}`"
    return Diagnostic(
        "PL504", message, span, "1 is the last layer, 2 the one before: few models want more"
    )


def eta_not_possible(sampler: str, span: Span) -> Diagnostic:
    """``--sampler euler --eta 0.5``"""
    return Diagnostic(
        "PL506",
        f"the sampler `{sampler}` has no `--eta`",
        span,
        "leave it out, or try `--sampler ddim`",
    )


def mask_of_another_size(mask: tuple[int, int], picture: tuple[int, int], span: Span) -> Diagnostic:
    """``--init photo.png --mask other.png``"""
    message = "the mask has {}x{} pixels, the picture {}x{}".format(*mask, *picture)
    return Diagnostic("PL507", message, span, "draw the mask over the picture itself")


def picture_not_finite(half: bool, span: Span) -> Diagnostic:
    """A LoRA at an absurd strength, or numbers too large for fp16."""
    hint = (
        "try `--precision fp32`" if half else "try its LoRAs at lower strengths, or a lower `--cfg`"
    )
    return Diagnostic(
        "PL512",
        "the numbers of this picture grew out of bounds, so there is nothing to see",
        span,
        hint,
    )
