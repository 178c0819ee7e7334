"""LoRA and its kin: PEFT's layers in the UNet, and in a copy of the text encoder if it learns, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial

from torch import nn

from promptlang.plan import Train
from promptlang.teaching import Lora

from ..models import BaseModel
from .adapters import injected, learning, without
from .layouts import Layers, Layouts
from .learner import Learner
from .pivot import Beside
from .precision import frozen, numbers
from .report import effective_strength
from .targets import layers
from .texts import states


@contextmanager
def learner(step: Train, method: Lora, base: BaseModel) -> Iterator[Learner]:
    """The model with fresh layers, drawn from the step's seed; afterwards it is as before."""
    dtype = numbers(step, base.place.device)
    text_encoder = deepcopy(base.text_encoder) if method.text_encoder else None
    with (
        frozen(step, base, dtype, whole=method.algo != "lora") as unet,
        injected(unet, layers(unet, method.targets, step.span, "UNet"), method, step.course.seed) as in_unet,
        _in_text(text_encoder, method, step) as in_text,
    ):
        beside = Beside.of(method.token, step, base) if method.token else None
        networks = {"unet": unet, **({"text_encoder": text_encoder} if text_encoder else {})}
        parts = {"unet": in_unet, "text_encoder": in_text}
        made = Learner(
            unet=unet,
            write=Layouts(method, networks, parts, beside.tensors if beside else {}).write,
            learned=learning(unet),
            text_learned=learning(text_encoder) if text_encoder else {},
            base=partial(without, in_unet, unet),
            encode=partial(states, text_encoder, step.course.clip_skip) if text_encoder else None,
            device=base.place.device,
            dtype=dtype,
            text_encoder=text_encoder,
            report=lambda: (effective_strength(parts),),
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
