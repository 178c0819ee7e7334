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
from ..data.captions import encoders
from ..export import diffusers_folder
from ..optim.precision import away, numbers
from ..peft_layers import all_learning, learning
from ..state.fingerprint import write_record
from ..targets import layers
from ..trainable import Learner

Network = TypeVar("Network", bound=nn.Module)


@contextmanager
def learner(step: Train, method: Dreambooth, base: BaseModel) -> Iterator[Learner]:
    """Copies of the networks that learn; the model itself is never touched."""
    unet = _opened(base.unet, method.targets, step.at("targets"), "UNet")
    texts: dict[str, nn.Module] = {}
    if method.text_encoder:
        opened = partial(_opened, targets=method.targets, span=step.at("targets"), part="text encoder")
        texts = {part: opened(each) for part, each in base.text_encoders.items()}
    needed = step.course.prior is not None and step.course.prior.folder is None
    with nullcontext() if needed else away(step, base):
        yield Learner(
            unet=unet,
            write=partial(_write, base, {"unet": unet, **texts}),
            learned=learning(unet),
            text_learned=all_learning(texts),
            device=base.place.device,
            dtype=numbers(step, base.place.device, frozen=False),
            encoders=encoders(step, base, texts),
            text_encoders=texts,
            base=partial(nullcontext, base.unet),
        )


def _opened(network: Network, targets: str, span: Span, part: str) -> Network:
    """A copy that learns: all of it, or the layers that are meant. Before the first of them nothing goes back."""
    made = deepcopy(network)
    if targets == "all":
        return made.requires_grad_(True)
    for layer in layers(made, targets, span, part).values():
        layer.requires_grad_(True)
    return made


def _write(base: BaseModel, learned: Mapping[str, nn.Module], folder: Path, metadata: Mapping[str, str]) -> None:
    """A folder in diffusers' layout, whole or not at all: the base's, but for what has learned."""
    with replacing_folder(folder) as made:
        diffusers_folder.write(made, replace(base, **learned))
        write_record(made, metadata)
