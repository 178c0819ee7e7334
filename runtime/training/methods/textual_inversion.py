"""Textual inversion: rows beside the table of embeddings learn. Neither it nor the tokenizer is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from torch import Tensor, nn

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import init_word_truncated, unknown_init_word
from promptlang.plan.steps import Train
from promptlang.plan.training_config import TextualInversion, token_of
from promptlang.prompts.chunks import EmbeddingPlaceholder
from promptlang.source import Span

from ...adapters import write_tensors
from ...adapters.embeddings import ENCODERS
from ...conditioning.text_encoder import TokenVocabulary, build_vocabulary
from ...models.families import TextEncoderSpec
from ...models.loader import BaseModel
from ..data.captions import encode_chunks
from ..optim.precision import compute_dtype, frozen_unet
from ..trainable import Encode, TrainableModel

T = TypeVar("T")

EMBEDDING_KEY = "emb_params"
"""What A1111 and kohya's scripts call the rows in a file for one text encoder."""

LearnedEmbeddings = Mapping[str, nn.Parameter]
"""`[vectors, channels]` for each text encoder, by the part of the model."""


@contextmanager
def prepare_textual_inversion(
    step: Train, method: TextualInversion, base: BaseModel
) -> Iterator[TrainableModel]:
    """Rows that start as those of a word; raises `PromptError` where the word is none."""
    rows = init_embeddings(method, base, step.span_of("init"))
    dtype = compute_dtype(step, base.placement.device)
    with frozen_unet(step, base, dtype) as unet:
        yield TrainableModel(
            unet=unet,
            write=partial(_write, rows),
            main_parameters=with_file_keys(rows),
            text_encoder_parameters={},
            device=base.placement.device,
            dtype=dtype,
            encoders=token_encode_functions(step, base, rows),
            tokens={method.token: rows},
            report=partial(describe_embeddings, rows, base),
            notes=token_metadata(method),
        )


def with_token(known: TokenVocabulary, method: TextualInversion) -> TokenVocabulary:
    """A tokenizer that also knows the token."""
    written = re.compile(re.escape(f"<{method.token}>"))
    vectors = EmbeddingPlaceholder(method.token, method.vectors)

    def tokenize(text: str) -> Sequence[int | EmbeddingPlaceholder]:
        before, *others = written.split(text)
        found: list[int | EmbeddingPlaceholder] = [*known.tokenize(before)]
        for other in others:
            found += [vectors, *known.tokenize(other)]
        return found

    return replace(known, tokenize=tokenize)


def init_embeddings(method: TextualInversion, base: BaseModel, span: Span) -> LearnedEmbeddings:
    """Those of the word's tokens in turn; without one the table's mean, as long as a row is.

    Raises `PromptError` where the word has no tokens.
    """
    return {
        reader.component: _init_embedding(method, base, reader, span)
        for reader in base.family.text_encoder_specs
    }


def _init_embedding(
    method: TextualInversion, base: BaseModel, reader: TextEncoderSpec, span: Span
) -> nn.Parameter:
    table = _table(base, reader.component).detach().float()
    if not method.init:
        mean = table.mean(0)
        return nn.Parameter(
            (mean / mean.norm() * table.norm(dim=1).median()).repeat(method.vectors, 1)
        )
    ids = _init_token_ids(method, base, reader)
    if not ids:
        raise PromptError([unknown_init_word(method.init, span)])
    return nn.Parameter(table[[ids[at % len(ids)] for at in range(method.vectors)]].clone())


def _init_token_ids(
    method: TextualInversion, base: BaseModel, reader: TextEncoderSpec
) -> list[int]:
    """The tokens of the word."""
    tokenize = build_vocabulary(getattr(base, reader.tokenizer)).tokenize
    return [token for token in tokenize(method.init) if isinstance(token, int)]


def diagnose_init_word(step: Train, base: BaseModel) -> Iterator[Diagnostic]:
    """Complaints on a word to start from that is more tokens than there are vectors."""
    method = token_of(step.config.method)
    if method is None:
        return
    longest = max(
        len(_init_token_ids(method, base, reader)) for reader in base.family.text_encoder_specs
    )
    if longest > method.vectors:
        yield init_word_truncated(method.init, longest, method.vectors, step.span_of("init"))


def _table(base: BaseModel, part: str) -> Tensor:
    return getattr(base, part).get_input_embeddings().weight


def with_file_keys(rows: Mapping[str, T]) -> dict[str, T]:
    """By their names in a file."""
    if len(rows) == 1:
        return dict(zip([EMBEDDING_KEY], rows.values(), strict=True))
    return {name: rows[part] for name, part in ENCODERS.items()}


def token_metadata(method: TextualInversion) -> dict[str, str]:
    """What a file says of the token in it."""
    return {
        "modelspec.trigger_phrase": f"<{method.token}>",
        "ss_num_vectors_per_token": str(method.vectors),
    }


def token_encode_functions(
    step: Train,
    base: BaseModel,
    rows: LearnedEmbeddings,
    learning: Mapping[str, nn.Module] = MappingProxyType({}),
) -> dict[str, Encode]:
    """How each text encoder, or the one in its place that learns, too, reads the rows."""
    networks = {**base.text_encoders, **learning}
    token = token_of(step.config.method)
    assert token is not None
    return {
        reader.component: _with(
            {token.token: rows[reader.component]},
            partial(encode_chunks, networks[reader.component], reader, step.config.clip_skip),
        )
        for reader in base.family.text_encoder_specs
    }


def _with(own: Mapping[str, Tensor], read: Encode) -> Encode:
    """A text encoder that is only run, and rows that learn."""
    return lambda chunks, known: read(chunks, {**known, **own})


def _write(rows: LearnedEmbeddings, file: Path, metadata: Mapping[str, str]) -> None:
    write_tensors(
        file, {name: each.detach().clone() for name, each in with_file_keys(rows).items()}, metadata
    )


def describe_embeddings(rows: LearnedEmbeddings, base: BaseModel) -> Iterator[str]:
    """How long the rows are, beside those of words."""
    for part, each in rows.items():
        lengths = ", ".join(f"{length:.3f}" for length in each.detach().norm(dim=1).tolist())
        median = _table(base, part).norm(dim=1).median()
        where = f" for the {part.replace('_', ' ')}" if len(rows) > 1 else ""
        yield f"length of its vectors{where}: {lengths}; half of the words' are shorter than {median:.3f}"
