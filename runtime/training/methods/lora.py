"""LoRA, DoRA, LoHa and LoKr: PEFT's layers in the UNet and in copies of the text encoders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial

from torch import nn

from promptlang.plan.training_config import Lora

from ..data.captions import encode_functions
from ..export.layouts import LoraWriter
from ..peft_layers import (
    all_trainable_parameters,
    disable_adapters,
    inject_layers,
    trainable_parameters,
)
from ..report.report import effective_strength
from ..setup import TrainingSetup
from ..targets import find_target_layers
from ..trainable import TrainableModel
from .pivotal import PivotalTuning


@contextmanager
def prepare_lora(method: Lora, setup: TrainingSetup) -> Iterator[TrainableModel]:
    """Inject fresh adapter layers within the context, initialised from the training's seed."""
    base, config, span = setup.base, setup.config, setup.option_spans("targets")
    dtype = setup.compute_dtype()
    text_encoders = deepcopy(base.text_encoders) if method.text_encoder else {}
    with ExitStack() as stack:
        unet = stack.enter_context(setup.frozen_unet(dtype, full_precision=method.algo != "lora"))
        targets = {"unet": find_target_layers(unet, method.targets, span, "UNet")}
        targets |= {
            component: find_target_layers(network, method.targets, span, "text encoder")
            for component, network in text_encoders.items()
        }
        networks: dict[str, nn.Module] = {"unet": unet, **text_encoders}
        layers = {
            component: stack.enter_context(
                inject_layers(networks[component], found, method, config.seed + number)
            )
            for number, (component, found) in enumerate(targets.items())
        }
        pivotal = PivotalTuning.of(method.token, setup) if method.token else None
        token_tensors = pivotal.tensors if pivotal else {}
        specs = base.family.text_encoder_specs
        model = TrainableModel(
            unet=unet,
            write=LoraWriter(method, base, networks, layers, token_tensors).write,
            main_parameters=trainable_parameters(unet),
            text_encoder_parameters=all_trainable_parameters(text_encoders),
            base_unet=partial(disable_adapters, layers["unet"], unet),
            encoders=encode_functions(specs, config.clip_skip, text_encoders),
            device=base.placement.device,
            dtype=dtype,
            text_encoders=text_encoders,
            report=lambda: (effective_strength(layers),),
            notes=_lora_metadata(method),
        )
        yield pivotal.attach(model) if pivotal else model


def _lora_metadata(method: Lora) -> dict[str, str]:
    plain = method.algo == "lora"
    arguments = {"targets": method.targets}
    if method.algo == "dora":
        arguments |= {"algo": "lora", "dora_wd": "True"}
    elif not plain:
        arguments |= {"algo": method.algo}
    return {
        "ss_network_module": "networks.lora" if plain else "lycoris.kohya",
        "ss_network_dim": str(method.rank),
        "ss_network_alpha": f"{method.alpha:g}",
        "ss_network_args": json.dumps(arguments),
    }
