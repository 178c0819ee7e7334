"""Base models: a folder in diffusers' layout as four networks, a tokenizer and a noise schedule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from promptlang import diagnostics
from promptlang.diagnostics import PromptError
from promptlang.plan import Model
from promptlang.source import Span

Part = TypeVar("Part")

BUILT_IN = Path(__file__).parent / "emoji" / "model"
"""The folder of the model that is called `emoji`."""


@dataclass(frozen=True, eq=False)
class BaseModel:
    """Frozen networks in fp32, in evaluation mode; nothing ever changes their weights."""

    name: str
    folder: Path
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    schedule: Mapping[str, Any] = field(repr=False)
    """The scheduler's configuration."""

    @property
    def pixels_per_latent(self) -> int:
        """How many pixels of width one latent stands for."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels, of the pictures it was trained on."""
        side = self.unet.config.sample_size * self.pixels_per_latent
        return side, side

    @cached_property
    def sha256(self) -> str:
        """Of all its weights, in the order of their files' names."""
        digest = hashlib.sha256()
        for file in sorted(self.folder.glob("*/*.safetensors")):
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()


def load(model: Model, span: Span) -> BaseModel:
    """Read a model; raises `PromptError` where a part is missing or damaged."""
    folder = model.folder or BUILT_IN
    if not (folder / "model_index.json").is_file():
        raise PromptError([diagnostics.model_not_a_folder(model.name, folder, span)])
    unet = _network(UNet2DConditionModel, folder / "unet", span)
    text_encoder = _network(CLIPTextModel, folder / "text_encoder", span)
    if text_encoder.config.hidden_size != unet.config.cross_attention_dim:
        raise PromptError([diagnostics.model_parts_differ(folder, span)])
    return BaseModel(
        name=model.name,
        folder=folder,
        tokenizer=_part(folder / "tokenizer", span, _tokenizer),
        text_encoder=text_encoder,
        unet=unet,
        vae=_network(AutoencoderKL, folder / "vae", span),
        schedule=_part(folder / "scheduler", span, _schedule),
    )


def _network(kind: Any, folder: Path, span: Span) -> Any:
    network, info = _part(folder, span, lambda folder: _weights(kind, folder))
    if info["missing_keys"] or info.get("mismatched_keys"):
        raise PromptError([diagnostics.model_part_incomplete(folder, span)])
    return network.eval().requires_grad_(False)


def _weights(kind: Any, folder: Path) -> Any:
    half_only = not any(folder.glob("*model.safetensors*")) and any(folder.glob("*model.fp16.safetensors"))
    return kind.from_pretrained(
        str(folder),
        torch_dtype=torch.float32,
        variant="fp16" if half_only else None,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )


def _tokenizer(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _schedule(folder: Path) -> Mapping[str, Any]:
    return json.loads((folder / "scheduler_config.json").read_text("utf-8"))


def _part(folder: Path, span: Span, read: Callable[[Path], Part]) -> Part:
    if not folder.is_dir():
        raise PromptError([diagnostics.model_part_missing(folder, span)])
    try:
        with _silence():
            return read(folder)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise PromptError([diagnostics.model_part_damaged(folder, _first_line(error), span)]) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _silence() -> Iterator[None]:
    """Both libraries draw bars and log advice on the terminal, which is not theirs."""
    levels = diffusers_logging.get_verbosity(), transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity(library.CRITICAL)
        library.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(levels[0])
        transformers_logging.set_verbosity(levels[1])
        if bars:
            transformers_logging.enable_progress_bar()
            diffusers_logging.enable_progress_bar()
