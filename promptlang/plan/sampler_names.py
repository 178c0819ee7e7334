"""Samplers by whatever a tool calls them: ``dpm++_2m_karras``, ``DPM++ 2M Karras``, ``dpmpp_2m``, ``k_euler_a``."""

from __future__ import annotations

import re
from typing import NamedTuple

from promptlang.grammar import vocabulary


class SamplerName(NamedTuple):
    """Our name for it, and for how its noise levels are spaced; None where the name says nothing of that."""

    name: str
    spacing: str | None = None

    @property
    def value(self) -> str:
        """What stands behind ``--sampler`` on a recipe's line."""
        return f"{self.name} --scheduler {self.spacing}" if self.spacing else self.name


def parse_sampler_name(written: str) -> SamplerName | None:
    """None where there is no such sampler here."""
    plain = _plain(written)
    words = plain if plain in _SAMPLERS else plain.removeprefix("k").removesuffix("gpu")
    if words in _SAMPLERS:
        return SamplerName(_SAMPLERS[words])
    for ending, spacing in _SPACINGS.items():
        name = _SAMPLERS.get(words.removesuffix(ending))
        if name is not None and words.endswith(ending):
            return SamplerName(name, spacing)
    return None


def _plain(name: str) -> str:
    """Letters, digits and pluses, in small letters; k-diffusion's names as A1111's."""
    return (
        re.sub(r"[^a-z0-9+]", "", name.lower()).replace("dpmpp", "dpm++").replace("ancestral", "a")
    )


_SAMPLERS = {
    _plain(each): name for name, label in vocabulary.SAMPLERS.items() for each in (name, label)
}
_SPACINGS = {
    _plain(each): name for name, label in vocabulary.SCHEDULERS.items() for each in (name, label)
}
