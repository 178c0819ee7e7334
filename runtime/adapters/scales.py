"""Alphas and ranks from PEFT's configuration, or from the header that diffusers writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from promptlang.files import UnreadableFileError, as_object, parse_json
from promptlang.plan.formats import NETWORKS

from .adapter_files import AdapterFile
from .name_patterns import InvalidConfigError, NamePatterns, shown
from .naming import TargetModule
from .weight_delta import ModuleScaling

PEFT_VARIANTS: Final = {
    "use_qalora": "QALoRA",
    "alora_invocation_tokens": "Activated LoRA",
    "use_bdlora": "BD-LoRA",
    "arrow_config": "Arrow",
    "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
    "layer_replication": "LoRA with repeated layers",
    "trainable_token_indices": "trained tokens of PEFT",
    "target_parameters": "LoRA of single parameters",
}
"""Options of PEFT's configuration by which the same keys mean another change."""


@dataclass(frozen=True, slots=True)
class _Config:
    """PEFT's configuration of a network, with its patterns compiled."""

    options: Mapping[str, Any]
    alphas: NamePatterns
    ranks: NamePatterns
    feedforward: NamePatterns

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Config:
        """Compile the patterns; raises `InvalidConfigError` for a value that is none."""
        _check_numbers(options)
        return cls(
            options,
            NamePatterns.of(options.get("alpha_pattern")),
            NamePatterns.of(options.get("rank_pattern")),
            NamePatterns.of_ends(options.get("feedforward_modules")),
        )


@dataclass(frozen=True, slots=True)
class Scales:
    """PEFT's configurations by network; kohya's layout has a tensor for each module instead."""

    configs: Mapping[str, _Config] = field(default_factory=dict)

    @classmethod
    def from_file(cls, contents: AdapterFile) -> Scales:
        """Return the configurations of a file or folder.

        Raises `InvalidConfigError` for one that is not JSON, for an alpha or a rank that is no
        number, and for a pattern that could take too long.
        """
        found = contents.peft_configs or dict(_from_header(contents.metadata))
        return cls({network: _Config.of(options) for network, options in found.items()})

    @property
    def unsupported(self) -> str | None:
        """The name of a kind of PEFT's that is not applied, if a configuration states one."""
        for config in self.configs.values():
            for option, name in PEFT_VARIANTS.items():
                if config.options.get(option):
                    return name
        return None

    def get_scaling(self, target: TargetModule) -> ModuleScaling:
        """Return the numbers of a module, which each module may have of its own."""
        config = self.configs.get(target.component) or self.configs.get("")
        if config is None:
            return ModuleScaling()
        options = config.options
        alpha = config.alphas.find(target.module, options.get("lora_alpha", options.get("alpha")))
        rank = config.ranks.find(target.module, options.get("r"))
        return ModuleScaling(
            None if alpha is None else float(alpha),
            rank if isinstance(rank, int) else None,
            bool(options.get("use_rslora")),
            peft=options,
            on_input=bool(config.feedforward.find(target.module, False)),
        )


def _from_header(metadata: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        header = as_object(parse_json(metadata.get("lora_adapter_metadata") or "{}"))
    except UnreadableFileError as error:
        raise InvalidConfigError(f"`lora_adapter_metadata`: {error}") from error
    for part in NETWORKS:
        start = f"{part}."
        config = {
            key.removeprefix(start): value for key, value in header.items() if key.startswith(start)
        }
        if config:
            yield part, config


def _check_numbers(config: Mapping[str, Any]) -> None:
    """Raise `InvalidConfigError` unless alphas are finite numbers, and ranks whole ones."""
    for option in ("lora_alpha", "alpha", "alpha_pattern"):
        for value in _values(config.get(option)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidConfigError(f"`{option}` is `{shown(value)}`, not a number")
            if not math.isfinite(value) or abs(value) > 1e30:
                raise InvalidConfigError(f"`{option}` is `{shown(value)}`, not a finite number")
    ranks = ("r", "init_r") if config.get("peft_type") == "ADALORA" else ("r", "rank_pattern")
    for option in ranks:
        for value in _values(config.get(option)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InvalidConfigError(f"`{option}` is `{shown(value)}`, not a whole number")


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif value is not None:
        yield value
