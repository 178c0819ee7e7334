"""Diagnostics that come up when a training begins or runs: PL501, PL520 to PL532."""

from __future__ import annotations

from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

DIVERGED = Rule(
    code="PL501",
    kind="training-diverged",
    title="A training diverged",
    why="The loss is no longer a finite number, so the weights are lost. Most often the learning "
    "rate is too high.",
    fix="Train with a lower `--lr`, a fifth of it, from the last checkpoint that was kept.",
)


def diverged(name: str, step: int, span: Span) -> Diagnostic:
    """Report a loss that is not a finite number."""
    message = f"the training of `{name}` diverged at step {step}"
    return DIVERGED.at(span, message, "try a lower `--lr`, a fifth of it")


EPSILON_WITHOUT_SIGNAL = Rule(
    code="PL520",
    kind="epsilon-without-signal",
    title="A model that predicts noise, with a last step of pure noise",
    why="At zero terminal signal-to-noise the input of the last step is the noise itself, so "
    "predicting it teaches nothing (Lin et al. 2023). Such a model predicts `v`, or its scheduler "
    "is wrongly configured.",
    fix="Correct `rescale_betas_zero_snr` or `prediction_type` in the model's scheduler "
    "configuration.",
)


def epsilon_without_signal(model: str, span: Span) -> Diagnostic:
    """Report a model that predicts noise, over a schedule whose last step is nothing but noise."""
    message = (
        f"`{model}` predicts noise, but the last step of its schedule is nothing but noise, "
        "from which it learns nothing"
    )
    hint = "`rescale_betas_zero_snr` or `prediction_type` of its scheduler is wrong"
    return EPSILON_WITHOUT_SIGNAL.at(span, message, hint)


NOISE_NOT_NEEDED = Rule(
    code="PL521",
    kind="noise-not-needed",
    title="A noise option that this model does not need",
    why="Noise offset and multi-resolution noise teach brightness to models whose last step still "
    "holds some signal. This model starts from pure noise and learns brightness without them.",
    fix="Remove the option.",
)


def noise_not_needed(option: str, model: str, span: Span) -> Diagnostic:
    """Report ``--noise-offset 0.1`` over a schedule that starts from nothing but noise."""
    message = (
        f"`--{option}` cannot be used with `{model}`, "
        "which learns brightness from pure noise already"
    )
    return NOISE_NOT_NEEDED.at(span, message, f"remove `--{option}`")


PACKAGE_MISSING = Rule(
    code="PL522",
    kind="package-missing",
    title="An optimizer needs a package that is not installed",
    why="Some optimizers come from packages of their own, which promptlang does not install by "
    "default.",
    fix="Install the package, or all of them with `pip install 'promptlang-diffusers[optim]'`.",
)


def package_missing(optimizer: str, package: str, span: Span) -> Diagnostic:
    """Report ``--optimizer prodigy`` without its package."""
    message = f"`--optimizer {optimizer}` needs `{package}`, which is not installed"
    hint = f"pip install {package}, or all of them: pip install 'promptlang-diffusers[optim]'"
    return PACKAGE_MISSING.at(span, message, hint)


NO_MATCHING_TARGETS = Rule(
    code="PL523",
    kind="no-matching-targets",
    title="`--targets` matches no layer",
    why="The pattern is searched in the names of the layers, and no layer's name has it, so "
    "nothing would be trained.",
    fix="Compare the pattern with the name that the hint shows.",
)


def no_matching_targets(targets: str, part: str, span: Span) -> Diagnostic:
    """Report ``--targets "to_z$"``."""
    unet = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    text = "encoder.layers.0.self_attn.q_proj"
    shown = unet if part == "UNet" else text
    hint = f"names are like `{shown}`; `a|b` stands for names with either"
    return NO_MATCHING_TARGETS.at(
        span, f"`--targets {targets}` matches no layer of the {part}", hint
    )


UNKNOWN_INIT_WORD = Rule(
    code="PL524",
    kind="unknown-init-word",
    title="`--init` has no word to start from",
    why="The vectors of a new token begin as those of the `--init` word. This text has no token "
    "for the model, for example because it is empty.",
    fix="Write a word that comes near to what is learned, such as `style` or `cat`.",
    bad='train ti <x> from photos --init ""',
    good='train ti <x> from photos --init "style"',
)


def unknown_init_word(word: str, span: Span) -> Diagnostic:
    """Report ``--init`` with a word that comes to no token."""
    message = f"`--init {word}` has no word to start from"
    return UNKNOWN_INIT_WORD.at(span, message, "try one word, such as `style`")


INDIVISIBLE_BATCH = Rule(
    code="PL525",
    kind="indivisible-batch",
    title="The pictures of a step cannot be shared among the processes",
    why="In a training on several devices each process takes the same number of pictures, so "
    "`--batch` times `--accumulate` must be a multiple of the number of processes.",
    fix="Change `--batch` or `--accumulate`, or start another number of processes.",
)


def indivisible_batch(pictures: int, processes: int, span: Span) -> Diagnostic:
    """Report three processes, and four pictures a step."""
    message = f"the {pictures} pictures of a step cannot be shared among {processes} processes"
    hint = f"let `--batch` times `--accumulate` be a multiple of {processes}"
    return INDIVISIBLE_BATCH.at(span, message, hint)


BLOCK_WITHOUT_LAYERS = Rule(
    code="PL526",
    kind="block-without-layers",
    title="A learning rate for blocks of the UNet in which nothing is trained",
    why="`--down-lr`, `--mid-lr` and `--up-lr` are for blocks of the UNet. `--targets` chooses no "
    "layer in these blocks, so the rate has no effect.",
    fix="Remove the option, or let `--targets` match layers of these blocks too.",
)


def block_without_trainable_layers(part: str, span: Span) -> Diagnostic:
    """Report ``--mid-lr 1e-5 --targets "up_blocks"``."""
    message = f"`--{part}-lr` is for blocks of the UNet in which no layer is trained"
    hint = "remove it, or let `--targets` match layers of these blocks too"
    return BLOCK_WITHOUT_LAYERS.at(span, message, hint)


ALL_LEARNING_RATES_ZERO = Rule(
    code="PL527",
    kind="all-learning-rates-zero",
    title="Every learning rate is 0",
    why="A learning rate of 0 keeps its blocks as they are. If all are 0, nothing is trained.",
    fix="Remove one of the options, or give it a rate above 0.",
)


def all_learning_rates_zero(span: Span) -> Diagnostic:
    """Report ``--down-lr 0 --mid-lr 0 --up-lr 0``."""
    message = "every learning rate is 0, so nothing learns"
    return ALL_LEARNING_RATES_ZERO.at(span, message, "remove one of them")


XFORMERS_UNAVAILABLE = Rule(
    code="PL528",
    kind="xformers-unavailable",
    title="`xformers` is not available",
    why="`--attention xformers` needs that package and an NVIDIA GPU.",
    fix="Remove `--attention`: PyTorch's own attention has the same kernels.",
)


def xformers_unavailable(reason: str, span: Span) -> Diagnostic:
    """Report ``--attention xformers`` on a machine without the package or a GPU."""
    message = f"`--attention xformers` is not available: {reason}"
    hint = "remove `--attention`: PyTorch's own attention has the same kernels"
    return XFORMERS_UNAVAILABLE.at(span, message, hint)


BASE_PRECISION_NOT_POSSIBLE = Rule(
    code="PL529",
    kind="base-precision-not-possible",
    title="The device cannot hold the base model in this precision",
    why="`--base-precision` stores the frozen weights in smaller numbers, which this device or "
    "this PyTorch does not have.",
    fix="Take `--base-precision int8`, or remove the option.",
)


def unsupported_base_precision(kind: str, device: str, span: Span) -> Diagnostic:
    """Report ``--base-precision fp8`` on a device without such numbers."""
    message = f"the device `{device}` cannot hold weights in `{kind}`"
    hint = "try `--base-precision int8`, or remove it"
    return BASE_PRECISION_NOT_POSSIBLE.at(span, message, hint)


FILE_NOT_TRAINED_HERE = Rule(
    code="PL530",
    kind="file-not-trained-here",
    title="A training would replace a file from elsewhere",
    why="`adapters` has a file of this name that no training here has made. It may be a download "
    "that cannot be had again.",
    fix="Train under another name, or write `--force` to replace the file.",
)


def file_not_trained_here(file: Path, span: Span) -> Diagnostic:
    """Report ``train lora ink`` where `adapters` has a LoRA of that name from elsewhere."""
    message = f"`{file.name}` exists already, and was not trained here"
    hint = "train under another name, or write `--force` to replace it"
    return FILE_NOT_TRAINED_HERE.at(span, message, hint)


REQUIRED_TRAINING_FAILED = Rule(
    code="PL531",
    kind="required-training-failed",
    title="A step is skipped because a training before it failed",
    why="The prompt or training uses the adapter or model of a training above it, and that "
    "training failed, so the file is missing or from an earlier run.",
    fix="Mend the training that failed; its own diagnostic says how.",
)


def required_training_failed(name: str, span: Span) -> Diagnostic:
    """Report a prompt, or a training, that uses the result of a training that failed."""
    message = f"this needs `{name}`, whose training failed, and is skipped"
    return REQUIRED_TRAINING_FAILED.at(span, message, "mend that training first")


INIT_WORD_TRUNCATED = Rule(
    code="PL532",
    kind="init-word-truncated",
    title="`--init` has more tokens than the new token has vectors",
    why="Each vector of the new token begins as one token of the `--init` text. The last tokens of "
    "the text have no vector.",
    fix="Give the token more `--vectors`, or take a shorter text.",
    severity=Severity.WARNING,
)


def init_word_truncated(word: str, tokens: int, vectors: int, span: Span) -> Diagnostic:
    """Report ``--init "ink drawing"`` with a single vector."""
    used = "the first of them is" if vectors == 1 else f"the first {vectors} of them are"
    message = f"`{word}` is {tokens} tokens to the model, and only {used} used"
    return INIT_WORD_TRUNCATED.at(span, message, f"write `--vectors {tokens}`, or another word")
