"""Adapters read from files for a model: either every tensor fits a module, or none is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import adapters as wrong
from promptlang.diagnostics.adapters import FileRef
from promptlang.inspection.adapter_kinds import (
    APPLIED_PEFT_TYPES,
    detect_other_kind,
    detect_unsupported_algorithm,
    name_peft_algorithm,
)
from promptlang.inspection.families import Shapes, detect_family, find_family_by_width
from promptlang.inspection.headers import BUNDLED_TOKEN_PREFIX
from promptlang.plan.steps import Adapter
from promptlang.source import Span

from ..hashes import hash_weights
from ..models.loader import BaseModel
from .adapter_files import AdapterFile, load_adapter_file
from .delta_builder import build_delta, detect_algorithm
from .lora import OWN_VAE_KEY, LoraAdapter
from .name_patterns import InvalidConfigError
from .naming import Networks, TargetModule, group_keys_by_module, index_target_modules
from .scales import Scales
from .weight_delta import (
    Layer,
    TensorsDisagreeError,
    UnsupportedVariantError,
    WeightDelta,
)


def read_lora(adapter: Adapter, base: BaseModel, span: Span) -> LoraAdapter:
    """Load an adapter for a model.

    Raises `PromptError` unless every tensor in the file belongs to a module of the model.
    """
    subject = FileRef(adapter.file, span)
    contents = load_adapter_file(subject)
    networks = get_networks(base)
    found = _locate_modules(contents, networks, base.name, subject)
    scales = _read_scales(contents, subject)
    deltas: dict[str, dict[str, WeightDelta]] = {}
    algorithms: dict[str, None] = {}
    for target, keys in found.items():
        tensors = {role: contents.tensors[key].float() for role, key in keys.items()}
        module: Any = networks[target.component].get_submodule(target.module)
        layer = Layer(module.weight.detach(), _bias_of(module))
        try:
            algorithms[detect_algorithm(tensors)] = None
            delta = build_delta(tensors, layer, scales.get_scaling(target))
        except (LookupError, ValueError, RuntimeError) as error:
            problem = _problem(error, target, keys, subject)
            raise PromptError([problem or _misfit(contents, target, base, subject)]) from error
        deltas.setdefault(target.component, {})[target.module] = delta
    metadata = contents.metadata
    return LoraAdapter(
        name=adapter.name,
        sha256=hash_weights(adapter.file),
        deltas=deltas,
        algorithms=tuple(algorithms),
        vae=metadata.get("ss_new_vae_hash", "" if OWN_VAE_KEY in metadata else None),
        clip_skip=_clip_skip(metadata),
    )


def _read_scales(contents: AdapterFile, subject: FileRef) -> Scales:
    """Return the numbers of the file's configurations; raises `PromptError` if one is unusable."""
    try:
        scales = Scales.from_file(contents)
    except InvalidConfigError as error:
        raise PromptError([wrong.invalid_config(subject, str(error))]) from error
    if scales.unsupported is not None:
        raise PromptError([wrong.unsupported_algorithm(subject, scales.unsupported)])
    return scales


def _bias_of(module: Any) -> Tensor | None:
    bias: Tensor | None = getattr(module, "bias", None)
    return None if bias is None else bias.detach()


def _clip_skip(metadata: Mapping[str, str]) -> int:
    value = metadata.get("ss_clip_skip", "")  # kohya's tools write None, too
    return max(1, int(value)) if value.isascii() and value.isdigit() else 1


def get_networks(base: BaseModel) -> Networks:
    """Return the networks that adapters change, by their names in a pipeline."""
    second = getattr(base, "text_encoder_2", None)
    both = {"unet": base.unet, "text_encoder": base.text_encoder}
    return both if second is None else {**both, "text_encoder_2": second}


def _locate_modules(
    contents: AdapterFile, networks: Networks, model: str, subject: FileRef
) -> Mapping[TargetModule, Mapping[str, str]]:
    """Return the keys of each module's tensors by role.

    Raises `PromptError` if a single tensor belongs to no module, or a module has two names.
    """
    tensors = {
        key: value
        for key, value in contents.tensors.items()
        if not key.startswith(BUNDLED_TOKEN_PREFIX)
    }
    grouped = group_keys_by_module(tensors, index_target_modules(networks))
    found, unknown = grouped.found, grouped.unknown
    strange = _strangeness(contents, tensors, subject)
    if strange is not None:
        raise PromptError([strange])
    if grouped.doubled is not None:
        raise PromptError([wrong.doubled_module(subject, grouped.doubled)])
    if found and not unknown:
        return found
    if family := _other_family(contents, networks):
        raise PromptError([wrong.wrong_model_family(subject, family, model)])
    counts = len(found), len(found) + len(unknown)
    stranger = unknown[0] if unknown else None
    raise PromptError([wrong.modules_do_not_match(subject, model, counts, stranger)])


def _strangeness(
    contents: AdapterFile, tensors: Mapping[str, Tensor], subject: FileRef
) -> Diagnostic | None:
    """Return what keeps a file from fitting any model: its algorithm, or its role."""
    if unread := _unread_algorithm(contents):
        return wrong.unsupported_algorithm(subject, unread)
    if other := detect_other_kind(_shapes(tensors)):
        return wrong.other_kind(subject, other.name, other.remedy)
    return None


def _shapes(tensors: Mapping[str, Tensor]) -> Shapes:
    return {key: tuple(each.shape) for key, each in tensors.items()}


def _unread_algorithm(contents: AdapterFile) -> str | None:
    """Return the name of an algorithm that a configuration states or keys show."""
    for config in contents.peft_configs.values():
        peft_type = config.get("peft_type", "LORA")
        if isinstance(peft_type, str) and peft_type not in APPLIED_PEFT_TYPES:
            return name_peft_algorithm(peft_type)
    return detect_unsupported_algorithm(contents.tensors)


def _other_family(contents: AdapterFile, networks: Networks) -> str | None:
    """Return the name of the family that the file is made for, if it is not the model's."""
    found = detect_family(_shapes(contents.tensors), contents.metadata)
    unet: Any = networks["unet"]
    own = find_family_by_width(unet.config["cross_attention_dim"])
    return None if found is None or found is own else found.name


def _problem(
    error: Exception, target: TargetModule, keys: Mapping[str, str], subject: FileRef
) -> Diagnostic | None:
    """Return what is wrong with the file's tensors themselves, in whatever model."""
    match error:
        case TensorsDisagreeError():
            wrong_keys = [keys[role] for role in error.roles if role in keys] or [*keys.values()]
            return wrong.contradictory_tensors(subject, wrong_keys, error.reason)
        case UnsupportedVariantError():
            return wrong.unsupported_algorithm(subject, str(error))
        case KeyError():
            return wrong.incomplete_module(subject, target.module, [*keys.values()])
        case _:
            return None


def _misfit(
    contents: AdapterFile, target: TargetModule, base: BaseModel, subject: FileRef
) -> Diagnostic:
    other = _other_family(contents, get_networks(base))
    if other:
        return wrong.wrong_model_family(subject, other, base.name)
    return wrong.shape_mismatch(subject, target.module, base.name)
