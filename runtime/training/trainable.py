"""What a method lends to the loop: parameters to change, networks that see them, and a way to keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from promptlang.prompts.chunks import Chunk

from ..conditioning.text_encoder import Conditioning, EncoderOutput
from ..devices import CPU_FP32

Chunks = Sequence[Chunk[int]]

TokenEmbeddings = Mapping[str, Tensor]
"""By the name of a token its rows for a text encoder, `[vectors, channels]`."""

Encode = Callable[[Chunks, TokenEmbeddings], EncoderOutput]
"""What a text encoder makes of chunks and of tokens in them that do not learn, with gradients: states
`[chunks, 77, channels]`, and pooled ones if it pools."""

Parameters = Mapping[str, nn.Parameter]


@dataclass(frozen=True, eq=False, slots=True)
class TrainableModel:
    """A method at work on a model. The loop changes `learned` and `text_learned`, and nothing else."""

    unet: UNet2DConditionModel
    """With whatever learns in it."""
    write: Callable[[Path, Mapping[str, str]], None]
    """Put what is learned so far into a file or a folder, whole or not at all, with what it says of itself."""
    main_parameters: Parameters
    """At the learning rate."""
    text_encoder_parameters: Parameters
    """At the text encoders'."""
    token_parameters: Parameters = field(default_factory=dict)
    """At a token's, and never made smaller: what learns beside the rest."""
    before_step: Callable[[int], None] | None = None
    """Told of each step, counted from 0, before it; what learns may change with it, and with nothing else."""
    encoders: Mapping[str, Encode] = field(default_factory=dict)
    """How text encoders read what learns, by the part of the model; the others stay as they are."""
    device: torch.device = CPU_FP32.device
    """Where it learns: a network would have to be walked to tell."""
    dtype: torch.dtype = torch.float32
    """What the UNet computes with."""
    text_encoders: Mapping[str, nn.Module] = field(default_factory=dict)
    """With whatever learns in them, by the part of the model."""
    tokens: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    """By the name of a token its rows `[vectors, channels]` for each text encoder."""
    base_unet: Callable[[], AbstractContextManager[UNet2DConditionModel]] | None = None
    """The UNet as it was before; None where it does not learn."""
    report: Callable[[], Iterable[str]] | None = None
    """Lines on what has been learned."""
    notes: Mapping[str, str] | None = None
    """What the file should say of the method."""

    def predict(self, noisy: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        """What the UNet says to noisy latents `[batch, channels, height, width]` at timesteps `[batch]`."""
        with self._computing():
            return self.unet(
                noisy, times, conditioning.hidden, added_cond_kwargs=conditioning.added_cond_kwargs
            ).sample

    def _computing(self) -> AbstractContextManager[None]:
        """Where numbers of other kinds are cast as needed."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def parameters(self) -> dict[str, nn.Parameter]:
        """All of them, in a fixed order."""
        return {**self.main_parameters, **self.text_encoder_parameters, **self.token_parameters}
