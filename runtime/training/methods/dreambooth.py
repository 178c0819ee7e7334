"""DreamBooth: a copy of the whole UNet learns, and of the text encoders if they are to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from torch import nn

from promptlang.plan.steps import Train
from promptlang.plan.training_config import Dreambooth
from promptlang.source import Span

from ...atomic_files import replacing_folder
from ...models.loader import BaseModel
from ..data.captions import encode_functions
from ..export import diffusers_folder
from ..optim.precision import compute_dtype, offload_base_unet
from ..peft_layers import all_trainable_parameters, trainable_parameters
from ..state.fingerprint import write_record
from ..targets import find_target_layers
from ..trainable import TrainableModel

Network = TypeVar("Network", bound=nn.Module)


@contextmanager
def prepare_dreambooth(
    step: Train, method: Dreambooth, base: BaseModel
) -> Iterator[TrainableModel]:
    """Copies of the networks that learn; the model itself is never touched."""
    unet = _trainable_copy(base.unet, method.targets, step.span_of("targets"), "UNet")
    texts: dict[str, nn.Module] = {}
    if method.text_encoder:
        opened = partial(
            _trainable_copy,
            targets=method.targets,
            span=step.span_of("targets"),
            part="text encoder",
        )
        texts = {part: opened(each) for part, each in base.text_encoders.items()}
    needed = step.config.prior is not None and step.config.prior.folder is None
    with nullcontext() if needed else offload_base_unet(step, base):
        yield TrainableModel(
            unet=unet,
            write=partial(_write, base, {"unet": unet, **texts}),
            main_parameters=trainable_parameters(unet),
            text_encoder_parameters=all_trainable_parameters(texts),
            device=base.placement.device,
            dtype=compute_dtype(step, base.placement.device, frozen=False),
            encoders=encode_functions(step, base, texts),
            text_encoders=texts,
            base_unet=partial(nullcontext, base.unet),
        )


def _trainable_copy(network: Network, targets: str, span: Span, part: str) -> Network:
    """A copy that learns: all of it, or the layers that are meant. Before the first of them nothing goes back."""
    made = deepcopy(network)
    if targets == "all":
        return made.requires_grad_(True)
    for layer in find_target_layers(made, targets, span, part).values():
        layer.requires_grad_(True)
    return made


def _write(
    base: BaseModel, learned: Mapping[str, nn.Module], folder: Path, metadata: Mapping[str, str]
) -> None:
    """A folder in diffusers' layout, whole or not at all: the base's, but for what has learned."""
    with replacing_folder(folder) as made:
        diffusers_folder.write_model_folder(made, replace(base, **learned))
        write_record(made, metadata)
