"""Textual inversion: token embeddings of a prompt's own, in every layout of files.

Gal et al. 2022, https://arxiv.org/abs/2208.01618
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import adapters as wrong
from promptlang.diagnostics.adapters import FileRef
from promptlang.inspection.adapter_kinds import TOKEN, detect_other_kind
from promptlang.inspection.families import FLUX_FACTS, SD3_FACTS, SDXL_FACTS, find_family_by_width
from promptlang.inspection.headers import (
    BUNDLED_TOKEN_PREFIX,
    OUTPUT_ENDING,
    VECTOR_ENDINGS,
    split_bundled_key,
)
from promptlang.plan.steps import Adapter
from promptlang.prompts.chunks import CHUNK_LENGTH
from promptlang.source import Span

from ..hashes import hash_weights
from ..models.loader import BaseModel
from .adapter_files import AdapterFile, load_adapter_file
from .naming import SUFFIX_ROLES
from .reading import get_networks

EncoderVectors = Mapping[str, Tensor]
"""Vectors `[vectors, width]` by `clip_l` and `clip_g`, or by ``""`` for one text encoder."""

ENCODERS: Final[Mapping[str, str]] = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
"""Text encoders by the keys of their vectors."""

_PLAIN: Final = tuple(each for each in VECTOR_ENDINGS if each not in ENCODERS)
"""Keys of the vectors of a file's only token, of kohya's tools and of A1111."""

_BESIDE: Final = ("string_to_token", "optimizer")
"""The beginnings of keys that tools write beside a token's vectors, and that say nothing of it."""


@dataclass(frozen=True, eq=False, slots=True)
class TokenEmbedding:
    """A token with vectors of its own in place of rows of the token table."""

    name: str
    sha256: str
    rows: Mapping[str, Tensor]
    """`[vectors, width]` by text encoder: `text_encoder`, `text_encoder_2`."""

    @property
    def count(self) -> int:
        """The number of positions in a chunk that the token takes."""
        return len(next(iter(self.rows.values())))

    @property
    def summary(self) -> str:
        """A description for reports."""
        return f"token, {self.count} vector{'s' * (self.count != 1)}"


def read_embedding(adapter: Adapter, base: BaseModel, span: Span) -> TokenEmbedding:
    """Load a token for a model.

    Raises `PromptError` unless the file has vectors for each of the model's text encoders.
    """
    subject = FileRef(adapter.file, span, f"the token `<{adapter.name}>`")
    contents = load_adapter_file(subject)
    vectors = _vectors(contents, adapter.name, subject)
    encoders: dict[str, Any] = {**get_networks(base)}
    del encoders["unet"]
    widths = {name: int(each.config.hidden_size) for name, each in encoders.items()}
    rows = {_encoder(name, widths): _matrix(each, subject) for name, each in vectors.items()}
    problem = _problem(rows, widths, base.name, subject)
    if problem is not None:
        raise PromptError([problem])
    return TokenEmbedding(
        adapter.name, hash_weights(adapter.file), {part: rows[part] for part in widths}
    )


@contextmanager
def insert_embeddings(text_encoder: Any, rows: Mapping[int, Tensor]) -> Iterator[None]:
    """Replace token embeddings by rows, from each position on, within the context.

    The token table and the tokenizer stay unchanged.
    """

    def hook(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        found = output.clone()
        for position, each in rows.items():
            found[:, position : position + len(each)] = each.to(found)
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
            token, end = split_bundled_key(key)
            tokens.setdefault(token, {})[end] = contents.tensors[key]
        known = _known_vectors(tokens[_choose(tokens, name, subject)], subject)
        if not known:
            raise PromptError([wrong.no_vectors(subject)])
        return known
    found = {
        key: each
        for key, each in contents.tensors.items()
        if each.dim() and not key.startswith(_BESIDE)
    }
    other = detect_other_kind({key: tuple(each.shape) for key, each in found.items()})
    if other is not None and other is not TOKEN:
        raise PromptError([wrong.other_kind(subject, other.name, other.remedy)])
    if not found or any(key.endswith(tuple(SUFFIX_ROLES)) for key in found):
        raise PromptError([wrong.no_vectors(subject)])
    if known := _known_vectors(found, subject):
        return known
    return {"": found[_choose(found, name, subject)]}


def _known_vectors(found: Mapping[str, Tensor], subject: FileRef) -> EncoderVectors:
    """Return the vectors under known keys, none of which may be left over.

    A file of diffusers' has the token itself for a key, so that the result may be empty.
    """
    outputs = [key for key in found if key.endswith(OUTPUT_ENDING)]
    if outputs:
        raise PromptError([wrong.output_vectors(subject, outputs)])
    named = {key: each for key, each in found.items() if key in ENCODERS or key.startswith("t5")}
    plain = next((key for key in _PLAIN if key in found), None)
    vectors = named if plain is None else {"": found[plain]}
    left = found.keys() - named.keys() - {plain}
    if vectors and left:
        raise PromptError([wrong.unknown_tensors(subject, sorted(left))])
    return vectors


def _choose(tokens: Mapping[str, object], name: str, subject: FileRef) -> str:
    """Return the token of a name, with or without brackets, or else the only one."""
    same = [token for token in tokens if token.strip("<>").lower() == name.lower()]
    if not same and len(tokens) > 1:
        raise PromptError([wrong.several_tokens(subject, [*tokens])])
    return same[0] if same else next(iter(tokens))


def _encoder(name: str, widths: Mapping[str, int]) -> str:
    """Return the text encoder of a key; a file for one text encoder is for the first."""
    return ENCODERS.get(name, name) or next(iter(widths))


def _matrix(tensor: Tensor, subject: FileRef) -> Tensor:
    matrix = tensor.float()
    if matrix.dim() < 2:
        matrix = matrix.reshape(1, -1)
    if matrix.dim() != 2 or not matrix.numel():
        raise PromptError([wrong.no_vectors(subject)])
    if len(matrix) > CHUNK_LENGTH:
        raise PromptError([wrong.too_many_vectors(subject, len(matrix), CHUNK_LENGTH)])
    return matrix.contiguous()


def _problem(
    rows: Mapping[str, Tensor], widths: Mapping[str, int], model: str, subject: FileRef
) -> Diagnostic | None:
    """Return the problem if the vectors are not exactly those that the text encoders read."""
    unknown = rows.keys() - widths.keys()
    if unknown:
        return wrong.wrong_model_family(
            subject,
            SDXL_FACTS.name
            if unknown == {"text_encoder_2"}
            else f"{SD3_FACTS.name} or {FLUX_FACTS.name}",
            model,
        )
    for part, matrix in rows.items():
        if matrix.shape[1] != widths[part]:
            return _other_width(matrix.shape[1], widths[part], model, subject)
    if rows.keys() != widths.keys() or len({len(matrix) for matrix in rows.values()}) > 1:
        return wrong.single_encoder_token(subject, model)
    return None


def _other_width(width: int, wanted: int, model: str, subject: FileRef) -> Diagnostic:
    family = find_family_by_width(width)
    if family is not None:
        return wrong.wrong_model_family(subject, family.name, model)
    return wrong.width_mismatch(subject, width, model, wanted)
