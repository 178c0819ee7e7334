"""The code of each role of nodes, and of nodes whose class is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy import latents, models, prompts, sampling, texts
from promptlang.inspection.comfy.evaluation import Steps, Visit
from promptlang.inspection.comfy.node_types import Role
from promptlang.inspection.comfy.values import (
    Value,
)

ROLES: Final[Mapping[Role, Callable[[Visit], Steps[Value]]]] = MappingProxyType(
    {
        Role.VALUE: texts.value,
        Role.JOIN: texts.join,
        Role.REPLACE: texts.replace,
        Role.CHANGE: texts.change,
        Role.STRING_FUNCTION: texts.string_function,
        Role.SWITCH: texts.switch,
        Role.FIRST: texts.first,
        Role.ENCODE: prompts.encode,
        Role.COMBINE: prompts.combine,
        Role.CONCAT: prompts.concat,
        Role.AVERAGE: prompts.average,
        Role.AREA: prompts.area,
        Role.ZERO: prompts.zero,
        Role.THROUGH: prompts.through,
        Role.CHECKPOINT: models.checkpoint,
        Role.LORA: models.lora,
        Role.LORA_LIST: models.lora_list,
        Role.LORA_STACK: models.lora_stack,
        Role.TAGGED: models.tagged,
        Role.CLIP_SKIP: models.clip_skip,
        Role.LOADER: models.loader,
        Role.EMPTY_LATENT: latents.empty_latent,
        Role.IMAGE_LATENT: latents.image_latent,
        Role.DECODE: latents.decode,
        Role.SCALE: latents.scale,
        Role.PICTURE: latents.picture,
        Role.PIPE: latents.pipe,
        Role.OUTPUT: latents.output,
        Role.SAMPLE: sampling.sample,
        Role.GUIDER: sampling.guider,
        Role.SIGMAS: sampling.sigmas,
        Role.SPLIT_SIGMAS: sampling.split_sigmas,
        Role.SAMPLER: sampling.sampler,
        Role.NOISE: sampling.noise,
    }
)
"""The function that evaluates an output, by the role of its node."""
