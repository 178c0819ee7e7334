"""A training's model and loss without its loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from promptlang.plan.steps import Train
from promptlang.plan.training_config import token_of
from promptlang.runtime.adapters import TokenEmbedding
from promptlang.runtime.conditioning.text_encoder import build_encoding_options
from promptlang.runtime.distributed import SINGLE_PROCESS
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.sampling.loaded_model import LoadedModel
from promptlang.runtime.training.data.caption_conditioning import (
    build_caption_conditioning,
    build_caption_encoders,
)
from promptlang.runtime.training.data.latent_cache import DatasetEncoder
from promptlang.runtime.training.data.training_data import (
    EncodedData,
    encode_data,
    load_training_data,
)
from promptlang.runtime.training.methods.registry import prepare_trainable
from promptlang.runtime.training.objective.build import build_training_loss
from promptlang.runtime.training.objective.training_loss import TrainingLoss
from promptlang.runtime.training.setup import TrainingSetup
from promptlang.runtime.training.trainable import TrainableModel
from tests.runtime.conftest import returned


def setup_of(step: Train, base: BaseModel) -> TrainingSetup:
    return TrainingSetup(base, step.config, step.span, step.span_of, bool(step.samples))


def prepare(step: Train, base: BaseModel) -> AbstractContextManager[TrainableModel]:
    """The model of a training within the context."""
    return prepare_trainable(setup_of(step, base))


def encode(step: Train, base: BaseModel) -> EncodedData:
    """The pictures of a training, encoded."""
    data = load_training_data(step.config, step.span_of)
    encoder = DatasetEncoder(base, step.span_of("from"), step.config.seed)
    return returned(encode_data(data, step.config.data, encoder))


def training_loss(
    step: Train, base: BaseModel, model: TrainableModel, known: Sequence[TokenEmbedding] = ()
) -> TrainingLoss:
    """The loss of a training, whose captions may name known tokens."""
    data, token = load_training_data(step.config, step.span_of), token_of(step.config.method)
    encoders = [each.with_extra_embeddings(known) for each in LoadedModel.of(base).encoders]
    options = build_encoding_options(encoders, step.config.clip_skip, step.span)
    conditioning = build_caption_conditioning(
        base,
        build_caption_encoders(encoders, options, token, model.encoders),
        data.captions,
        token,
        step.span,
    )
    setup = setup_of(step, base)
    return build_training_loss(model, conditioning, encode(step, base), setup, SINGLE_PROCESS)
