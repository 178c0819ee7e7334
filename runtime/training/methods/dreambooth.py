"""DreamBooth: training of a copy of the UNet, and of copies of the text encoders if configured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from promptlang.plan.training_config import Dreambooth
from promptlang.source import Span

from ...atomic_files import replacing_folder
from ...models.loader import BaseModel
from ..data.captions import encode_functions
from ..export import diffusers_folder
from ..optim.precision import offload_base_unet
from ..peft_layers import all_trainable_parameters, trainable_parameters
from ..setup import TrainingSetup
from ..state.stored_result import write_record
from ..targets import find_target_layers
from ..trainable import TrainableModel

_Network = TypeVar("_Network", bound=nn.Module)


@contextmanager
def prepare_dreambooth(method: Dreambooth, setup: TrainingSetup) -> Iterator[TrainableModel]:
    """Copy the trained networks; the base model itself is never changed."""
    base, prior, span = setup.base, setup.config.prior, setup.option_spans("targets")
    unet = _trainable_copy(base.unet, method.targets, span, "UNet")
    text_encoders = {
        component: _trainable_copy(network, method.targets, span, "text encoder")
        for component, network in (base.text_encoders if method.text_encoder else {}).items()
    }
    predicts_with_base = prior is not None and prior.folder is None
    with offload_base_unet(base, keep=predicts_with_base or setup.renders_samples):
        yield TrainableModel(
            unet=unet,
            write=partial(_write, base, {"unet": unet, **text_encoders}),
            main_parameters=trainable_parameters(unet),
            text_encoder_parameters=all_trainable_parameters(text_encoders),
            device=base.placement.device,
            dtype=setup.compute_dtype(frozen=False),
            encoders=encode_functions(
                base.family.text_encoder_specs, setup.config.clip_skip, text_encoders
            ),
            text_encoders=text_encoders,
            base_unet=lambda: nullcontext(base.unet),
        )


def _trainable_copy(network: _Network, targets: str, span: Span, network_name: str) -> _Network:
    """Copy a network and make all of it trainable, or its target layers."""
    copy = deepcopy(network)
    if targets == "all":
        copy.requires_grad_(True)
        return copy
    for layer in find_target_layers(copy, targets, span, network_name).values():
        layer.requires_grad_(True)
    return copy


def _write(
    base: BaseModel, trained: Mapping[str, Any], folder: Path, metadata: Mapping[str, str]
) -> None:
    """Write the base model with the trained networks as a diffusers folder, atomically."""
    with replacing_folder(folder) as partial_folder:
        diffusers_folder.write_model_folder(partial_folder, replace(base, **trained))
        write_record(partial_folder, metadata)
