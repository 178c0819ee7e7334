"""Layers of a network that a training adapts, by preset or regular expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torch import nn

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import no_matching_targets
from promptlang.source import Span

_ATTENTION: Final = r"\.to_[qkv]|\.to_out\.0|\.[qkv]_proj|\.out_proj"
_FEED_FORWARD: Final = r"\.ff\.net\.0\.proj|\.ff\.net\.2|\.proj_in|\.proj_out|\.fc[12]"

PRESETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "qv": r"(\.to_[qv]|\.[qv]_proj)$",
        "attn": rf"({_ATTENTION})$",
        "attn+ff": rf"({_ATTENTION}|{_FEED_FORWARD})$",
        "all": "",
    }
)
"""Pattern of layer names in the UNet and the text encoders, by the value of ``--targets``."""


def find_target_layers(
    network: nn.Module, targets: str, span: Span, network_name: str
) -> dict[str, nn.Module]:
    """Return the linear layers and convolutions that match a preset or a regular expression.

    Raises:
        PromptError: if no layer matches.
    """
    pattern = re.compile(PRESETS.get(targets, targets))
    layers: dict[str, nn.Module] = {
        name: module
        for name, module in sorted(network.named_modules())
        if isinstance(module, (nn.Linear, nn.Conv2d)) and pattern.search(name)
    }
    if not layers:
        raise PromptError([no_matching_targets(targets, network_name, span)])
    return layers
