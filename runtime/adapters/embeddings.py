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
from promptlang.inspection.families import FLUX_FACTS, SD3_FACTS, SDXL_FACTS, find_family_by_width
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
"""Vectors `[vectors, width]` by `clip_l` and `clip_g`, or by ``""`` for one text encoder."""

ENCODERS: Final[Mapping[str, str]] = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
"""Text encoders by the keys of their vectors."""

_PLAIN: Final = ("emb_params", "string_to_param.*")
"""Keys of the vectors of a file's only token, of kohya's tools and of A1111."""


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
            token, end = _split_bundled(key.removeprefix(BUNDLED_TOKEN_PREFIX))
            tokens.setdefault(token, {})[end] = contents.tensors[key]
        return _known_vectors(tokens[_choose(tokens, name, subject)])
    found = {key: each for key, each in contents.tensors.items() if each.dim() in (1, 2)}
    if not found or any(key.endswith(tuple(SUFFIX_ROLES)) for key in found):
        raise PromptError([wrong.no_vectors(subject)])
    if known := _known_vectors(found):
        return known
    return {"": found[_choose(found, name, subject)]}


def _split_bundled(key: str) -> tuple[str, str]:
    """Split ``<sks>.string_to_param.*`` after the token, whose name may have points in it."""
    ending = next(
        (each for each in (*_PLAIN, *ENCODERS) if key.endswith(f".{each}")), key.rsplit(".", 1)[-1]
    )
    return key.removesuffix(f".{ending}"), ending


def _known_vectors(found: Mapping[str, Tensor]) -> EncoderVectors:
    named = {key: each for key, each in found.items() if key in ENCODERS or key.startswith("t5")}
    plain = next((key for key in _PLAIN if key in found), None)
    return named if plain is None else {"": found[plain]}


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
