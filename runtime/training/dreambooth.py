"""DreamBooth: a copy of the whole UNet learns, and of the text encoder if it is to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path

from diffusers import UNet2DConditionModel
from torch import nn

from promptlang.inspection.adapters import RECORD
from promptlang.plan import Train
from promptlang.teaching import Dreambooth

from ..files import replacing_folder
from ..models import BaseModel
from . import model_folder
from .adapters import learning
from .learner import Learner
from .texts import states


@contextmanager
def learner(step: Train, method: Dreambooth, base: BaseModel) -> Iterator[Learner]:  # noqa: ARG001
    """Copies of the networks that learn; the model itself is never touched."""
    unet = deepcopy(base.unet).requires_grad_(True)
    text_encoder = deepcopy(base.text_encoder).requires_grad_(True) if method.text_encoder else None
    yield Learner(
        unet=unet,
        write=partial(_write, base, unet, text_encoder),
        learned=learning(unet),
        text_learned=learning(text_encoder) if text_encoder else {},
        encode=partial(states, text_encoder) if text_encoder else None,
        text_encoder=text_encoder,
        base=partial(nullcontext, base.unet),
    )


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
        (made / RECORD).write_text(json.dumps(dict(sorted(metadata.items())), indent=1), "utf-8")
