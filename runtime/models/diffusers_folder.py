"""A model in diffusers' layout: a folder with a folder for each component."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.files import as_text, is_file
from promptlang.inspection.model_kinds import pipeline_kind
from promptlang.plan.formats import MODEL_INDEX
from promptlang.plan.steps import Model
from promptlang.source import Span

from ..devices import DevicePlacement
from . import families, tokenizers, vaes
from .base_model import BaseModel
from .components import load_network, load_text_encoder, read_component, read_json
from .configurations import Config, check_text_encoder, check_unet, read_config
from .families import Family
from .prediction import PREDICTIONS
from .schedulers import check_scheduler


def load_folder(model: Model, folder: Path, span: Span, placement: DevicePlacement) -> BaseModel:
    """Load a model; raises `PromptError` if a component is missing or damaged."""
    if not is_file(folder / MODEL_INDEX):
        raise PromptError([complaints.model_not_a_folder(model.name, folder, span)])
    index = read_component(folder / MODEL_INDEX, span, read_json)
    family = _detect_family(folder, index, span)
    scheduler_config = read_component(folder / "scheduler", span, _read_scheduler)
    if model.prediction:
        scheduler_config["prediction_type"] = PREDICTIONS[model.prediction]
    specs = family.text_encoder_specs
    _check_configs(folder, family, span)
    encoders = {spec.component: load_text_encoder(folder, spec, span, placement) for spec in specs}
    own_tokenizers: dict[str, Any] = {
        spec.tokenizer: read_component(folder / spec.tokenizer, span, tokenizers.load_tokenizer)
        for spec in specs
    }
    unet = load_network(
        UNet2DConditionModel,
        folder / "unet",
        span,
        check=check_unet,
        dtype=lambda _: placement.dtype,
    )
    vae_config = folder / "vae"
    if model.vae is None:
        vae = vaes.load_vae_folder(vae_config, span, placement)
    else:
        vae = vaes.load_other_vae(model.vae, vae_config, span, placement)
    return BaseModel(
        name=model.name,
        family=family,
        files=_list_weight_files(folder),
        unet=unet,
        vae=vae,
        vae_files=vaes.list_vae_files(model.vae),
        scheduler_config=scheduler_config,
        vae_config=vae_config,
        force_zeros_for_empty_prompt=bool(
            index.get("force_zeros_for_empty_prompt", family.force_zeros_for_empty_prompt)
        ),
        placement=placement,
        **encoders,
        **own_tokenizers,
    )


def _read_scheduler(part: Path) -> Config:
    return check_scheduler(read_json(part / "scheduler_config.json"))


def _check_configs(folder: Path, family: Family, span: Span) -> None:
    """Raise `PromptError` for a network that cannot be used, before any of them is loaded."""
    read_component(folder / "unet", span, _check_unet)
    for spec in family.text_encoder_specs:
        read_component(folder / spec.component, span, _check_text_encoder)


def _check_unet(part: Path) -> None:
    check_unet(read_config(part / "config.json"))


def _check_text_encoder(part: Path) -> None:
    check_text_encoder(read_config(part / "config.json"))


def _list_weight_files(folder: Path) -> tuple[Path, ...]:
    """Return all files of weights in the folders of components: they identify the model."""
    found = {*folder.glob("*/*.safetensors"), *folder.glob("*/*.bin")}
    return tuple(sorted(file for file in found if is_file(file)))


def _detect_family(folder: Path, index: Mapping[str, Any], span: Span) -> Family:
    pipeline = as_text(index.get("_class_name")) or ""
    known = [family for family in families.FAMILIES if pipeline in family.facts.pipelines]
    if not known:
        if not pipeline:
            raise PromptError([complaints.model_index_without_kind(folder, span)])
        kind = pipeline_kind(pipeline)
        names = [family.name for family in families.FAMILIES]
        raise PromptError([complaints.unsupported_model_family(folder, kind, names, span)])
    config = read_component(
        folder / known[0].text_encoder_specs[0].component,
        span,
        lambda part: check_text_encoder(read_json(part / "config.json")),
    )
    activation = config.get("hidden_act", known[0].activation)
    return next((family for family in known if family.activation == activation), known[0])
