"""DreamBooth: a copy of the whole UNet learns, and of the text encoder if it is to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TypeVar

from diffusers import UNet2DConditionModel
from torch import nn

from promptlang.plan import Train
from promptlang.source import Span
from promptlang.teaching import Dreambooth

from ..files import replacing_folder
from ..models import BaseModel
from . import model_folder
from .adapters import learning
from .identity import write_record
from .learner import Learner
from .precision import away, numbers
from .targets import layers
from .texts import states

Network = TypeVar("Network", bound=nn.Module)


@contextmanager
def learner(step: Train, method: Dreambooth, base: BaseModel) -> Iterator[Learner]:
    """Copies of the networks that learn; the model itself is never touched."""
    unet = _opened(base.unet, method.targets, step.span, "UNet")
    text_encoder = None
    if method.text_encoder:
        text_encoder = _opened(base.text_encoder, method.targets, step.span, "text encoder")
    needed = step.course.prior is not None and step.course.prior.folder is None
    with nullcontext() if needed else away(step, base):
        yield Learner(
            unet=unet,
            write=partial(_write, base, unet, text_encoder),
            learned=learning(unet),
            text_learned=learning(text_encoder) if text_encoder else {},
            device=base.place.device,
            dtype=numbers(step, base.place.device, frozen=False),
            encode=partial(states, text_encoder, step.course.clip_skip) if text_encoder else None,
            text_encoder=text_encoder,
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


def _write(
    base: BaseModel,
    unet: UNet2DConditionModel,
    text_encoder: nn.Module | None,
    folder: Path,
    metadata: Mapping[str, str],
) -> None:
    """A folder in diffusers' layout, whole or not at all: the base's, but for what has learned."""
    with replacing_folder(folder) as made:
        model_folder.write(made, base, unet, text_encoder or base.text_encoder)
        write_record(made, metadata)
