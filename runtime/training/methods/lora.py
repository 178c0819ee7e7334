"""LoRA and its kin: PEFT's layers in the UNet, and in copies of the text encoders if they learn, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial

from torch import nn

from promptlang.plan.steps import Train
from promptlang.plan.training_config import Lora

from ...models.loader import BaseModel
from ..data.captions import encoders
from ..export.layouts import Layouts
from ..optim.precision import frozen, numbers
from ..peft_layers import all_learning, injected, learning, without
from ..report.report import effective_strength
from ..targets import layers
from ..trainable import Learner
from .pivotal import Beside


@contextmanager
def learner(step: Train, method: Lora, base: BaseModel) -> Iterator[Learner]:
    """The model with fresh layers, drawn from the step's seed; afterwards it is as before."""
    dtype, seed, targets = numbers(step, base.place.device), step.course.seed, method.targets
    place = step.at("targets")
    texts = deepcopy(base.text_encoders) if method.text_encoder else {}
    with ExitStack() as within:
        unet = within.enter_context(frozen(step, base, dtype, whole=method.algo != "lora"))
        meant = {"unet": layers(unet, targets, place, "UNet")}
        meant |= {part: layers(each, targets, place, "text encoder") for part, each in texts.items()}
        networks: dict[str, nn.Module] = {"unet": unet, **texts}
        parts = {
            part: within.enter_context(injected(networks[part], own, method, seed + number))
            for number, (part, own) in enumerate(meant.items())
        }
        beside = Beside.of(method.token, step, base) if method.token else None
        made = Learner(
            unet=unet,
            write=Layouts(method, base, networks, parts, beside.tensors if beside else {}).write,
            learned=learning(unet),
            text_learned=all_learning(texts),
            base=partial(without, parts["unet"], unet),
            encoders=encoders(step, base, texts),
            device=base.place.device,
            dtype=dtype,
            text_encoders=texts,
            report=lambda: (effective_strength(parts),),
            notes=_notes(method),
        )
        yield beside.joined(made, base) if beside else made


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
