"""An adapter's file to a LoRA that fits, or to a diagnostic: never half of it."""

from __future__ import annotations

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import adapters as wrong
from promptlang.diagnostics.adapters import Subject
from promptlang.inspection.families import WIDTHS, family, kind
from promptlang.plan.steps import Adapter
from promptlang.source import Span

from ..models.loader import BaseModel
from .building import algorithm, change
from .loading import Contents, load, sha256
from .lora import OWN_VAE, Lora
from .naming import Parts, Place, places, sort
from .scales import Scales
from .weight_delta import Change

BUNDLED = "bundle_emb."
"""What the keys of a token begin with that comes in a LoRA's file."""


def read(adapter: Adapter, base: BaseModel, span: Span) -> Lora:
    """Load an adapter for a model; raises `PromptError` unless every tensor in the file finds its module."""
    subject = Subject(adapter.file, span)
    contents = load(subject)
    networks = parts_of(base)
    found = _located(contents, networks, base.name, subject)
    scales = Scales.of(contents)
    parts: dict[str, dict[str, Change]] = {}
    algorithms: dict[str, None] = {}
    for place, keys in found.items():
        shape = networks[place.part].get_submodule(place.module).weight.shape
        tensors = {role: contents.tensors[key].float() for role, key in keys.items()}
        algorithms[algorithm(tensors)] = None
        try:
            parts.setdefault(place.part, {})[place.module] = change(tensors, shape, scales.of_module(place))
        except KeyError as error:
            raise PromptError([wrong.incomplete(subject, place.module)]) from error
        except (ValueError, RuntimeError) as error:
            raise PromptError([_misfit(contents, place.module, base, subject)]) from error
    vae = contents.metadata.get("ss_new_vae_hash", "" if OWN_VAE in contents.metadata else None)
    clip_skip = contents.metadata.get("ss_clip_skip", "")
    layer = int(clip_skip) if clip_skip.isascii() and clip_skip.isdigit() else 1  # kohya's tools write None, too
    return Lora(adapter.name, sha256(adapter.file), parts, tuple(algorithms), vae, max(1, layer))


def parts_of(base: BaseModel) -> Parts:
    """The networks that adapters change, by the names that naming has for them."""
    second = getattr(base, "text_encoder_2", None)
    both = {"unet": base.unet, "text_encoder": base.text_encoder}
    return both if second is None else {**both, "text_encoder_2": second}


def _located(contents: Contents, networks: Parts, model: str, subject: Subject) -> dict[Place, dict[str, str]]:
    """Where each tensor belongs; raises `PromptError` if that is nowhere for a single one."""
    tensors = {key: value for key, value in contents.tensors.items() if not key.startswith(BUNDLED)}
    found, strange = sort(tensors, places(networks))
    if found and not strange:
        return found
    if unread := kind(tensors):
        problem = wrong.another_kind(subject, unread)
    elif other := _other_family(contents, networks):
        problem = wrong.another_family(subject, other, model)
    else:
        fits = len(found), len(found) + len(strange)
        problem = wrong.does_not_fit(subject, model, fits, strange[0] if strange else None)
    raise PromptError([problem])


def _other_family(contents: Contents, networks: Parts) -> str | None:
    found = family({key: tuple(each.shape) for key, each in contents.tensors.items()}, contents.metadata)
    return None if found == WIDTHS.get(networks["unet"].config.cross_attention_dim) else found


def _misfit(contents: Contents, module: str, base: BaseModel, subject: Subject) -> Diagnostic:
    other = _other_family(contents, parts_of(base))
    if other:
        return wrong.another_family(subject, other, base.name)
    return wrong.shape_differs(subject, module, base.name)
