"""Alphas that stand beside the tensors: in PEFT's configuration, or in diffusers' header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from promptlang.plan.steps import NETWORKS

from .loading import Contents
from .naming import Place
from .weight_delta import Told


@dataclass(frozen=True, slots=True)
class Scales:
    """What is told of each part of the model; kohya's layout has a tensor a module instead."""

    configurations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, contents: Contents) -> Scales:
        """Of a file or folder; a header that is no JSON tells nothing."""
        return cls(contents.configurations or dict(_from_header(contents.metadata)))

    def of_module(self, place: Place) -> Told:
        """The module's alpha and rank, which may be its own."""
        config = self.configurations.get(place.part) or self.configurations.get("") or {}
        alpha = _patterned(config, "alpha_pattern", place) or config.get("lora_alpha", config.get("alpha"))
        rank = _patterned(config, "rank_pattern", place) or config.get("r")
        return Told(
            float(alpha) if isinstance(alpha, int | float) else None,
            rank if isinstance(rank, int) else None,
            bool(config.get("use_rslora")),
        )


def _from_header(metadata: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with suppress(ValueError):
        told = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        for part in NETWORKS if isinstance(told, dict) else ():
            start = f"{part}."
            yield part, {key.removeprefix(start): value for key, value in told.items() if key.startswith(start)}


def _patterned(config: Mapping[str, Any], name: str, place: Place) -> Any:
    """As PEFT: a pattern is a name, or a regular expression for the end of one."""
    patterns = config.get(name) or {}
    for pattern, value in patterns.items():
        with suppress(re.error):
            if re.fullmatch(rf"(.*\.)?({pattern})", place.module):
                return value
    return None
