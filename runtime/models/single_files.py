"""A model in a single file: the configuration of its family, and weights of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.plan.steps import Model
from promptlang.source import Span

from ..devices import DevicePlacement
from . import tokenizers, vaes
from .base_model import BaseModel
from .components import read_json
from .families import Family, TextEncoderSpec
from .networks import init_empty, load_weights, silence_libraries
from .recognition import recognize_family
from .weight_files import Weights, read_weights


def load_single_file(model: Model, span: Span, placement: DevicePlacement) -> BaseModel:
    """Load a checkpoint.

    Raises `PromptError` if the file is not one, or lacks a component that `model` has no other for.
    """
    assert model.path is not None
    weights = read_weights(model.path, span)
    family = recognize_family(weights, span)
    with silence_libraries():
        return _SingleFileLoader(weights, family, span, placement).load(model)


@dataclass(frozen=True, eq=False, slots=True)
class _SingleFileLoader:
    """A loader of components, one after the other, which needs little more memory than they do."""

    weights: Weights
    family: Family
    span: Span
    placement: DevicePlacement

    def load(self, model: Model) -> BaseModel:
        family, specs = self.family, self.family.text_encoder_specs
        unet = self._load_unet()
        shipped = read_json(family.config / "scheduler" / "scheduler_config.json")
        encoders = {spec.component: self._load_text_encoder(spec) for spec in specs}
        clip_tokenizers: dict[str, Any] = {
            spec.tokenizer: tokenizers.load_clip_tokenizer(spec.pad) for spec in specs
        }
        return BaseModel(
            name=model.name,
            family=family,
            files=(self.weights.file,),
            unet=unet,
            vae=self._load_vae(model.vae),
            vae_files=vaes.list_vae_files(model.vae),
            scheduler_config=family.scheduler_config(shipped, self.weights, unet),
            vae_config=family.config / "vae",
            force_zeros_for_empty_prompt=family.force_zeros_for_empty_prompt,
            placement=self.placement,
            **encoders,
            **clip_tokenizers,
        )

    def _load_unet(self) -> Any:
        network = init_empty(UNet2DConditionModel, self.family.config / "unet")
        self._refuse_more_channels(network)
        state = self.family.convert_unet(self.weights.tensors, dict(network.config))
        return self._load_state(network, state, "unet", self.placement.dtype)

    def _refuse_more_channels(self, network: Any) -> None:
        """Raise `PromptError` for an inpainting model, which has channels for mask and picture."""
        first = self.weights.tensors.get("model.diffusion_model.input_blocks.0.0.weight")
        if (
            first is not None
            and first.dim() == 4
            and first.shape[1] > network.config["in_channels"]
        ):
            kind = f"{self.family.name} with {first.shape[1]} channels, as for inpainting"
            problem = complaints.unsupported_model_family(self.weights.file, kind, (), self.span)
            raise PromptError([problem])

    def _load_text_encoder(self, spec: TextEncoderSpec) -> Any:
        network = init_empty(spec.model_class, self.family.config / spec.component)
        state = spec.convert(self.weights.tensors, spec.checkpoint_prefix, network)
        return self._load_state(network, state, spec.component, self.placement.dtype)

    def _load_vae(self, other: Path | None) -> Any:
        config = self.family.config / "vae"
        if other is not None:
            return vaes.load_other_vae(other, self.family, config, self.span, self.placement)
        network = init_empty(AutoencoderKL, config)
        state = self.family.convert_vae(self.weights.tensors, dict(network.config))
        dtype = self.placement.vae_dtype(needs_range=network.config["force_upcast"])
        return self._load_state(network, state, "vae", dtype)

    def _load_state(
        self, network: Any, state: dict[str, Tensor], component: str, dtype: torch.dtype
    ) -> Any:
        return load_weights(network, state, self.weights.file / component, self.span, dtype)
