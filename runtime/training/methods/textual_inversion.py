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
from promptlang.diagnostics.training import only_first_tokens, unknown_word
from promptlang.plan.steps import Train
from promptlang.plan.training_config import TextualInversion, token_of
from promptlang.prompts.chunks import Vectors
from promptlang.source import Span

from ...adapters import write_tensors
from ...adapters.embeddings import ENCODERS
from ...conditioning.text_encoder import Tokens, vocabulary_of
from ...models.families import Reader
from ...models.loader import BaseModel
from ..data.captions import encode
from ..optim.precision import frozen, numbers
from ..trainable import Encode, Learner

T = TypeVar("T")

PLAIN = "emb_params"
"""What A1111 and kohya's scripts call the rows in a file for one text encoder."""

Rows = Mapping[str, nn.Parameter]
"""`[vectors, channels]` for each text encoder, by the part of the model."""


@contextmanager
def learner(step: Train, method: TextualInversion, base: BaseModel) -> Iterator[Learner]:
    """Rows that start as those of a word; raises `PromptError` where the word is none."""
    rows = fresh(method, base, step.at("init"))
    dtype = numbers(step, base.place.device)
    with frozen(step, base, dtype) as unet:
        yield Learner(
            unet=unet,
            write=partial(_write, rows),
            learned=named(rows),
            text_learned={},
            device=base.place.device,
            dtype=dtype,
            encoders=encoders(step, base, rows),
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


def fresh(method: TextualInversion, base: BaseModel, span: Span) -> Rows:
    """Those of the word's tokens in turn; without one the table's mean, as long as a row is.

    Raises `PromptError` where the word has no tokens.
    """
    return {reader.part: _fresh(method, base, reader, span) for reader in base.family.readers}


def _fresh(method: TextualInversion, base: BaseModel, reader: Reader, span: Span) -> nn.Parameter:
    table = _table(base, reader.part).detach().float()
    if not method.init:
        mean = table.mean(0)
        return nn.Parameter((mean / mean.norm() * table.norm(dim=1).median()).repeat(method.vectors, 1))
    ids = _begun(method, base, reader)
    if not ids:
        raise PromptError([unknown_word(method.init, span)])
    return nn.Parameter(table[[ids[at % len(ids)] for at in range(method.vectors)]].clone())


def _begun(method: TextualInversion, base: BaseModel, reader: Reader) -> list[int]:
    """The tokens of the word."""
    tokenize = vocabulary_of(getattr(base, reader.tokenizer)).tokenize
    return [token for token in tokenize(method.init) if isinstance(token, int)]


def too_long(step: Train, base: BaseModel) -> Iterator[Diagnostic]:
    """Complaints on a word to start from that is more tokens than there are vectors."""
    method = token_of(step.course.method)
    if method is None:
        return
    longest = max(len(_begun(method, base, reader)) for reader in base.family.readers)
    if longest > method.vectors:
        yield only_first_tokens(method.init, longest, method.vectors, step.at("init"))


def _table(base: BaseModel, part: str) -> Tensor:
    return getattr(base, part).get_input_embeddings().weight


def named(rows: Mapping[str, T]) -> dict[str, T]:
    """By their names in a file."""
    if len(rows) == 1:
        return dict(zip([PLAIN], rows.values(), strict=True))
    return {name: rows[part] for name, part in ENCODERS.items()}


def notes(method: TextualInversion) -> dict[str, str]:
    """What a file says of the token in it."""
    return {"modelspec.trigger_phrase": f"<{method.token}>", "ss_num_vectors_per_token": str(method.vectors)}


def encoders(
    step: Train, base: BaseModel, rows: Rows, learning: Mapping[str, nn.Module] = MappingProxyType({})
) -> dict[str, Encode]:
    """How each text encoder, or the one in its place that learns, too, reads the rows."""
    networks = {**base.text_encoders, **learning}
    token = token_of(step.course.method)
    assert token is not None
    return {
        reader.part: _with(
            {token.token: rows[reader.part]}, partial(encode, networks[reader.part], reader, step.course.clip_skip)
        )
        for reader in base.family.readers
    }


def _with(own: Mapping[str, Tensor], read: Encode) -> Encode:
    """A text encoder that is only run, and rows that learn."""
    return lambda chunks, known: read(chunks, {**known, **own})


def _write(rows: Rows, file: Path, metadata: Mapping[str, str]) -> None:
    write_tensors(file, {name: each.detach().clone() for name, each in named(rows).items()}, metadata)


def report(rows: Rows, base: BaseModel) -> Iterator[str]:
    """How long the rows are, beside those of words."""
    for part, each in rows.items():
        lengths = ", ".join(f"{length:.3f}" for length in each.detach().norm(dim=1).tolist())
        median = _table(base, part).norm(dim=1).median()
        where = f" for the {part.replace('_', ' ')}" if len(rows) > 1 else ""
        yield f"length of its vectors{where}: {lengths}; half of the words' are shorter than {median:.3f}"
