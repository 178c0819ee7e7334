"""Textual inversion: training of embedding vectors; text encoder and tokenizer stay unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from torch import Tensor, nn

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import init_word_truncated, unknown_init_word
from promptlang.plan.training_config import TextualInversion
from promptlang.source import Span

from ...adapters import write_tensors
from ...adapters.embeddings import ENCODERS
from ...conditioning.text_encoder import EncoderOutput, build_vocabulary
from ...models.families import TextEncoderSpec
from ...models.loader import BaseModel
from ..data.captions import encode_chunks
from ..setup import TrainingSetup
from ..trainable import Chunks, Encode, TokenEmbeddings, TrainableModel

_Value = TypeVar("_Value")

EMBEDDING_KEY: Final = "emb_params"
"""Key of the vectors in a file for one text encoder, as A1111 and kohya-ss/sd-scripts write it."""

LearnedEmbeddings = Mapping[str, nn.Parameter]
"""Trained vectors `[vectors, channels]` by text encoder."""


@contextmanager
def prepare_textual_inversion(
    method: TextualInversion, setup: TrainingSetup
) -> Iterator[TrainableModel]:
    """Create the trainable vectors; raise `PromptError` if the initial word has no tokens."""
    base, clip_skip = setup.base, setup.config.clip_skip
    embeddings = init_embeddings(method, base, setup.option_spans("init"))
    dtype = setup.compute_dtype()
    with setup.frozen_unet(dtype) as unet:
        yield TrainableModel(
            unet=unet,
            write=partial(_write, embeddings),
            main_parameters=with_file_keys(embeddings),
            text_encoder_parameters={},
            device=base.placement.device,
            dtype=dtype,
            encoders=token_encode_functions(method.token, embeddings, base, clip_skip),
            tokens={method.token: embeddings},
            report=partial(describe_embeddings, embeddings, base),
            notes=token_metadata(method),
        )


def init_embeddings(method: TextualInversion, base: BaseModel, span: Span) -> LearnedEmbeddings:
    """Return the initial vectors: those of the initial word's tokens, repeated in turn.

    Without a word, each vector is the mean of the embedding table at the median length of its rows.

    Raises:
        PromptError: if the word has no tokens.
    """
    return {
        spec.component: _init_embedding(method, base, spec, span)
        for spec in base.family.text_encoder_specs
    }


def _init_embedding(
    method: TextualInversion, base: BaseModel, spec: TextEncoderSpec, span: Span
) -> nn.Parameter:
    table = _embedding_table(base, spec.component).detach().float()
    if not method.init:
        mean = table.mean(0)
        vector = mean / mean.norm() * table.norm(dim=1).median()
        return nn.Parameter(vector.repeat(method.vectors, 1))
    ids = _init_token_ids(method, base, spec)
    if not ids:
        raise PromptError([unknown_init_word(method.init, span)])
    return nn.Parameter(table[[ids[at % len(ids)] for at in range(method.vectors)]].clone())


def _init_token_ids(method: TextualInversion, base: BaseModel, spec: TextEncoderSpec) -> list[int]:
    tokenize = build_vocabulary(getattr(base, spec.tokenizer)).tokenize
    return [token for token in tokenize(method.init) if isinstance(token, int)]


def diagnose_init_word(
    method: TextualInversion, base: BaseModel, span: Span
) -> Iterator[Diagnostic]:
    """Yield a warning if the initial word has more tokens than there are vectors."""
    specs = base.family.text_encoder_specs
    longest = max(len(_init_token_ids(method, base, spec)) for spec in specs)
    if longest > method.vectors:
        yield init_word_truncated(method.init, longest, method.vectors, span)


def _embedding_table(base: BaseModel, component: str) -> Tensor:
    text_encoder: Any = getattr(base, component)
    table: Tensor = text_encoder.get_input_embeddings().weight
    return table


def with_file_keys(embeddings: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return values by text encoder under their keys in a file."""
    if len(embeddings) == 1:
        (value,) = embeddings.values()
        return {EMBEDDING_KEY: value}
    return {key: embeddings[component] for key, component in ENCODERS.items()}


def token_metadata(method: TextualInversion) -> dict[str, str]:
    """Return the metadata entries of a trained token."""
    return {
        "modelspec.trigger_phrase": f"<{method.token}>",
        "ss_num_vectors_per_token": str(method.vectors),
    }


def token_encode_functions(
    token: str,
    embeddings: LearnedEmbeddings,
    base: BaseModel,
    clip_skip: int,
    trained: Mapping[str, nn.Module] = MappingProxyType({}),
) -> dict[str, Encode]:
    """Return, by text encoder, the encoding of chunks that may have a trained token.

    Args:
        token: The token, without angle brackets.
        embeddings: The token's vectors.
        base: The base model, whose text encoders are used unless a trained one replaces them.
        clip_skip: The layer that states are taken from, counted from the last, which is 1.
        trained: Text encoders that are trained as well, by component.
    """
    networks = {**base.text_encoders, **trained}
    return {
        spec.component: partial(
            _encode_with_token,
            partial(encode_chunks, networks[spec.component], spec, clip_skip),
            {token: embeddings[spec.component]},
        )
        for spec in base.family.text_encoder_specs
    }


def _encode_with_token(
    encode: Encode, trained: TokenEmbeddings, chunks: Chunks, frozen: TokenEmbeddings
) -> EncoderOutput:
    return encode(chunks, {**frozen, **trained})


def _write(embeddings: LearnedEmbeddings, file: Path, metadata: Mapping[str, str]) -> None:
    tensors = {key: vectors.detach().clone() for key, vectors in with_file_keys(embeddings).items()}
    write_tensors(file, tensors, metadata)


def describe_embeddings(embeddings: LearnedEmbeddings, base: BaseModel) -> Iterator[str]:
    """Yield a line for each text encoder on the lengths of the vectors and of the words'."""
    for component, vectors in embeddings.items():
        lengths = ", ".join(f"{length:.3f}" for length in vectors.detach().norm(dim=1).tolist())
        median = _embedding_table(base, component).norm(dim=1).median()
        where = f" for the {component.replace('_', ' ')}" if len(embeddings) > 1 else ""
        yield (
            f"norm of the token's vectors{where}: {lengths}; "
            f"the median of all words is {median:.3f}"
        )
