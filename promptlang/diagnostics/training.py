"""What can be wrong with a training: its options, PL23x, its pictures, PL4xx, and its model, PL52x."""

from __future__ import annotations

from pathlib import Path

from promptlang.diagnostics import Diagnostic, warning
from promptlang.source import Span


def conflicting_options(first: str, second: str, reason: str, span: Span) -> Diagnostic:
    """``--min-snr 5 --debiased``"""
    return Diagnostic(
        "PL230",
        f"`--{first}` cannot go with `--{second}`: {reason}",
        span,
        "take one of the two out",
    )


def missing_required_option(option: str, other: str, span: Span) -> Diagnostic:
    """``--te-lr 1e-5`` where the text encoder does not learn."""
    return Diagnostic(
        "PL231", f"`--{option}` means nothing without `--{other}`", span, f"add `--{other}`"
    )


def bad_pattern(reason: str, span: Span) -> Diagnostic:
    """``--targets "to_(q"``"""
    hint = "a text is a regular expression that the layers' names hold; `.*` stands for anything"
    return Diagnostic("PL232", f"`{span.text}` is not a regular expression: {reason}", span, hint)


def only_lora_tags(span: Span) -> Diagnostic:
    """``--under "a fox"``"""
    message = "the model can have nothing on but LoRAs, at strengths that stay as they are"
    return Diagnostic("PL233", message, span, 'write it as `--under "<lora:ink:0.8>"`')


def uneven_ratio(batch: int, ratio: float, span: Span) -> Diagnostic:
    """``--class-ratio 0.3`` with four pictures a batch."""
    message = f"{batch} pictures of a batch, times {ratio:g}, are no whole number of pictures"
    return Diagnostic(
        "PL234", message, span, "let `--batch` times `--class-ratio` be a whole number"
    )


def lora_in_samples(span: Span) -> Diagnostic:
    """``--samples "a cat <lora:ink:1>"``"""
    message = "samples show what is learned, and the model's own LoRAs, but no others"
    hint = 'take the tag out: what is trained is there in full; `--under "<lora:ink:0.8>"` trains with a LoRA on'
    return Diagnostic("PL236", message, span, hint)


def longer_than_training(option: str, steps: int, span: Span) -> Diagnostic:
    """``--warmup 500 --steps 400``"""
    message = (
        f"`--{option}` is longer than the training, which has {steps} step{'s' * (steps != 1)}"
    )
    return warning("PL238", message, span, "give it fewer steps, or leave it out")


def no_pictures(path: str, span: Span) -> Diagnostic:
    """A folder without anything to train on."""
    return Diagnostic(
        "PL401", f"there are no pictures in `{path}`", span, "put .png, .jpg or .webp files there"
    )


def small_pictures(files: tuple[str, ...], size: tuple[int, int], span: Span) -> Diagnostic:
    """Less than half as wide, or as high, as what the model is trained on."""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    message = f"`{files[0]}`{more} must be made more than twice as large, to {size[0]}x{size[1]}, and will teach a blur"
    return warning("PL403", message, span, "put larger pictures there")


def invalid_metadata_line(file: Path, line: int, reason: str, span: Span) -> Diagnostic:
    """A line of a `metadata.jsonl`."""
    message = f"line {line} of `{file.name}` cannot be used: {reason}"
    return Diagnostic(
        "PL404", message, span, 'a line is `{"file_name": "one.png", "text": "a cat"}`'
    )


def invalid_list_line(file: Path, line: int, text: str, span: Span) -> Diagnostic:
    """A line of a list of pictures."""
    message = f"line {line} of `{file.name}` leads to no picture: `{text}`"
    return Diagnostic(
        "PL407", message, span, "a line is a picture, a folder or a pattern, from the list's folder"
    )


def token_not_in_captions(token: str, span: Span) -> Diagnostic:
    """A caption that the new word is not in teaches it nothing."""
    return Diagnostic(
        "PL405", f"no caption has `<{token}>`", span, f'say `--prompt "a picture of <{token}>"`'
    )


def no_training_pictures_left(span: Span) -> Diagnostic:
    """``--hold-out 50%`` of a single picture."""
    return Diagnostic(
        "PL406", "there is no picture left to train on", span, "hold out fewer, or add pictures"
    )


def diverged(name: str, step: int, span: Span) -> Diagnostic:
    """The loss is no longer a number."""
    return Diagnostic(
        "PL501",
        f"the training of `{name}` diverged at step {step}",
        span,
        "try a lower `--lr`, a fifth of it",
    )


def epsilon_without_signal(model: str, span: Span) -> Diagnostic:
    """A model that predicts noise, over a schedule whose last step is nothing but noise."""
    message = f"`{model}` predicts noise, but its last step is nothing but noise, from which that teaches nothing"
    return Diagnostic(
        "PL520",
        message,
        span,
        "its scheduler's `rescale_betas_zero_snr` or `prediction_type` is wrong",
    )


def noise_not_needed(option: str, model: str, span: Span) -> Diagnostic:
    """``--noise-offset 0.1`` over a schedule that starts from nothing but noise."""
    message = f"`--{option}` cannot be used with `{model}`, which learns brightness from pure noise already"
    return Diagnostic("PL521", message, span, f"leave `--{option}` out")


def package_missing(optimizer: str, package: str, span: Span) -> Diagnostic:
    """``--optimizer prodigy`` without its package."""
    hint = f"pip install {package}, or all of them: pip install 'promptlang-diffusers[optim]'"
    return Diagnostic(
        "PL522", f"`--optimizer {optimizer}` needs `{package}`, which is not installed", span, hint
    )


def xformers_unavailable(reason: str, span: Span) -> Diagnostic:
    """``--attention xformers`` where it cannot be had."""
    hint = "leave `--attention` out: PyTorch's own attention has the same kernels"
    return Diagnostic("PL528", f"`--attention xformers` cannot be had: {reason}", span, hint)


def file_not_trained_here(file: Path, span: Span) -> Diagnostic:
    """``train lora ink`` where `adapters` has a LoRA of that name from elsewhere."""
    message = f"`{file.name}` is there already, and was not trained here"
    return Diagnostic(
        "PL530", message, span, "train under another name, or write `--force` to replace it"
    )


def required_training_failed(name: str, span: Span) -> Diagnostic:
    """A prompt, or a training, with what a training before it was to make, which failed."""
    message = f"what needs `{name}` is left out here, since its training failed"
    return Diagnostic(
        "PL531", message, span, "mend that one first: what it is to make is needed here"
    )


def unknown_placeholder(name: str, span: Span) -> Diagnostic:
    """``--prompt "sks, ${captoin}"``"""
    return Diagnostic(
        "PL106", f"nothing is named `{name}` here", span, "did you mean `${caption}`?"
    )


def validation_on_training_pictures(span: Span) -> Diagnostic:
    """``train lora ink from photos --validation photos``"""
    message = "pictures that are learned from cannot tell whether they were learned by heart"
    return Diagnostic("PL235", message, span, "name other pictures, or write `--hold-out 10%`")


def reserved_model_name(name: str, span: Span) -> Diagnostic:
    """``train dreambooth emoji``"""
    return Diagnostic(
        "PL237", f"`{name}` is the built-in model's name", span, "give what is trained another one"
    )


def unsupported_base_precision(kind: str, device: str, span: Span) -> Diagnostic:
    """``--base-precision fp8`` on a device without such numbers."""
    message = f"the device `{device}` cannot hold weights in `{kind}`"
    return Diagnostic("PL529", message, span, "try `--base-precision int8`, or leave it out")


def no_matching_targets(targets: str, part: str, span: Span) -> Diagnostic:
    """``--targets "to_z$"``"""
    unet, text = (
        "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
        "encoder.layers.0.self_attn.q_proj",
    )
    hint = (
        f"names are like `{unet if part == 'UNet' else text}`; `a|b` stands for names with either"
    )
    return Diagnostic(
        "PL523", f"`--targets {targets}` is in no layer's name in the {part}", span, hint
    )


def block_without_trainable_layers(part: str, span: Span) -> Diagnostic:
    """``--mid-lr 1e-5 --targets "up_blocks"``"""
    message = f"`--{part}-lr` is for a part of the UNet in which nothing learns"
    return Diagnostic(
        "PL526", message, span, "leave it out, or let `--targets` hold layers of it, too"
    )


def all_learning_rates_zero(span: Span) -> Diagnostic:
    """``--down-lr 0 --mid-lr 0 --up-lr 0``"""
    return Diagnostic(
        "PL527", "every learning rate is 0, so nothing learns", span, "leave one of them out"
    )


def indivisible_batch(pictures: int, processes: int, span: Span) -> Diagnostic:
    """Three processes, and four pictures a step."""
    message = f"the {pictures} pictures of a step cannot be shared among {processes} processes"
    return Diagnostic(
        "PL525", message, span, f"let `--batch` times `--accumulate` be a multiple of {processes}"
    )


def init_word_truncated(word: str, tokens: int, vectors: int, span: Span) -> Diagnostic:
    """``--init "ink drawing"`` with a single vector."""
    begun = "the first of them is" if vectors == 1 else f"the first {vectors} of them are"
    message = f"`{word}` is {tokens} tokens to the model, and only {begun} begun with"
    return warning("PL532", message, span, f"say `--vectors {tokens}`, or another word")


def unknown_init_word(word: str, span: Span) -> Diagnostic:
    """``--init`` with a word that comes to no token."""
    return Diagnostic(
        "PL524", f"`--init {word}` is no word to start from", span, "try one word, such as `style`"
    )
