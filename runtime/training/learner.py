"""What a method lends to the loop: parameters to change, networks that see them, and a way to keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from promptlang.chunks import Chunk

from ..devices import FULL

Chunks = Sequence[Chunk[int]]

Parameters = Mapping[str, nn.Parameter]


@dataclass(frozen=True, eq=False, slots=True)
class Learner:
    """A method at work on a model. The loop changes `learned` and `text_learned`, and nothing else."""

    unet: UNet2DConditionModel
    """With whatever learns in it."""
    write: Callable[[Path, Mapping[str, str]], None]
    """Put what is learned so far into a file or a folder, whole or not at all, with what it says of itself."""
    learned: Parameters
    """At the learning rate."""
    text_learned: Parameters
    """At the text encoder's."""
    token_learned: Parameters = field(default_factory=dict)
    """At a token's, and never made smaller: what learns beside the rest."""
    begin: Callable[[int], None] | None = None
    """Told of each step, counted from 0, before it; what learns may change with it, and with nothing else."""
    encode: Callable[[Chunks], Tensor] | None = None
    """Hidden states `[chunks, 77, channels]` with their gradients; None where the text encoder stays as it is."""
    device: torch.device = FULL.device
    """Where it learns: a network would have to be walked to tell."""
    dtype: torch.dtype = torch.float32
    """What the UNet computes with."""
    text_encoder: CLIPTextModel | None = None
    """With whatever learns in it; None where it stays as it is."""
    tokens: Mapping[str, Tensor] = field(default_factory=dict)
    """Rows `[vectors, channels]` by the name of the token that they are for."""
    base: Callable[[], AbstractContextManager[UNet2DConditionModel]] | None = None
    """The UNet as it was before; None where it does not learn."""
    report: Callable[[], Iterable[str]] | None = None
    """Lines on what has been learned."""
    notes: Mapping[str, str] | None = None
    """What the file should say of the method."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """All of them, in a fixed order."""
        text = {f"text_encoder.{name}": parameter for name, parameter in self.text_learned.items()}
        return {**self.learned, **text, **self.token_learned}
