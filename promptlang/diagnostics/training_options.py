"""Diagnostics on the options of a training that do not go together, PL23x."""

from __future__ import annotations

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

CONFLICTING_OPTIONS = Rule(
    code="PL230",
    kind="conflicting-options",
    title="Two options of a training exclude each other",
    why="Both options decide the same thing, or one makes the other impossible. The message says "
    "which of the two it is.",
    fix="Remove one of the two options.",
    bad="train lora ink from photos --min-snr 5 --debiased",
    good="train lora ink from photos --min-snr 5",
)


def conflicting_options(first: str, second: str, reason: str, span: Span) -> Diagnostic:
    """Report ``--min-snr 5 --debiased``."""
    message = f"`--{first}` cannot go with `--{second}`: {reason}"
    return CONFLICTING_OPTIONS.at(span, message, "remove one of the two")


MISSING_REQUIRED_OPTION = Rule(
    code="PL231",
    kind="missing-required-option",
    title="An option of a training that has no effect alone",
    why="The option changes how another one works, and that other one is not given, so the "
    "training would silently run without it.",
    fix="Add the option that the message names, or remove this one.",
    bad="train lora ink from photos --te-lr 1e-5",
    good="train lora ink from photos --te --te-lr 1e-5",
)


def missing_required_option(option: str, other: str, span: Span) -> Diagnostic:
    """Report ``--te-lr 1e-5`` where the text encoder does not learn."""
    message = f"`--{option}` has no effect without `--{other}`"
    return MISSING_REQUIRED_OPTION.at(span, message, f"add `--{other}`")


BAD_PATTERN = Rule(
    code="PL232",
    kind="bad-pattern",
    title="A pattern is not a regular expression",
    why="In quotes, `--targets` takes a regular expression of Python. It is searched in the names "
    "of the model's layers, and this one cannot be read.",
    fix="Correct the expression. `.*` stands for anything, and `a|b` for either.",
    bad='train lora ink from photos --targets "to_(q"',
    good='train lora ink from photos --targets "to_(q|v)"',
)


def bad_pattern(reason: str, span: Span) -> Diagnostic:
    """Report ``--targets "to_(q"``."""
    message = f"`{span.text}` cannot be used as a regular expression: {reason}"
    hint = "the pattern is searched in the names of the layers; `.*` stands for anything"
    return BAD_PATTERN.at(span, message, hint)


ONLY_LORA_TAGS = Rule(
    code="PL233",
    kind="only-lora-tags",
    title="`--under` holds more than LoRAs at constant strengths",
    why="`--under` names the LoRAs that are applied to the model while it is trained. Text has no "
    "meaning there, and a strength cannot change, because a training has no denoising steps.",
    fix="Write LoRA tags with constant strengths and nothing else.",
    bad='train ti <x> from photos --under "a fox"',
    good='train ti <x> from photos --under "<lora:ink:0.8>"',
)


def only_lora_tags(span: Span) -> Diagnostic:
    """Report ``--under "a fox"``."""
    message = "`--under` takes LoRA tags with constant strengths, and nothing else"
    return ONLY_LORA_TAGS.at(span, message, 'write it as `--under "<lora:ink:0.8>"`')


UNEVEN_RATIO = Rule(
    code="PL234",
    kind="uneven-ratio",
    title="The share of class pictures in a batch is not a whole number",
    why="`--class-ratio` times `--batch` is the number of class pictures in a batch, and a batch "
    "cannot hold a part of a picture.",
    fix="Choose `--batch` and `--class-ratio` so that their product is a whole number.",
    bad="train lora ink from photos --class-data photos --class-ratio 0.3",
    good="train lora ink from photos --class-data photos --class-ratio 0.5",
)


def uneven_ratio(batch: int, ratio: float, span: Span) -> Diagnostic:
    """Report ``--class-ratio 0.3`` with four pictures a batch."""
    message = f"a `--batch` of {batch} times {ratio:g} is not a whole number of class pictures"
    hint = "let `--batch` times `--class-ratio` be a whole number"
    return UNEVEN_RATIO.at(span, message, hint)


VALIDATION_ON_TRAINING_DATA = Rule(
    code="PL235",
    kind="validation-on-training-data",
    title="A training is validated on the pictures it learns from",
    why="The validation loss shows overfitting only on pictures that are not trained on.",
    fix="Name other pictures with `--validation`, or hold some out with `--hold-out 10%`.",
    bad="train lora ink from photos --validation photos",
    good="train lora ink from photos --hold-out 10%",
)


def validation_on_training_pictures(span: Span) -> Diagnostic:
    """Report ``train lora ink from photos --validation photos``."""
    message = "the validation pictures are trained on, so they cannot show overfitting"
    hint = "name other pictures, or write `--hold-out 10%`"
    return VALIDATION_ON_TRAINING_DATA.at(span, message, hint)


LORA_IN_SAMPLES = Rule(
    code="PL236",
    kind="lora-in-samples",
    title="A sample prompt has a LoRA tag",
    why="The samples of a training show the adapter that is trained, at full strength, and the "
    "LoRAs of `--under`. Another LoRA would hide what is learned.",
    fix="Remove the tag. To train with a LoRA applied, write `--under`.",
    bad='train lora ink from photos --sample-every 10 --samples "a fox <lora:ink:1>"',
    good='train lora ink from photos --sample-every 10 --samples "a fox"',
)


def lora_in_samples(span: Span) -> Diagnostic:
    """Report ``--samples "a cat <lora:ink:1>"``."""
    message = "a sample shows the adapter that is trained, and takes no LoRA tags"
    hint = 'remove the tag; `--under "<lora:ink:0.8>"` trains with a LoRA applied'
    return LORA_IN_SAMPLES.at(span, message, hint)


RESERVED_MODEL_NAME = Rule(
    code="PL237",
    kind="reserved-model-name",
    title="A model cannot be named like the built-in one",
    why="`use model emoji` stands for the built-in model, so a model that is trained under this "
    "name could never be used.",
    fix="Train the model under another name.",
    bad="train dreambooth emoji from photos",
    good="train dreambooth smileys from photos",
)


def reserved_model_name(name: str, span: Span) -> Diagnostic:
    """Report ``train dreambooth emoji``."""
    message = f"`{name}` is the name of the built-in model"
    return RESERVED_MODEL_NAME.at(span, message, "train under another name")


LONGER_THAN_TRAINING = Rule(
    code="PL238",
    kind="longer-than-training",
    title="A number of steps is longer than the training",
    why="The warm-up would not end, or the first sample or save would never come, because the "
    "training has fewer steps.",
    fix="Give the option fewer steps, or the training more.",
    bad="train lora ink from photos --warmup 500 --steps 400",
    good="train lora ink from photos --warmup 50 --steps 400",
    severity=Severity.WARNING,
)


def longer_than_training(option: str, steps: int, span: Span) -> Diagnostic:
    """Report ``--warmup 500 --steps 400``."""
    message = (
        f"`--{option}` is longer than the training, which has {steps} step{'s' * (steps != 1)}"
    )
    return LONGER_THAN_TRAINING.at(span, message, "give it fewer steps, or remove it")
