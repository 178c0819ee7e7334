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
from ..data.captions import encode_functions
from ..export.layouts import LoraWriter
from ..optim.precision import compute_dtype, frozen_unet
from ..peft_layers import (
    all_trainable_parameters,
    disable_adapters,
    inject_layers,
    trainable_parameters,
)
from ..report.report import effective_strength
from ..targets import find_target_layers
from ..trainable import TrainableModel
from .pivotal import PivotalTuning


@contextmanager
def prepare_lora(step: Train, method: Lora, base: BaseModel) -> Iterator[TrainableModel]:
    """The model with fresh layers, drawn from the step's seed; afterwards it is as before."""
    dtype, seed, targets = (
        compute_dtype(step, base.placement.device),
        step.config.seed,
        method.targets,
    )
    place = step.span_of("targets")
    texts = deepcopy(base.text_encoders) if method.text_encoder else {}
    with ExitStack() as within:
        unet = within.enter_context(frozen_unet(step, base, dtype, whole=method.algo != "lora"))
        meant = {"unet": find_target_layers(unet, targets, place, "UNet")}
        meant |= {
            part: find_target_layers(each, targets, place, "text encoder")
            for part, each in texts.items()
        }
        networks: dict[str, nn.Module] = {"unet": unet, **texts}
        parts = {
            part: within.enter_context(inject_layers(networks[part], own, method, seed + number))
            for number, (part, own) in enumerate(meant.items())
        }
        beside = PivotalTuning.of(method.token, step, base) if method.token else None
        made = TrainableModel(
            unet=unet,
            write=LoraWriter(method, base, networks, parts, beside.tensors if beside else {}).write,
            main_parameters=trainable_parameters(unet),
            text_encoder_parameters=all_trainable_parameters(texts),
            base_unet=partial(disable_adapters, parts["unet"], unet),
            encoders=encode_functions(step, base, texts),
            device=base.placement.device,
            dtype=dtype,
            text_encoders=texts,
            report=lambda: (effective_strength(parts),),
            notes=_lora_metadata(method),
        )
        yield beside.attach(made, base) if beside else made


def _lora_metadata(method: Lora) -> dict[str, str]:
    plain = method.algo == "lora"
    arguments = {"targets": method.targets}
    if not plain:
        arguments |= (
            {"algo": "lora", "dora_wd": "True"} if method.algo == "dora" else {"algo": method.algo}
        )
    return {
        "ss_network_module": "networks.lora" if plain else "lycoris.kohya",
        "ss_network_dim": str(method.rank),
        "ss_network_alpha": f"{method.alpha:g}",
        "ss_network_args": json.dumps(arguments),
    }
