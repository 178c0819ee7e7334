"""Diagnostics on names that a program uses, PL1xx."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.foreign_tags import hint_for_tag
from promptlang.diagnostics.rule import Rule
from promptlang.diagnostics.wording import join_alternatives, suggest_name
from promptlang.source import Span

UNKNOWN_LORA = Rule(
    code="PL101",
    kind="unknown-lora",
    title="No LoRA has this name",
    why="No `train lora` or `use lora` above makes a LoRA of this name, and neither the folder "
    "`adapters` nor the configured folders hold a file that is called so.",
    fix="Correct the name, train the LoRA, bring its file in with `use lora FILE as NAME`, or put "
    "the file into `adapters`.",
    bad="a fox <lora:ukiyoe:0.8>",
    good="a fox <lora:ukiyo-e:0.8>",
)


def unknown_lora(
    name: str, known: Collection[str], span: Span, severity: Severity = Severity.ERROR
) -> Diagnostic:
    """Report ``<lora:ukiyoe>`` where ``ukiyo-e`` is known."""
    hint = (
        suggest_name(name, known)
        or "`train lora` makes one; a file in `adapters/` is found by its name"
    )
    return UNKNOWN_LORA.at(span, f"no LoRA is named `{name}`", hint, severity)


UNKNOWN_OPTION = Rule(
    code="PL102",
    kind="unknown-option",
    title="The statement or prompt has no such option",
    why="Every statement has options of its own, and a prompt has others. An unknown one is an "
    "error, so that a typing error never silently changes a picture.",
    fix=r"Correct the option, or remove it. Write `\--` if the text is meant.",
    bad="a fox --stpes 30",
    good="a fox --steps 30",
)


def unknown_option(
    name: str, known: Collection[str], aliases: Collection[str], span: Span
) -> Diagnostic:
    """Report ``--stpes 30``. The hint may suggest an alias, but lists none."""
    every = ", ".join(f"`--{each}`" for each in known)
    hint = suggest_name(name, [*known, *aliases], "--{}") or f"the options are {every}"
    return UNKNOWN_OPTION.at(span, f"there is no option `--{name}` here", hint)


UNKNOWN_MODEL = Rule(
    code="PL103",
    kind="unknown-model",
    title="No base model has this name",
    why="The name is neither `emoji`, nor a name in the configured folders, nor the path of a "
    "folder in diffusers' layout or of a checkpoint file, nor `OWNER/NAME` on the hub.",
    fix="Correct the name or the path.",
    bad="use model emojo",
    good="use model emoji",
)


def unknown_model(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """Report ``use model emojo``."""
    hint = (
        suggest_name(name, known)
        or "name a folder in diffusers' layout, a `.safetensors` file, or `emoji`"
    )
    return UNKNOWN_MODEL.at(span, f"no model is named `{name}`", hint)


REPEATED_LORA = Rule(
    code="PL104",
    kind="repeated-lora",
    title="A LoRA is applied twice at the same steps",
    why="Two tags of one LoRA add up their strengths, and a sum far above 1 spoils the picture.",
    fix="Keep one tag, with the strength that you want.",
    bad="a fox <lora:ink:0.5> <lora:ink:0.3>",
    good="a fox <lora:ink:0.8>",
    severity=Severity.WARNING,
)


def repeated_lora(name: str, span: Span) -> Diagnostic:
    """Report ``<lora:ink:0.5> <lora:ink:0.3>``."""
    message = f"the LoRA `{name}` is applied twice, so its strengths add up"
    return REPEATED_LORA.at(span, message, "keep one tag, with the strength that you want")


UNKNOWN_TOKEN = Rule(
    code="PL105",
    kind="unknown-token",
    title="No token of textual inversion has this name",
    why="No `train ti` or `use ti` above makes a token of this name, and neither `adapters`, "
    "`embeddings` nor the configured folders hold a file that is called so.",
    fix=r"Correct the name, train the token, or bring its file in with `use ti FILE as <name>`. "
    r"Write `\<` for the character.",
    bad="a fox, <painterly>",
    good=r"a fox, \<painterly\>",
)


def unknown_embedding(
    name: str, known: Collection[str], span: Span, severity: Severity = Severity.ERROR
) -> Diagnostic:
    """Report ``<painterly>`` where ``<painterly2>`` is known."""
    hint = (
        (hint_for_tag(name) if span.text.startswith("<") else None)
        or suggest_name(name, known, "<{}>")
        or (
            r"write `\<` for the character"
            if span.text.startswith("<")
            else "`train ti` makes one, and `use ti` names a file"
        )
    )
    return UNKNOWN_TOKEN.at(span, f"no token is named `<{name}>`", hint, severity)


UNKNOWN_REFERENCE = Rule(
    code="PL106",
    kind="unknown-reference",
    title="`${…}` names nothing",
    why="`${name}` stands for a `let` above it, for a parameter of the `let` in which it is "
    "written, or, in the `--prompt` of a training, for the `${caption}`.",
    fix="Correct the name, or write the `let` above the line.",
    bad="let hero = a man\n${hreo} in a forest",
    good="let hero = a man\n${hero} in a forest",
)


def unknown_let(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """Report ``${hreo}``."""
    hint = suggest_name(name, known) or f"`let {name} = …` above it makes one"
    return UNKNOWN_REFERENCE.at(span, f"nothing is named `{name}`", hint)


def unknown_placeholder(name: str, span: Span) -> Diagnostic:
    """Report ``--prompt "sks, ${captoin}"``."""
    message = f"nothing is named `{name}` here"
    return UNKNOWN_REFERENCE.at(span, message, "did you mean `${caption}`?")


TOO_MANY_ARGUMENTS = Rule(
    code="PL107",
    kind="too-many-arguments",
    title="A `let` is given more arguments than it has parameters",
    why="The arguments in `${name(…)}` fill the parameters of the `let` in their order, and the "
    "last ones have no parameter.",
    fix="Remove the arguments, or give the `let` more parameters.",
    bad="let hero = a man\n${hero(old)} in a forest",
    good="let hero(age) = a ${age} man\n${hero(old)} in a forest",
)


def too_many_arguments(name: str, parameters: Collection[str], span: Span) -> Diagnostic:
    """Report ``${hero(a, b)}`` where there is one parameter."""
    takes = join_alternatives([f"`{each}`" for each in parameters]) if parameters else "none"
    return TOO_MANY_ARGUMENTS.at(span, f"`{name}` is given too many arguments", f"it takes {takes}")


MISSING_ARGUMENT = Rule(
    code="PL108",
    kind="missing-argument",
    title="A `let` is not given an argument that it needs",
    why="The parameter has no default, so `${name}` alone does not say what stands in its place.",
    fix="Write the argument, as in `${hero(old)}`, or give the parameter a default.",
    bad="let hero(age) = a ${age} man\n${hero} in a forest",
    good='let hero(age="old") = a ${age} man\n${hero} in a forest',
)


def missing_argument(name: str, parameter: str, span: Span) -> Diagnostic:
    """Report ``${hero}`` where a parameter has no default."""
    message = f"`{name}` needs a value for its parameter `{parameter}`"
    return MISSING_ARGUMENT.at(span, message, f"write `${{{name}(…)}}`")


UNKNOWN_WILDCARD = Rule(
    code="PL109",
    kind="unknown-wildcard",
    title="No wildcard list has this name",
    why="`__animal__` stands for a line of `animal.txt` in the folder that `use wildcards` names, "
    "or of the key `animal` in a YAML or JSON file there. No such list is there, so the wildcard "
    "is text that the model reads.",
    fix=r"Add the list, correct the name, or write `\__` for the characters.",
    bad="a __beast__ in a forest",
    good="use wildcards photos\na __animal__ in a forest",
    severity=Severity.WARNING,
)


def unknown_wildcard(pattern: str, span: Span) -> Diagnostic:
    """Report ``__animal__`` without a file."""
    message = f"there is no wildcard list for `__{pattern}__`, so it is read as text"
    bare = pattern.removesuffix(".txt")
    hint = (
        f"put a file `{pattern}.txt` into the folder that `use wildcards` names"
        if bare == pattern
        else f"write `__{bare}__`, without the ending of the file"
    )
    return UNKNOWN_WILDCARD.at(span, message, hint)


UNREADABLE_WILDCARD = Rule(
    code="PL113",
    kind="unreadable-wildcard",
    title="A wildcard list cannot be read",
    why="The file is there, but it is no regular file of text in UTF-8 or UTF-16, or its YAML or "
    "JSON has a mistake. The wildcard is text that the model reads.",
    fix="Mend the file as the message says.",
    severity=Severity.WARNING,
)


def unreadable_wildcard(pattern: str, reason: str, span: Span) -> Diagnostic:
    """Report ``__animal__`` where ``animal.txt`` is a folder."""
    message = f"the list of `__{pattern}__` cannot be read, so it stays as text: {reason}"
    return UNREADABLE_WILDCARD.at(span, message)


LORA_IN_NEGATIVE = Rule(
    code="PL112",
    kind="lora-in-negative",
    title="A LoRA in a negative prompt",
    why="A LoRA changes the model for the whole picture, for the prompt and for the negative "
    "prompt alike, so in a negative prompt it could not do what its place says. A1111 reads such "
    "a tag as words.",
    fix="Move the tag into the prompt; a strength below zero, as in `<lora:ink:-0.5>`, steers away "
    "from what the LoRA was trained on.",
    bad='a fox --negative "blurry, <lora:ink:0.8>"',
    good='a fox <lora:ink:-0.8> --negative "blurry"',
)


def lora_in_negative(name: str, span: Span) -> Diagnostic:
    """Report ``--negative "<lora:ink:0.8>"``."""
    message = f"the LoRA `{name}` stands in a negative prompt, but would act on the whole picture"
    hint = f"move the tag into the prompt; `<lora:{name}:-0.5>` there steers away from it"
    return LORA_IN_NEGATIVE.at(span, message, hint)


MISSING_TRIGGER_WORDS = Rule(
    code="PL110",
    kind="missing-trigger-words",
    title="A LoRA stores no trigger words",
    why="`<trigger:name>` stands for the trigger words in the file of the LoRA. This file has "
    "none, so the tag adds nothing to the prompt.",
    fix="Write the trigger words out; the page from which the file comes may name them.",
    bad="a fox <lora:ink> <trigger:ink>",
    good="a fox <lora:ink>, ink drawing",
    severity=Severity.WARNING,
)


def missing_trigger_words(name: str, span: Span) -> Diagnostic:
    """Report ``<trigger:ink>`` where the file of ``ink`` has no such words."""
    message = f"the LoRA `{name}` stores no trigger words, so this tag adds nothing"
    return MISSING_TRIGGER_WORDS.at(span, message, "write the trigger words out")


AMBIGUOUS_NAME = Rule(
    code="PL111",
    kind="ambiguous-name",
    title="Several files have this name",
    why="The configured folders hold more than one file of this name, and they may be quite "
    "different, so none is taken.",
    fix="Write the folder too, as in `<lora:style/ink>`, or bring one of the files in with `use`.",
)


def ambiguous(what: str, name: str, files: Collection[Path], span: Span) -> Diagnostic:
    """Report ``<lora:ink>`` where two configured folders have an ``ink``."""
    shown = ", ".join(f"`{file}`" for file in files)
    hint = "write the folder too, `style/ink`, or bring one of them in with `use`"
    return AMBIGUOUS_NAME.at(span, f"`{name}` may be any of these {what}s: {shown}", hint)
