"""The words for models and VAEs that cannot be used, and for machines that cannot carry them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from promptlang.diagnostics import Diagnostic, join_alternatives
from promptlang.source import Span


def model_not_readable(path: Path, reason: str, span: Span, hint: str | None = None) -> Diagnostic:
    """A model lacks a part, or is another thing."""
    return Diagnostic("PL303", f"`{path.name}` cannot be used as a model: {reason}", span, hint)


def weights_not_readable(
    path: Path, reason: str, span: Span, hint: str | None = None
) -> Diagnostic:
    """A file that should hold a model, a VAE or a part of one."""
    return Diagnostic("PL303", f"`{path.name}` cannot be used: {reason}", span, hint)


def model_not_a_folder(name: str, folder: Path, span: Span) -> Diagnostic:
    """A path that leads to something else, or a built-in model that is not installed."""
    hint = f"it should be a folder with a `model_index.json`, and `{folder.name}` has none"
    return Diagnostic("PL303", f"`{name}` is not a model in diffusers' layout", span, hint)


def weights_missing(path: Path, span: Span) -> Diagnostic:
    """It was there when the program was checked."""
    return weights_not_readable(path, "it is not there", span)


def model_part_missing(part: Path, span: Span) -> Diagnostic:
    """A model's folder without, say, its `vae`."""
    return model_not_readable(part.parent, f"its part `{part.name}` is missing", span)


def model_part_damaged(part: Path, reason: str, span: Span) -> Diagnostic:
    """A part that its library refuses to read, or whose tensors are of another shape."""
    return model_not_readable(part.parent, f"its part `{part.name}` is damaged: {reason}", span)


def model_part_incomplete(part: Path, fits: tuple[int, int], span: Span) -> Diagnostic:
    """A part of which there are so many of so many weights: the others would be filled with random numbers."""
    if not fits[0]:
        hint = "a whole checkpoint is needed, not one that is cut down to some of its parts"
        return model_not_readable(part.parent, f"its part `{part.name}` is missing", span, hint)
    reason = f"its part `{part.name}` has {fits[0]} of its {fits[1]} weights"
    return model_not_readable(part.parent, reason, span)


def model_part_not_finite(part: Path, weight: str, span: Span) -> Diagnostic:
    """A model that came out of a training or a merge that went wrong."""
    reason = f"`{weight}` in its part `{part.name}` holds numbers that are infinite or not numbers"
    return model_not_readable(part.parent, reason, span)


def mixed_model_families(path: Path, span: Span) -> Diagnostic:
    """A text encoder of one family with a UNet of another."""
    return model_not_readable(
        path, "its text encoder and its UNet are not of the same family", span
    )


def unsupported_model_family(
    path: Path, family: str, known: Collection[str], span: Span
) -> Diagnostic:
    """Stable Diffusion 3, Flux, a refiner, an inpainting model."""
    hint = f"there is {join_alternatives(list(known))}"
    return model_not_readable(
        path, f"it is of the kind {family}, which cannot be used yet", span, hint
    )


def unknown_model_family(path: Path, span: Span) -> Diagnostic:
    """Tensors by names that no family has."""
    hint = "it should be a whole checkpoint: UNet, text encoder and VAE"
    return model_not_readable(
        path, "its weights are not those of any family that is known here", span, hint
    )


def model_is_a_lora(path: Path, span: Span) -> Diagnostic:
    """``use model "ink.safetensors"``"""
    hint = f'write `use lora "{path.name}" as {path.stem}`, and `<lora:{path.stem}:1>` in a prompt'
    return model_not_readable(path, "it is a LoRA", span, hint)


def model_is_an_embedding(path: Path, span: Span) -> Diagnostic:
    """``use model "painterly.pt"``"""
    return model_not_readable(
        path, "it is a textual inversion", span, f'write `use ti "{path.name}" as <{path.stem}>`'
    )


def model_is_a_vae(path: Path, span: Span) -> Diagnostic:
    """``use model "kl-f8.safetensors"``"""
    return model_not_readable(
        path, "it is a VAE", span, f'write `use vae "{path.name}"` after `use model`'
    )


def not_a_weights_file(path: Path, what: str, span: Span) -> Diagnostic:
    """A picture, a quantised file, a text."""
    return weights_not_readable(path, f"it is {what}", span)


def weights_damaged(path: Path, span: Span) -> Diagnostic:
    """A download that broke off."""
    return weights_not_readable(path, "it is cut short or damaged", span, "fetch it again")


def unsafe_weights_pickle(path: Path, span: Span) -> Diagnostic:
    """A pickle with more in it than tensors."""
    hint = "convert it to safetensors, if you trust whoever made it"
    return weights_not_readable(
        path, "beside weights it holds objects, which could run any program", span, hint
    )


def hub_unavailable(name: str, reason: str, span: Span) -> Diagnostic:
    """``use model org/name`` where there is no way to get it."""
    hint = "give the path of a model on this machine, or fetch it with `hf download` where there is a network"
    message = f"`{name}` cannot be used as a model: it is not in the hub's cache, and {reason}"
    return Diagnostic("PL303", message, span, hint)


def vae_not_readable(path: Path, reason: str, span: Span) -> Diagnostic:
    """Something else, or damaged."""
    return Diagnostic("PL303", f"`{path.name}` cannot be used as a VAE: {reason}", span)


def incompatible_vae(path: Path, model: str, span: Span) -> Diagnostic:
    """A VAE whose latents are not those of the model."""
    return vae_not_readable(
        path, f"its latents are of another shape than those of the model `{model}`", span
    )


# Run time


def device_missing(device: str, span: Span) -> Diagnostic:
    """``set device cuda`` on a machine without."""
    return Diagnostic(
        "PL510", f"there is no device `{device}` on this machine", span, "try `set device auto`"
    )


def precision_not_possible(precision: str, device: str, span: Span) -> Diagnostic:
    """``set precision fp16`` on a device that cannot compute with it."""
    message = f"the device `{device}` cannot compute in `{precision}`"
    return Diagnostic("PL511", message, span, "try `set precision fp32`")
