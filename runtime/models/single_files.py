"""A model in a single file: the configuration of its family, and weights of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.plan.steps import Model
from promptlang.source import Span

from ..devices import DevicePlacement
from . import families, tokenizers, vaes
from .base_model import BaseModel
from .components import read_json
from .families import Family, ldm
from .leftovers import wrong_number
from .networks import check_weights, init_empty, load_weights, silence_libraries
from .prediction import read_stated
from .recognition import recognize_family
from .stored_weights import StoredWeight
from .tensor_store import TensorStore
from .weight_files import Weights, read_weights

BLOCK_WEIGHTS: Final = 20
"""The number of weights of a transformer block."""

_BLOCKS: Final = re.compile(r"\.transformer_blocks\.|^mid_block\.")


def load_single_file(model: Model, span: Span, placement: DevicePlacement) -> BaseModel:
    """Load a checkpoint.

    Raises `PromptError` if the file is not one, lacks a component that `model` has no other for, or
    holds tensors that no component takes.
    """
    assert model.path is not None
    weights = read_weights(model.path, span)
    family = recognize_family(weights, span)
    store = TensorStore.of(model.path, weights.tensors, weights.metadata, span)
    with silence_libraries():
        return SingleFileLoader(weights, family, store, placement).load(model)


@dataclass(frozen=True, eq=False, slots=True)
class SingleFileLoader:
    """A loader that accounts for all tensors, and then loads one component after the other.

    It needs little more memory than the components do.
    """

    weights: Weights
    family: Family
    store: TensorStore
    placement: DevicePlacement

    @property
    def span(self) -> Span:
        """The place in the program where the model is named."""
        return self.store.span

    def load(self, model: Model) -> BaseModel:
        """Load all components; raises `PromptError` as `load_single_file` does."""
        family = self.family
        shipped = read_json(family.config / "scheduler" / "scheduler_config.json")
        stated = read_stated(self.weights, model.prediction, self.span)
        networks, held = self.assign(own_vae=model.vae is None)
        self._check_constants(shipped)
        loaded = {
            part: load_weights(
                network, held.pop(part), self.weights.file / part, self.span, self._dtype(network)
            )
            for part, network in networks.items()
        }
        if model.vae is not None:
            config = family.config / "vae"
            loaded["vae"] = vaes.load_other_vae(model.vae, config, self.span, self.placement)
        clip_tokenizers: dict[str, Any] = {
            spec.tokenizer: tokenizers.load_clip_tokenizer(spec.pad)
            for spec in family.text_encoder_specs
        }
        return BaseModel(
            name=model.name,
            family=family,
            files=(self.weights.file,),
            vae_files=vaes.list_vae_files(model.vae),
            scheduler_config=family.scheduler_config(shipped, stated, loaded["unet"]),
            vae_config=family.config / "vae",
            force_zeros_for_empty_prompt=family.force_zeros_for_empty_prompt,
            placement=self.placement,
            **loaded,
            **clip_tokenizers,
        )

    def assign(self, *, own_vae: bool) -> tuple[dict[str, Any], dict[str, dict[str, StoredWeight]]]:
        """Return the empty networks by their components, and the weights of each in the file."""
        family, keys = self.family, self.store.tensors.keys()
        unet = init_empty(UNet2DConditionModel, family.config / "unet")
        networks: dict[str, Any] = {"unet": unet}
        places = {"unet": ldm.place_unet(unet.state_dict(), dict(unet.config), keys)}
        for spec in family.text_encoder_specs:
            network = init_empty(spec.model_class, family.config / spec.component)
            networks[spec.component] = network
            places[spec.component] = spec.places(network.state_dict(), spec.checkpoint_prefix, keys)
        held = {part: self.store.take(places[part]) for part in networks}
        if own_vae:
            networks["vae"] = init_empty(AutoencoderKL, family.config / "vae")
            held["vae"] = vaes.take_vae(self.store, networks["vae"])
        else:
            self.store.pass_over(ldm.VAE)
        self._check_shape(unet, held["unet"])
        for part, network in networks.items():
            check_weights(network, held[part], self.weights.file / part, self.span)
        self.store.refuse_leftovers(family.name, [each.name for each in families.FAMILIES])
        return networks, held

    def _check_shape(self, unet: Any, held: Mapping[str, StoredWeight]) -> None:
        """Raise `PromptError` for a UNet that reads more than latents, or has fewer blocks."""
        first, usual = held.get("conv_in.weight"), unet.config["in_channels"]
        missing = unet.state_dict().keys() - held.keys()
        if first and len(first.shape) == 4 and first.shape[1] != usual:
            difference = f"{first.shape[1]} channels"
        elif len(missing) >= BLOCK_WEIGHTS and all(map(_BLOCKS.search, missing)):
            difference = "fewer blocks (SSD-1B, Vega)"
        else:
            return
        kind, names = f"{self.family.name} with {difference}", [f.name for f in families.FAMILIES]
        raise PromptError(
            [complaints.unsupported_model_family(self.weights.file, kind, names, self.span)]
        )

    def _check_constants(self, shipped: Mapping[str, Any]) -> None:
        """Raise `PromptError` for a noise schedule or a scale of latents of another model."""
        vae = read_json(self.family.config / "vae" / "config.json")
        key = wrong_number(self.store.tensors, shipped, vae.get("scaling_factor", 0.18215))
        if key:
            problem = complaints.other_constant(self.weights.file, key, self.family.name, self.span)
            raise PromptError([problem])

    def _dtype(self, network: Any) -> torch.dtype:
        if isinstance(network, AutoencoderKL):
            return self.placement.vae_dtype(needs_range=network.config["force_upcast"])
        return self.placement.dtype
