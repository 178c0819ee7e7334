"""Textual inversion: rows beside the table of embeddings learn. Neither it nor the tokenizer is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from promptlang.chunks import Vectors
from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import unknown_word
from promptlang.plan import Train
from promptlang.source import Span
from promptlang.teaching import TextualInversion

from ..adapters import write_tensors
from ..conditioning import Tokens, vocabulary_of
from ..models import BaseModel
from .learner import Chunks, Learner
from .precision import frozen, numbers
from .texts import states

ROWS = "emb_params"
"""What A1111 and kohya's scripts call them in a file."""


@contextmanager
def learner(step: Train, method: TextualInversion, base: BaseModel) -> Iterator[Learner]:
    """Rows that start as those of a word; raises `PromptError` where the word is none."""
    rows = fresh(method, base, step.span)
    dtype = numbers(step, base.place.device)
    with frozen(step, base, dtype) as unet:
        yield Learner(
            unet=unet,
            write=partial(_write, rows),
            learned={ROWS: rows},
            text_learned={},
            device=base.place.device,
            dtype=dtype,
            encode=partial(encode, base.text_encoder, step.course.clip_skip, rows),
            tokens={method.token: rows},
            report=partial(report, rows, base),
            notes=notes(method),
        )


def with_token(known: Tokens, method: TextualInversion) -> Tokens:
    """A tokenizer that also knows the token."""
    written = re.compile(re.escape(f"<{method.token}>"))
    vectors = Vectors(method.token, method.vectors)

    def tokenize(text: str) -> Sequence[int | Vectors]:
        before, *others = written.split(text)
        found: list[int | Vectors] = [*known.tokenize(before)]
        for other in others:
            found += [vectors, *known.tokenize(other)]
        return found

    return replace(known, tokenize=tokenize)


def fresh(method: TextualInversion, base: BaseModel, span: Span) -> nn.Parameter:
    """Rows `[vectors, channels]` of the word's tokens in turn; without one the table's mean, as long as a row is.

    Raises `PromptError` where the word has no tokens.
    """
    table = base.text_encoder.get_input_embeddings().weight.detach().float()
    if not method.init:
        mean = table.mean(0)
        return nn.Parameter((mean / mean.norm() * table.norm(dim=1).median()).repeat(method.vectors, 1))
    ids = [token for token in vocabulary_of(base.tokenizer).tokenize(method.init) if isinstance(token, int)]
    if not ids:
        raise PromptError([unknown_word(method.init, span)])
    return nn.Parameter(table[[ids[at % len(ids)] for at in range(method.vectors)]].clone())


def notes(method: TextualInversion) -> dict[str, str]:
    """What a file says of the token in it."""
    return {"modelspec.trigger_phrase": f"<{method.token}>", "ss_num_vectors_per_token": str(method.vectors)}


def encode(text_encoder: CLIPTextModel, layer: int, rows: Tensor, chunks: Chunks) -> Tensor:
    """Hidden states, the rows standing at the token's places; the text encoder is only run."""
    places = [
        (chunk, 1 + at + row, row)
        for chunk, each in enumerate(chunks)
        for at, vectors in each.vectors
        for row in range(vectors.count)
    ]
    if not places:
        return states(text_encoder, layer, chunks)
    chunk, position, row = torch.tensor(places).T

    def put(_module: nn.Module, _inputs: tuple[Tensor], embedded: Tensor) -> Tensor:
        return embedded.index_put((chunk, position), rows[row])

    with text_encoder.get_input_embeddings().register_forward_hook(put):
        return states(text_encoder, layer, chunks)


def _write(rows: Tensor, file: Path, metadata: Mapping[str, str]) -> None:
    write_tensors(file, {ROWS: rows.detach().clone()}, metadata)


def report(rows: Tensor, base: BaseModel) -> Iterator[str]:
    """How long the rows are, beside those of words."""
    table = base.text_encoder.get_input_embeddings().weight
    lengths = ", ".join(f"{length:.3f}" for length in rows.detach().norm(dim=1).tolist())
    yield f"length of its vectors: {lengths}; half of the words' are shorter than {table.norm(dim=1).median():.3f}"
