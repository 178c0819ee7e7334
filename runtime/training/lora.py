"""LoRA and its kin: PEFT's layers in the UNet, and in a copy of the text encoder if it learns, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from promptlang.plan import Train
from promptlang.teaching import Lora

from ..adapters import write_tensors
from ..models import BaseModel
from . import kohya
from .adapters import injected, learning, without
from .learner import Learner
from .pivot import Beside
from .precision import frozen
from .targets import layers
from .texts import states

Layers = Mapping[str, BaseTunerLayer]


@contextmanager
def learner(step: Train, method: Lora, base: BaseModel) -> Iterator[Learner]:
    """The model with fresh layers, drawn from the step's seed; afterwards it is as before."""
    unet = frozen(base.unet, step.course.optimisation.batch) if method.algo == "lora" else base.unet
    text_encoder = deepcopy(base.text_encoder) if method.text_encoder else None
    own = layers(unet, method.targets, step.span, "UNet")
    with (
        injected(unet, own, method, step.course.seed) as in_unet,
        _in_text(text_encoder, method, step) as in_text,
    ):
        parts = {"unet": in_unet, "text_encoder": in_text}
        beside = Beside.of(method.token, step, base) if method.token else None
        made = Learner(
            unet=unet,
            write=partial(_write, parts, method, beside.tensors if beside else {}),
            learned=learning(unet),
            text_learned=learning(text_encoder) if text_encoder else {},
            base=partial(without, in_unet, unet),
            encode=partial(states, text_encoder) if text_encoder else None,
            notes=_notes(method),
        )
        yield beside.joined(made, base, text_encoder) if beside else made


@contextmanager
def _in_text(text_encoder: nn.Module | None, method: Lora, step: Train) -> Iterator[Layers]:
    if text_encoder is None:
        yield {}
        return
    own = layers(text_encoder, method.targets, step.span, "text encoder")
    with injected(text_encoder, own, method, step.course.seed + 1) as found:
        yield found


def _write(
    parts: Mapping[str, Layers], method: Lora, rows: Mapping[str, Tensor], file: Path, metadata: Mapping[str, str]
) -> None:
    tensors = {key: each.detach().clone() for key, each in rows.items()}
    for part, found in parts.items():
        tensors |= kohya.tensors(part, found, method)
    write_tensors(file, tensors, metadata)


def _notes(method: Lora) -> dict[str, str]:
    plain = method.algo == "lora"
    arguments = {"targets": method.targets}
    if not plain:
        arguments |= {"algo": "lora", "dora_wd": "True"} if method.algo == "dora" else {"algo": method.algo}
    return {
        "ss_network_module": "networks.lora" if plain else "lycoris.kohya",
        "ss_network_dim": str(method.rank),
        "ss_network_alpha": f"{method.alpha:g}",
        "ss_network_args": json.dumps(arguments),
    }
