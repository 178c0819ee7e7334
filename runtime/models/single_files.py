"""A model in a single file: its family's configuration, its own weights."""

from __future__ import annotations

import json
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
from . import tokenizers
from .base_model import BaseModel
from .families import Family
from .networks import init_empty, load_weights, silence_libraries
from .recognition import recognize_family
from .weight_files import Weights, read_weights


def load_single_file(model: Model, span: Span, place: DevicePlacement) -> BaseModel:
    """Read a checkpoint; raises `PromptError` where it is none, or lacks a part that `model` has no other for."""
    assert model.path is not None
    weights = read_weights(model.path, span)
    family = recognize_family(weights, span)
    with silence_libraries():
        return _SingleFileLoader(weights, family, span, place).model(model)


class _SingleFileLoader:
    """One file's parts, made one after the other, so that little more than the result is ever in memory."""

    def __init__(
        self, weights: Weights, family: Family, span: Span, place: DevicePlacement
    ) -> None:
        self._weights = weights
        self._family = family
        self._span = span
        self._place = place

    def model(self, model: Model) -> BaseModel:
        """All of them; an own VAE takes the place of the file's."""
        family = self._family
        unet = self._unet()
        parts = {
            reader.component: self._text_encoder(reader.component)
            for reader in family.text_encoder_specs
        }
        parts |= {
            reader.tokenizer: tokenizers.load_clip_tokenizer(reader.pad)
            for reader in family.text_encoder_specs
        }
        return BaseModel(
            name=model.name,
            family=family,
            files=(self._weights.file,),
            unet=unet,
            vae=None if model.vae else self._vae(),
            scheduler_config=family.scheduler_config(self._shipped_schedule(), self._weights, unet),
            vae_config=family.config / "vae",
            force_zeros_for_empty_prompt=family.force_zeros_for_empty_prompt,
            placement=self._place,
            **parts,
        )

    def _unet(self) -> Any:
        network = init_empty(UNet2DConditionModel, self._family.config / "unet")
        self._refuse_other_channels(network)
        return self._filled(
            network, self._family.unet(self._weights.tensors, dict(network.config)), "unet"
        )

    def _refuse_other_channels(self, network: Any) -> None:
        """An inpainting model is told what to keep through five more channels."""
        first = self._weights.tensors.get("model.diffusion_model.input_blocks.0.0.weight")
        if (
            first is not None
            and first.dim() == 4
            and first.shape[1] > network.config["in_channels"]
        ):
            kind = f"{self._family.name} with {first.shape[1]} channels, as for inpainting"
            raise PromptError(
                [complaints.unsupported_model_family(self._weights.file, kind, (), self._span)]
            )

    def _text_encoder(self, part: str) -> Any:
        reader = next(each for each in self._family.text_encoder_specs if each.component == part)
        network = init_empty(reader.model_class, self._family.config / part)
        return self._filled(
            network, reader.convert(self._weights.tensors, reader.checkpoint_prefix, network), part
        )

    def _vae(self) -> Any:
        network = init_empty(AutoencoderKL, self._family.config / "vae")
        state = self._family.vae(self._weights.tensors, dict(network.config))
        dtype = self._place.vae_dtype(needs_range=network.config["force_upcast"])
        return self._filled(network, state, "vae", dtype)

    def _filled(
        self, network: Any, state: dict[str, Tensor], part: str, dtype: torch.dtype | None = None
    ) -> Any:
        return load_weights(
            network, state, self._weights.file / part, self._span, dtype or self._place.dtype
        )

    def _shipped_schedule(self) -> Any:
        return json.loads(
            (self._family.config / "scheduler" / "scheduler_config.json").read_text("utf-8")
        )
