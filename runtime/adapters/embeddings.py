"""Textual inversion: a token's own vectors (Gal et al. 2022, https://arxiv.org/abs/2208.01618), in every layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import adapters as wrong
from promptlang.diagnostics.adapters import FileRef
from promptlang.inspection.families import FLUX, SD3, SDXL, find_family_by_width
from promptlang.inspection.headers import BUNDLED_TOKEN_PREFIX
from promptlang.plan.steps import Adapter
from promptlang.prompts.chunks import CHUNK_LENGTH
from promptlang.source import Span

from ..hashes import hash_weights
from ..models.loader import BaseModel
from .adapter_files import AdapterFile, load_adapter_file
from .naming import SUFFIX_ROLES
from .reading import get_networks

EncoderVectors = Mapping[str, Tensor]
"""Of a token, `[vectors, width]` each, by `clip_l`, `clip_g` or, where its file is for one text encoder, ``""``."""

ENCODERS: Final[Mapping[str, str]] = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}

_PLAIN: Final = ("emb_params", "string_to_param.*")
"""What kohya's tools and A1111 call the vectors of a file's only token."""


@dataclass(frozen=True, eq=False, slots=True)
class TokenEmbedding:
    """A token that stands for vectors of its own."""

    name: str
    sha256: str
    rows: Mapping[str, Tensor]
    """`[vectors, width]` by text encoder: `text_encoder`, `text_encoder_2`."""

    @property
    def count(self) -> int:
        """How many places of a chunk it takes."""
        return len(next(iter(self.rows.values())))

    @property
    def summary(self) -> str:
        """What was read, in words."""
        return f"token, {self.count} vector{'s' * (self.count != 1)}"


def read_embedding(adapter: Adapter, base: BaseModel, span: Span) -> TokenEmbedding:
    """Load a token for a model; raises `PromptError` unless it has vectors for each of its text encoders."""
    subject = FileRef(adapter.file, span, f"the token `<{adapter.name}>`")
    contents = load_adapter_file(subject)
    vectors = _vectors(contents, adapter.name, subject)
    widths = {
        part: each.config.hidden_size for part, each in get_networks(base).items() if part != "unet"
    }
    rows = {_encoder(name, widths): _matrix(each, subject) for name, each in vectors.items()}
    problem = _problem(rows, widths, base.name, subject)
    if problem is not None:
        raise PromptError([problem])
    return TokenEmbedding(
        adapter.name, hash_weights(adapter.file), {part: rows[part] for part in widths}
    )


@contextmanager
def insert_embeddings(text_encoder: Any, rows: Mapping[int, Tensor]) -> Iterator[None]:
    """While it lasts, the embeddings from each place on are a token's rows; the table and the tokenizer stay."""

    def hook(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        found = output.clone()
        for place, each in rows.items():
            found[:, place : place + len(each)] = each.to(found)
        return found

    handle = text_encoder.get_input_embeddings().register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _vectors(contents: AdapterFile, name: str, subject: FileRef) -> EncoderVectors:
    bundled = [key for key in contents.tensors if key.startswith(BUNDLED_TOKEN_PREFIX)]
    if bundled:
        tokens: dict[str, dict[str, Tensor]] = {}
        for key in bundled:
            token, end = _divided(key.removeprefix(BUNDLED_TOKEN_PREFIX))
            tokens.setdefault(token, {})[end] = contents.tensors[key]
        return _known(tokens[_chosen(tokens, name, subject)])
    found = {key: each for key, each in contents.tensors.items() if each.dim() in (1, 2)}
    if not found or any(key.endswith(tuple(SUFFIX_ROLES)) for key in found):
        raise PromptError([wrong.no_vectors(subject)])
    if known := _known(found):
        return known
    return {"": found[_chosen(found, name, subject)]}


def _divided(key: str) -> tuple[str, str]:
    """``<sks>.string_to_param.*``: the token, which may have points in it, and what the tensor is to it."""
    ending = next(
        (each for each in (*_PLAIN, *ENCODERS) if key.endswith(f".{each}")), key.rsplit(".", 1)[-1]
    )
    return key.removesuffix(f".{ending}"), ending


def _known(found: Mapping[str, Tensor]) -> EncoderVectors:
    named = {key: each for key, each in found.items() if key in ENCODERS or key.startswith("t5")}
    plain = next((key for key in _PLAIN if key in found), None)
    return named if plain is None else {"": found[plain]}


def _chosen(tokens: Mapping[str, object], name: str, subject: FileRef) -> str:
    """The only one, or the one of that name; with or without its brackets."""
    same = [token for token in tokens if token.strip("<>").lower() == name.lower()]
    if not same and len(tokens) > 1:
        raise PromptError([wrong.several_tokens(subject, [*tokens])])
    return same[0] if same else next(iter(tokens))


def _encoder(name: str, widths: Mapping[str, int]) -> str:
    """A file for one text encoder is for the first."""
    return ENCODERS.get(name, name) or next(iter(widths))


def _matrix(tensor: Tensor, subject: FileRef) -> Tensor:
    matrix = torch.atleast_2d(tensor.float())
    if matrix.dim() != 2 or not matrix.numel():
        raise PromptError([wrong.no_vectors(subject)])
    if len(matrix) > CHUNK_LENGTH:
        raise PromptError([wrong.too_many_vectors(subject, len(matrix), CHUNK_LENGTH)])
    return matrix.contiguous()


def _problem(
    rows: Mapping[str, Tensor], widths: Mapping[str, int], model: str, subject: FileRef
) -> Diagnostic | None:
    """Where the vectors are not exactly those that the model's text encoders read."""
    strange = rows.keys() - widths.keys()
    if strange:
        return wrong.wrong_model_family(
            subject,
            SDXL.name if strange == {"text_encoder_2"} else f"{SD3.name} or {FLUX.name}",
            model,
        )
    for part, matrix in rows.items():
        if matrix.shape[1] != widths[part]:
            return _of_width(matrix.shape[1], widths[part], model, subject)
    if rows.keys() != widths.keys() or len({len(matrix) for matrix in rows.values()}) > 1:
        return wrong.single_encoder_token(subject, model)
    return None


def _of_width(width: int, wanted: int, model: str, subject: FileRef) -> Diagnostic:
    family = find_family_by_width(width)
    if family is not None:
        return wrong.wrong_model_family(subject, family.name, model)
    return wrong.width_mismatch(subject, width, model, wanted)
