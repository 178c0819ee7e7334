"""Diagnostics on models and VAEs that cannot be used: PL303, PL307."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from promptlang.diagnostics.diagnostic import Diagnostic
from promptlang.diagnostics.rule import Rule
from promptlang.diagnostics.wording import join_alternatives
from promptlang.files import shorten
from promptlang.source import Span

UNUSABLE_MODEL = Rule(
    code="PL303",
    kind="unusable-model",
    title="A model or VAE cannot be used",
    why="The file or folder is missing, damaged, incomplete, of a family that is not supported, or "
    "something else, for example a LoRA. It may be quantised in a way that is not read, hold "
    "tensors that no part of the model takes, or predict neither noise nor velocity. A VAE must "
    "make latents of the model's shape. The message names the reason.",
    fix="Take a whole checkpoint, or a folder in diffusers' layout, of a supported family. "
    "`promptlang info FILE` shows what a file is.",
    bad='use model "ink-lora.safetensors"\na fox',
    good='use lora "ink-lora.safetensors" as ink\na fox <lora:ink:1>',
)


def model_not_readable(path: Path, reason: str, span: Span, hint: str | None = None) -> Diagnostic:
    """Report a model that lacks a part, or another thing in its place."""
    return UNUSABLE_MODEL.at(span, f"`{path.name}` cannot be used as a model: {reason}", hint)


def weights_not_readable(
    path: Path, reason: str, span: Span, hint: str | None = None
) -> Diagnostic:
    """Report a file that should hold a model, a VAE or a part of one."""
    return UNUSABLE_MODEL.at(span, f"`{path.name}` cannot be used: {reason}", hint)


def model_not_a_folder(name: str, folder: Path, span: Span) -> Diagnostic:
    """Report a path that leads to something else, or a built-in model that is not installed."""
    hint = f"it should be a folder with a `model_index.json`, and `{folder.name}` has none"
    return UNUSABLE_MODEL.at(span, f"`{name}` is not a model in diffusers' layout", hint)


def model_index_without_kind(folder: Path, span: Span) -> Diagnostic:
    """Report a `model_index.json` that does not say which pipeline the folder is of."""
    reason = "its `model_index.json` has no `_class_name`, so that its kind is not known"
    return model_not_readable(folder, reason, span)


def weights_missing(path: Path, span: Span) -> Diagnostic:
    """Report a file that has disappeared since the program was checked."""
    return weights_not_readable(path, "there is no such file", span)


def model_part_missing(part: Path, span: Span) -> Diagnostic:
    """Report a model's folder without, say, its `vae`."""
    return model_not_readable(part.parent, f"its part `{part.name}` is missing", span)


def model_part_damaged(part: Path, reason: str, span: Span) -> Diagnostic:
    """Report a part that its library refuses to read, or whose tensors are of another shape."""
    return model_not_readable(part.parent, f"its part `{part.name}` is damaged: {reason}", span)


def model_part_incomplete(part: Path, fits: tuple[int, int], span: Span) -> Diagnostic:
    """Report a part without some of its weights, which would be filled with random numbers.

    `fits` is how many weights the file has, and how many the part needs.
    """
    if not fits[0]:
        hint = (
            'write `use vae "FILE"` after `use model`, with the file of a VAE'
            if part.name == "vae"
            else "a whole checkpoint is needed, not one that is cut down to some of its parts"
        )
        return model_not_readable(part.parent, f"its part `{part.name}` is missing", span, hint)
    reason = f"its part `{part.name}` has {fits[0]} of its {fits[1]} weights"
    return model_not_readable(part.parent, reason, span)


def model_part_not_finite(part: Path, weight: str, span: Span) -> Diagnostic:
    """Report a model that came out of a training or a merge that went wrong."""
    reason = f"`{weight}` in its part `{part.name}` holds numbers that are infinite or not numbers"
    return model_not_readable(part.parent, reason, span)


def model_quantised(path: Path, kind: str, span: Span) -> Diagnostic:
    """Report weights in a quantisation that is not read: bitsandbytes, GPTQ, int8, NVFP4."""
    hint = "promptlang reads fp32, fp16, bf16, plain fp8 and scaled fp8: take such a file"
    return model_not_readable(path, f"it is quantised with {kind}", span, hint)


def tensors_left_over(path: Path, keys: Sequence[str], kind: str, span: Span) -> Diagnostic:
    """Report tensors that no part of the model takes; without them it would be another model."""
    others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    reason = f"it holds `{shorten(keys[0])}`{others}, which {kind} does not have"
    hint = "it is a model of another kind, or holds something beside the model"
    return model_not_readable(path, reason, span, hint)


def part_left_over(part: Path, keys: Sequence[str], span: Span) -> Diagnostic:
    """Report tensors in a component's files that its configuration has no place for."""
    others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    found = f"its part `{part.name}` holds `{shorten(keys[0])}`{others}"
    reason = f"{found}, for which its `config.json` has no place"
    return model_not_readable(part.parent, reason, span, "the two are of different models")


def other_constant(path: Path, key: str, family: str, span: Span) -> Diagnostic:
    """Report a file whose own noise schedule, or scale of latents, is not that of its family."""
    return model_not_readable(path, f"its `{key}` is not that of {family}", span)


def unsupported_prediction(path: Path, prediction: str, place: str, span: Span) -> Diagnostic:
    """Report a model that predicts neither noise nor velocity, for example rectified flow."""
    reason = f"{place} says that it predicts `{shorten(prediction)}`"
    hint = "models that predict noise (`epsilon`) or velocity (`v`) can be used"
    return model_not_readable(path, reason, span, hint)


def neighbour_not_readable(path: Path, reason: str, span: Span) -> Diagnostic:
    """Report a configuration beside a model's file that cannot be read."""
    hint = (
        "mend or remove it, or write `--prediction v` or `epsilon` after `use model` and its file"
    )
    return model_not_readable(path, f"its configuration is beside it, but {reason}", span, hint)


def contradicting_predictions(path: Path, places: tuple[str, str], span: Span) -> Diagnostic:
    """Report a file that says in two places that its network predicts different things."""
    one, other = places
    reason = f"{one} and {other} contradict each other about what it predicts"
    hint = "write `--prediction v` or `--prediction epsilon` after `use model` and its file"
    return model_not_readable(path, reason, span, hint)


def model_setting_wrong(part: Path, setting: str, reason: str, span: Span) -> Diagnostic:
    """Report a value in a component's configuration that no model can have."""
    words = f"`{shorten(setting)}` of its part `{part.name}` {reason}"
    return model_not_readable(part.parent, words, span)


def other_network(part: Path, kind: str, span: Span) -> Diagnostic:
    """Report a component of a class, or with inputs, that cannot be used."""
    reason = f"its part `{part.name}` is {kind}, which cannot be used yet"
    return model_not_readable(part.parent, reason, span)


def mixed_model_families(path: Path, span: Span) -> Diagnostic:
    """Report a text encoder of one family with a UNet of another."""
    return model_not_readable(
        path, "its text encoder and its UNet are not of the same family", span
    )


def unsupported_model_family(
    path: Path, family: str, known: Collection[str], span: Span
) -> Diagnostic:
    """Report an unsupported family: Stable Diffusion 3, Flux, a refiner, an inpainting model."""
    hint = f"the families are {join_alternatives(list(known))}" if known else None
    reason = f"it is {describe_kind(family)}, which cannot be used yet"
    return model_not_readable(path, reason, span, hint)


def describe_kind(kind: str) -> str:
    """Return a kind of file as a sentence names it: ``a text encoder``, ``of the kind Flux``."""
    return kind if kind.startswith(("a ", "an ", "the ")) else f"of the kind {kind}"


def unknown_model_family(path: Path, span: Span) -> Diagnostic:
    """Report tensors with names that no family has."""
    hint = "it should be a whole checkpoint: UNet, text encoder and VAE"
    return model_not_readable(
        path, "its weights are not those of any family that is known here", span, hint
    )


def model_is_a_lora(path: Path, span: Span) -> Diagnostic:
    """Report ``use model "ink.safetensors"``."""
    hint = f'write `use lora "{path.name}" as {path.stem}`, and `<lora:{path.stem}:1>` in a prompt'
    return model_not_readable(path, "it is a LoRA", span, hint)


def model_is_an_embedding(path: Path, span: Span) -> Diagnostic:
    """Report ``use model "painterly.pt"``."""
    return model_not_readable(
        path, "it is a textual inversion", span, f'write `use ti "{path.name}" as <{path.stem}>`'
    )


def model_is_a_vae(path: Path, span: Span) -> Diagnostic:
    """Report ``use model "kl-f8.safetensors"``."""
    return model_not_readable(
        path, "it is a VAE", span, f'write `use vae "{path.name}"` after `use model`'
    )


def weights_damaged(path: Path, span: Span) -> Diagnostic:
    """Report a download that broke off."""
    return weights_not_readable(
        path, "it is cut short or damaged", span, "download or copy it again"
    )


def unsafe_weights_pickle(path: Path, span: Span) -> Diagnostic:
    """Report a pickle with more in it than tensors."""
    hint = "convert it to safetensors, if you trust whoever made it"
    return weights_not_readable(
        path, "beside weights it holds objects, which could run any program", span, hint
    )


def oversized_weights_pickle(path: Path, span: Span) -> Diagnostic:
    """Report a pickle that would fill the memory."""
    reason = "it would unpack to far more than its size"
    return weights_not_readable(path, reason, span, "ask for a safetensors file")


def vae_not_readable(path: Path, reason: str, span: Span) -> Diagnostic:
    """Report a file that is damaged, or no VAE."""
    return UNUSABLE_MODEL.at(span, f"`{path.name}` cannot be used as a VAE: {reason}")


def incompatible_vae(path: Path, model: str, difference: str, span: Span) -> Diagnostic:
    """Report a VAE whose latents have another `difference`, shape or scale, than the model's."""
    return vae_not_readable(
        path, f"its latents are of another {difference} than those of the model `{model}`", span
    )


HUB_UNAVAILABLE = Rule(
    code="PL307",
    kind="hub-unavailable",
    title="A model of the hub cannot be fetched",
    why="`use model OWNER/NAME` takes a model from the hub's cache on this machine, or downloads "
    "it. It is not in the cache, and the hub cannot be reached or does not have it.",
    fix="Check the name and the network, fetch the model with `hf download OWNER/NAME` where there "
    "is a network, or give the path of a model on this machine.",
    bad="use model some-owner/some-model",
)


def hub_unavailable(name: str, reason: str, span: Span) -> Diagnostic:
    """Report ``use model org/name`` where there is no way to get it."""
    message = f"`{name}` cannot be used as a model: it is not in the hub's cache, and {reason}"
    hint = (
        "give the path of a model on this machine, or fetch it with `hf download` where there is "
        "a network"
    )
    return HUB_UNAVAILABLE.at(span, message, hint)
