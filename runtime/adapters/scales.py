"""Alphas that stand beside the tensors: in PEFT's configuration, or in diffusers' header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from promptlang.plan.formats import NETWORKS

from .adapter_files import AdapterFile
from .naming import TargetModule
from .weight_delta import ModuleScaling


@dataclass(frozen=True, slots=True)
class Scales:
    """What is told of each part of the model; kohya's layout has a tensor a module instead."""

    peft_configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, contents: AdapterFile) -> Scales:
        """Of a file or folder; a header that is no JSON tells nothing."""
        return cls(contents.peft_configs or dict(_from_header(contents.metadata)))

    def get_scaling(self, place: TargetModule) -> ModuleScaling:
        """The module's alpha and rank, which may be its own."""
        config = self.peft_configs.get(place.component) or self.peft_configs.get("") or {}
        alpha = _patterned(config, "alpha_pattern", place) or config.get(
            "lora_alpha", config.get("alpha")
        )
        rank = _patterned(config, "rank_pattern", place) or config.get("r")
        return ModuleScaling(
            float(alpha) if isinstance(alpha, int | float) else None,
            rank if isinstance(rank, int) else None,
            bool(config.get("use_rslora")),
        )


def _from_header(metadata: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with suppress(ValueError):
        header = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        for part in NETWORKS if isinstance(header, dict) else ():
            start = f"{part}."
            yield (
                part,
                {
                    key.removeprefix(start): value
                    for key, value in header.items()
                    if key.startswith(start)
                },
            )


def _patterned(config: Mapping[str, Any], name: str, place: TargetModule) -> Any:
    """As PEFT: a pattern is a name, or a regular expression for the end of one."""
    patterns = config.get(name) or {}
    for pattern, value in patterns.items():
        with suppress(re.error):
            if re.fullmatch(rf"(.*\.)?({pattern})", place.module):
                return value
    return None
