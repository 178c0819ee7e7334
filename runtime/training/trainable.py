"""Model in training, as every training method provides it to the trainer."""

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
"""Embedding vectors of one text encoder, `[vectors, channels]`, by token."""

Encode = Callable[[Chunks, TokenEmbeddings], EncoderOutput]
"""Differentiable text encoder: from chunks, and frozen token embeddings that occur in them, to
states `[chunks, 77, channels]`, and to pooled ones `[chunks, channels]` if it pools."""

Parameters = Mapping[str, nn.Parameter]


@dataclass(frozen=True, eq=False, slots=True)
class TrainableModel:
    """Networks and trainable parameters of a training method."""

    unet: UNet2DConditionModel
    """UNet with the trainable layers in it."""
    write: Callable[[Path, Mapping[str, str]], None]
    """Function that writes the weights and their metadata to a file or a folder, atomically."""
    main_parameters: Parameters
    """Parameters at ``--lr``: the UNet's, or the token's if nothing else is trained."""
    text_encoder_parameters: Parameters
    """Parameters at ``--te-lr``."""
    token_parameters: Parameters = field(default_factory=dict)
    """Embedding vectors trained beside a LoRA, at their own rate and without weight decay."""
    before_step: Callable[[int], None] | None = None
    """Function called before each step, counted from 0; it may change `requires_grad`."""
    encoders: Mapping[str, Encode] = field(default_factory=dict)
    """Differentiable text encoders by component; the others are frozen."""
    device: torch.device = CPU_FP32.device
    dtype: torch.dtype = torch.float32
    """Dtype of the UNet's computation."""
    text_encoders: Mapping[str, nn.Module] = field(default_factory=dict)
    """Text encoders with trainable layers in them, by component."""
    tokens: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    """Trained embedding vectors `[vectors, channels]` by token, then by text encoder."""
    base_unet: Callable[[], AbstractContextManager[UNet2DConditionModel]] | None = None
    """Context with the UNet as it was before the training; None if the UNet is not trained."""
    report: Callable[[], Iterable[str]] | None = None
    """Lines of the report on the trained parameters."""
    notes: Mapping[str, str] | None = None
    """Metadata entries of the method."""

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """Return the UNet's output.

        Args:
            noisy: Noisy latents, `[batch, channels, height, width]`.
            timesteps: `[batch]`.
            conditioning: One conditioning for each of the latents.
        """
        with self._autocast():
            prediction: Tensor = self.unet(
                noisy,
                timesteps,
                conditioning.hidden,
                added_cond_kwargs=conditioning.added_cond_kwargs,
            ).sample
        return prediction

    def _autocast(self) -> AbstractContextManager[object]:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return all trainable parameters by name, in a fixed order."""
        return {**self.main_parameters, **self.text_encoder_parameters, **self.token_parameters}
