"""Samplers by the names of other tools: ``DPM++ 2M Karras``, ``dpmpp_2m``, ``k_euler_a``."""

from __future__ import annotations

import re
from typing import NamedTuple

from promptlang.grammar import vocabulary


class SamplerName(NamedTuple):
    """Name of a sampler, and of the spacing of its noise levels if the parsed name contains one."""

    name: str
    spacing: str | None = None

    @property
    def value(self) -> str:
        """Return the text that follows ``--sampler`` in a recipe."""
        return f"{self.name} --scheduler {self.spacing}" if self.spacing else self.name


def parse_sampler_name(text: str) -> SamplerName | None:
    """Parse a name in any tool's spelling; None for an unknown sampler."""
    plain = _plain(text)
    words = plain if plain in _SAMPLERS else plain.removeprefix("k").removesuffix("gpu")
    if words in _SAMPLERS:
        return SamplerName(_SAMPLERS[words])
    for ending, spacing in _SPACINGS.items():
        name = _SAMPLERS.get(words.removesuffix(ending))
        if name is not None and words.endswith(ending):
            return SamplerName(name, spacing)
    return None


def _plain(name: str) -> str:
    """Reduce a name to lower-case letters, digits and pluses; k-diffusion's spelling to A1111's."""
    return (
        re.sub(r"[^a-z0-9+]", "", name.lower()).replace("dpmpp", "dpm++").replace("ancestral", "a")
    )


_SAMPLERS = {
    _plain(each): name for name, label in vocabulary.SAMPLERS.items() for each in (name, label)
}
_SPACINGS = {
    _plain(each): name for name, label in vocabulary.SCHEDULERS.items() for each in (name, label)
}
