"""Diagnostics on files of LoRAs and textual inversions that cannot be used: PL302."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic
from promptlang.diagnostics.models import describe_kind
from promptlang.diagnostics.rule import Rule
from promptlang.files import shorten
from promptlang.source import Span


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file with the role that it should play and the place where the program names it."""

    file: Path
    span: Span
    role: str = "a LoRA"


UNUSABLE_ADAPTER = Rule(
    code="PL302",
    kind="unusable-adapter",
    title="The file of an adapter cannot be used",
    why="The file is missing, cut short or damaged, holds a program instead of numbers, is of a "
    "kind that is not supported, or is made for another family of models. Its modules and shapes "
    "must be those of the base model. The message names the reason.",
    fix="Copy or download the file again, or take one that is made for the base model. `promptlang "
    "info FILE` shows what a file is and for which family it was made.",
    bad='use lora "ink-sdxl.safetensors" as ink\na fox <lora:ink>',
)

MOST_NAMES = 8
"""Names that a message lists; a file may hold a thousand."""

AGAIN = "download or copy it again"
_OTHER = "take one that is made for this model, or choose its model with `use model`"


def unusable_file(subject: FileRef, reason: str, hint: str) -> Diagnostic:
    """Report a file that is damaged, hostile, or of another kind."""
    message = f"`{subject.file.name}` cannot be used as {subject.role}: {reason}"
    return UNUSABLE_ADAPTER.at(subject.span, message, hint)


def missing(subject: FileRef) -> Diagnostic:
    """Report a file that does not exist."""
    return unusable_file(
        subject, "there is no such file", f"it should be in `{subject.file.parent}`"
    )


def damaged(subject: FileRef, kind: str = "safetensors") -> Diagnostic:
    """Report a file that is cut short, or something else under the name of an adapter."""
    return unusable_file(subject, f"it is not a whole {kind} file", AGAIN)


def wrong_file_type(subject: FileRef, what: str, remedy: str) -> Diagnostic:
    """Report a picture, or a web page that was downloaded in place of the file."""
    return unusable_file(subject, f"it is {what}", remedy)


def unsafe_pickle(subject: FileRef) -> Diagnostic:
    """Report a pickle that asks for more than tensors."""
    return unusable_file(
        subject,
        "it is a pickle with a program in it, which was not run",
        "ask for a safetensors file",
    )


def oversized_pickle(subject: FileRef) -> Diagnostic:
    """Report a pickle that would fill the memory."""
    return unusable_file(
        subject, "it would unpack to far more than its own size", "ask for a safetensors file"
    )


def missing_adapter_config(subject: FileRef, name: str) -> Diagnostic:
    """Report a PEFT folder without its ``adapter_config.json``."""
    return unusable_file(
        subject, f"`{name}` is missing in it, or damaged", "save or copy the whole folder again"
    )


def picture_without_vectors(subject: FileRef) -> Diagnostic:
    """Report a picture in which A1111 has saved no token."""
    return unusable_file(
        subject,
        "it is a picture, and no token is saved in it",
        "take the file of weights itself, not its preview",
    )


def other_kind(subject: FileRef, kind: str, remedy: str) -> Diagnostic:
    """Report a file of another role, a ControlNet for example."""
    hint = remedy.replace("FILE", subject.file.name)
    return unusable_file(subject, f"it is {describe_kind(kind)}", hint)


def output_vectors(subject: FileRef, keys: Collection[str]) -> Diagnostic:
    """Report vectors that OneTrainer adds to the output of a text encoder."""
    listed = ", ".join(f"`{shorten(key)}`" for key in keys)
    return unusable_file(
        subject,
        f"it holds output embeddings of OneTrainer ({listed}), which cannot be used yet",
        "train it without `output embedding`, or ask for its input vectors alone",
    )


def unsupported_algorithm(subject: FileRef, kind: str) -> Diagnostic:
    """Report an adapter of an unsupported kind: OFT, GLoRA."""
    return unusable_file(
        subject,
        f"it is an adapter of the kind {kind}, which cannot be used yet",
        "ask for it as a LoRA",
    )


def wrong_model_family(subject: FileRef, family: str, model: str) -> Diagnostic:
    """Report a LoRA for SDXL with a Stable Diffusion 1 model."""
    return unusable_file(
        subject, f"it is made for {family}, not for a model like `{model}`", _OTHER
    )


def modules_do_not_match(
    subject: FileRef, model: str, fits: tuple[int, int], stranger: str | None
) -> Diagnostic:
    """Report names of modules that the model does not have.

    `fits` is how many modules the model has, and how many the file has.
    """
    hint = (
        f"it does not have `{shorten(stranger)}`, for one"
        if stranger
        else "the file is empty: save it again"
    )
    return unusable_file(
        subject, f"{fits[0]} of its {fits[1]} modules are in the model `{model}`", hint
    )


def shape_mismatch(subject: FileRef, module: str, model: str) -> Diagnostic:
    """Report modules of another width, or a module with half of its matrices."""
    return unusable_file(
        subject, f"`{shorten(module)}` has another shape in the model `{model}`", _OTHER
    )


def incomplete_module(subject: FileRef, module: str, keys: Collection[str]) -> Diagnostic:
    """Report a module without some of its matrices, or numbers without any."""
    reason = f"it lacks some of the matrices of `{shorten(module)}`: it has only {_list_keys(keys)}"
    return unusable_file(subject, reason, AGAIN)


def contradictory_tensors(subject: FileRef, keys: Collection[str], reason: str) -> Diagnostic:
    """Report tensors of one module that contradict each other, or one that is damaged."""
    return unusable_file(subject, f"{_list_keys(keys)} {reason}", AGAIN)


def doubled_module(subject: FileRef, keys: tuple[str, str]) -> Diagnostic:
    """Report two keys that change the same tensor, or two names of the same module."""
    reason = f"{_list_keys(keys)} name the same module of the model"
    return unusable_file(subject, reason, "save it again under one name for each module")


def invalid_config(subject: FileRef, reason: str) -> Diagnostic:
    """Report a configuration with a number or a pattern that cannot be used."""
    return unusable_file(subject, f"in its configuration {reason}", "correct it, or save it again")


def _list_keys(keys: Collection[str]) -> str:
    """Return two keys at most, for a message."""
    return " and ".join(f"`{shorten(key)}`" for key in [*keys][:2])


def not_finite(subject: FileRef, key: str) -> Diagnostic:
    """Report the file of a training that diverged."""
    reason = f"`{shorten(key)}` holds numbers that are infinite or not numbers"
    return unusable_file(subject, reason, "its training diverged: take an earlier save of it")


def quantized_without_scale(subject: FileRef, key: str, kind: str) -> Diagnostic:
    """Report weights that are quantised to whole numbers, without their scale."""
    return unusable_file(
        subject,
        f"`{shorten(key)}` holds numbers of the type {kind} without their scale",
        "save it in fp32, fp16 or bf16",
    )


def width_mismatch(subject: FileRef, width: int, model: str, wanted: int) -> Diagnostic:
    """Report token vectors for a text encoder of another width."""
    reason = f"its vectors have {width} numbers each, and the model `{model}` reads {wanted}"
    return unusable_file(subject, reason, _OTHER)


def single_encoder_token(subject: FileRef, model: str) -> Diagnostic:
    """Report a token that has not equally many vectors for both text encoders."""
    return unusable_file(
        subject,
        f"its vectors do not fit both text encoders of the model `{model}`",
        _OTHER,
    )


def too_many_vectors(subject: FileRef, count: int, most: int) -> Diagnostic:
    """Report a token that would not fit into a chunk."""
    return unusable_file(
        subject,
        f"it has {count} vectors, and a chunk has room for {most}",
        "take one with fewer vectors",
    )


def no_vectors(subject: FileRef) -> Diagnostic:
    """Report a LoRA or another file in the place of a token."""
    return unusable_file(
        subject, "it holds no vectors of a token", "if it is a LoRA, write `<lora:name>`"
    )


def unknown_tensors(subject: FileRef, keys: Collection[str]) -> Diagnostic:
    """Report tensors beside a token's vectors that no tool is known to write."""
    return unusable_file(
        subject,
        f"beside the vectors of a token it holds `{shorten(next(iter(keys)))}`",
        "ask for the token alone",
    )


def several_tokens(subject: FileRef, names: Collection[str]) -> Diagnostic:
    """Report a file with several tokens, none of which has the name in the program."""
    shown = [f"`{shorten(name)}`" for name in names][:MOST_NAMES]
    listed = ", ".join(shown) + (" …" if len(names) > MOST_NAMES else "")
    return unusable_file(
        subject,
        f"it holds several tokens: {listed}",
        "write `use ti FILE as <token>` with one of them",
    )
