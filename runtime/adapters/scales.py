"""Alphas and ranks from PEFT's configuration, or from the header that diffusers writes."""

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
    """PEFT's configurations by network; kohya's layout has a tensor for each module instead."""

    peft_configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_file(cls, contents: AdapterFile) -> Scales:
        """Return the configurations of a file or folder; a header that is no JSON is ignored."""
        return cls(contents.peft_configs or dict(_from_header(contents.metadata)))

    def get_scaling(self, target: TargetModule) -> ModuleScaling:
        """Return the alpha and the rank of a module, which each module may have of its own."""
        config = self.peft_configs.get(target.component) or self.peft_configs.get("") or {}
        default = config.get("lora_alpha", config.get("alpha"))
        alpha = _find_pattern(config, "alpha_pattern", target) or default
        rank = _find_pattern(config, "rank_pattern", target) or config.get("r")
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
            config = {
                key.removeprefix(start): value
                for key, value in header.items()
                if key.startswith(start)
            }
            yield part, config


def _find_pattern(config: Mapping[str, Any], name: str, target: TargetModule) -> Any:
    """Return a module's value; a pattern of PEFT is a regular expression for a name's end."""
    patterns = config.get(name) or {}
    for pattern, value in patterns.items():
        with suppress(re.error):
            if re.fullmatch(rf"(.*\.)?({pattern})", target.module):
                return value
    return None
