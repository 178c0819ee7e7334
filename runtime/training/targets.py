"""Which of a network's layers a LoRA changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torch import nn

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import no_matching_targets
from promptlang.source import Span

_ATTENTION = r"\.to_[qkv]|\.to_out\.0|\.[qkv]_proj|\.out_proj"
_FEED_FORWARD = r"\.ff\.net\.0\.proj|\.ff\.net\.2|\.proj_in|\.proj_out|\.fc[12]"

PRESETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "qv": r"(\.to_[qv]|\.[qv]_proj)$",
        "attn": rf"({_ATTENTION})$",
        "attn+ff": rf"({_ATTENTION}|{_FEED_FORWARD})$",
        "all": "",
    }
)
"""By the names that the language has for them: what a layer's name holds, in the UNet and in the text encoder."""


def find_target_layers(
    network: nn.Module, targets: str, span: Span, part: str
) -> dict[str, nn.Module]:
    """The linear layers and convolutions that are meant, by name; raises `PromptError` if there are none."""
    pattern = re.compile(PRESETS.get(targets, targets))
    found = {
        name: module
        for name, module in sorted(network.named_modules())
        if isinstance(module, (nn.Linear, nn.Conv2d)) and pattern.search(name)
    }
    if not found:
        raise PromptError([no_matching_targets(targets, part, span)])
    return found
