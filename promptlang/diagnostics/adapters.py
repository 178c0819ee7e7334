"""What can be wrong with an adapter's file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from promptlang.diagnostics import Diagnostic, warning
from promptlang.source import Span


@dataclass(frozen=True, slots=True)
class Subject:
    """A file, what it should be, and where the program asks for it."""

    file: Path
    span: Span
    role: str = "a LoRA"


_AGAIN = "download or copy it again"
_OTHER = "take one that is made for this model, or choose its model with `use model`"


def refused(subject: Subject, reason: str, hint: str) -> Diagnostic:
    """A file is damaged, hostile, or of another kind."""
    message = f"`{subject.file.name}` cannot be used as {subject.role}: {reason}"
    return Diagnostic("PL302", message, subject.span, hint)


def missing(subject: Subject) -> Diagnostic:
    """The file is gone, or was never made."""
    return refused(subject, "there is no such file", f"it should be in `{subject.file.parent}`")


def damaged(subject: Subject, kind: str = "safetensors") -> Diagnostic:
    """A file that is cut short, or something else under the name."""
    return refused(subject, f"it is not a whole {kind} file", _AGAIN)


def another_thing(subject: Subject, what: str, remedy: str) -> Diagnostic:
    """A picture, or the page that a download gave instead."""
    return refused(subject, f"it is {what}", remedy)


def hostile(subject: Subject) -> Diagnostic:
    """A pickle that asks for more than tensors."""
    return refused(subject, "it is a pickle with a program in it, which was not run", "ask for a safetensors file")


def inflated(subject: Subject) -> Diagnostic:
    """A pickle that would fill the memory."""
    return refused(subject, "it would unpack to far more than its size", "ask for a safetensors file")


def no_configuration(subject: Subject, name: str) -> Diagnostic:
    """A PEFT folder without its ``adapter_config.json``."""
    return refused(subject, f"`{name}` is missing in it, or damaged", "save or copy the whole folder again")


def another_kind(subject: Subject, kind: str) -> Diagnostic:
    """OFT, GLoRA."""
    return refused(subject, f"it is a kind of adapter that cannot be used yet, {kind}", "ask for it as a LoRA")


def another_family(subject: Subject, family: str, model: str) -> Diagnostic:
    """A LoRA for SDXL with a Stable Diffusion 1 model."""
    return refused(subject, f"it is made for {family}, not for a model like `{model}`", _OTHER)


def does_not_fit(subject: Subject, model: str, fits: tuple[int, int], stranger: str | None) -> Diagnostic:
    """Names that the model does not have; `fits` is how many it has, of how many."""
    hint = f"it does not have `{stranger}`, for one" if stranger else "the file is empty: save it again"
    return refused(subject, f"{fits[0]} of its {fits[1]} modules are in the model `{model}`", hint)


def shape_differs(subject: Subject, module: str, model: str) -> Diagnostic:
    """The same names, in a model of another width; or half of a module's matrices."""
    return refused(subject, f"`{module}` has another shape in the model `{model}`", _OTHER)


def incomplete(subject: Subject, module: str) -> Diagnostic:
    """One of a module's matrices without the others."""
    return refused(subject, f"some of the matrices of `{module}` are not in it", _AGAIN)


def not_finite(subject: Subject, key: str) -> Diagnostic:
    """A training that diverged was saved all the same."""
    reason = f"`{key}` holds numbers that are infinite or not numbers"
    return refused(subject, reason, "its training diverged: take an earlier save of it")


def not_fractions(subject: Subject, key: str, kind: str) -> Diagnostic:
    """Quantised to whole numbers, without what they stand for."""
    return refused(subject, f"`{key}` holds numbers of the kind {kind}", "save it in fp32, fp16 or bf16")


def width_differs(subject: Subject, width: int, model: str, wanted: int) -> Diagnostic:
    """A token's vectors, for a text encoder of another width."""
    reason = f"its vectors have {width} numbers each, and the model `{model}` reads {wanted}"
    return refused(subject, reason, _OTHER)


def one_encoder_only(subject: Subject, model: str) -> Diagnostic:
    """A token for one of two text encoders, or with more vectors for one than for the other."""
    return refused(subject, f"it has not the same vectors for both text encoders of the model `{model}`", _OTHER)


def too_many_vectors(subject: Subject, count: int, most: int) -> Diagnostic:
    """A token that would not fit into a chunk."""
    return refused(subject, f"it has {count} vectors, and a chunk has room for {most}", "take one with fewer vectors")


def no_vectors(subject: Subject) -> Diagnostic:
    """A LoRA, or something else, where a token is asked for."""
    return refused(subject, "there are no vectors of a token in it", "if it is a LoRA, write `<lora:name>`")


def several_tokens(subject: Subject, names: Collection[str]) -> Diagnostic:
    """A file with several tokens, none of which has the name that is asked for."""
    listed = ", ".join(f"`{name}`" for name in names)
    return refused(subject, f"it holds several tokens: {listed}", "write `use ti FILE as <token>` with one of them")


def other_vae(name: str, model: str, span: Span) -> Diagnostic:
    """A LoRA that was trained on what another VAE makes of pictures."""
    message = f"`{name}` was trained with another VAE than `{model}` has here, so its colours may be off"
    return warning("PL509", message, span, "name that VAE with `use vae`")


def other_clip_skip(name: str, trained: int, asked: int, span: Span) -> Diagnostic:
    """A LoRA that was trained on what another layer of the text encoder says."""
    message = f"`{name}` was trained with `clip-skip {trained}`, and this prompt is read with {asked}"
    return warning("PL508", message, span, f"use it with `--clip-skip {trained}`")
