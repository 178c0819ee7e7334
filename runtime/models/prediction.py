"""What a single file's network predicts, from every place where tools write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.files import UnreadableFileError, is_file, read_text
from promptlang.source import Span

from .leftovers import has_zero_terminal_snr
from .weight_files import Weights

V: Final = "v_prediction"
EPSILON: Final = "epsilon"

PREDICTIONS: Final[Mapping[str, str]] = {
    "epsilon": EPSILON,
    "eps": EPSILON,
    "noise": EPSILON,
    "epsscaling": EPSILON,
    "v": V,
    "v_prediction": V,
    "v-prediction": V,
    "vpred": V,
    "v_pred": V,
    "velocity": V,
    "vscaling": V,
}
"""What tools call the two kinds of prediction, in lower case."""

METADATA_KEYS: Final = ("modelspec.prediction_type", "modelspec.predict_key")
"""Where kohya and ComfyUI write the kind of prediction, by ModelSpec."""

ARCHITECTURES: Final = {"stable-diffusion-v2-768-v": V, "stable-diffusion-v2-512": EPSILON}
"""Architectures of ModelSpec that tell the kind of prediction."""

TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}

_YAML: Final = (
    re.compile(r"^[ \t]*[\"']?parameterization[\"']?:[ \t]*[\"']?([\w.-]+)", re.MULTILINE),
    re.compile(r"denoiser_scaling\.(\w+)"),
)
"""The kind of prediction in the configurations of CompVis and of Stability's generative models."""

MAX_YAML_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Statement:
    """A place that states what a network predicts."""

    prediction: str
    """`EPSILON`, `V`, or the word of a kind that cannot be used."""
    place: str
    """The place, as messages name it."""


def read_stated(weights: Weights, chosen: str, span: Span) -> dict[str, Any]:
    """Return the scheduler settings that a file, or a configuration beside it, states.

    `chosen` is the program's own word, `epsilon` or `v`, which settles what the places say. Raises
    `PromptError` for a kind of prediction that cannot be used, and for places that contradict each
    other.
    """
    found: dict[str, Any] = {}
    if chosen:
        found["prediction_type"] = PREDICTIONS[chosen]
    elif statements := list(_statements(weights, span)):
        found["prediction_type"] = _agreed(statements, weights.file, span)
    if _has_zero_snr(weights):
        found |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return found


def _agreed(statements: list[Statement], file: Path, span: Span) -> str:
    first = statements[0]
    for each in statements:
        if each.prediction not in (EPSILON, V):
            raise PromptError(
                [complaints.unsupported_prediction(file, each.prediction, each.place, span)]
            )
        if each.prediction != first.prediction:
            places = (first.place, each.place)
            raise PromptError([complaints.contradicting_predictions(file, places, span)])
    return first.prediction


def _statements(weights: Weights, span: Span) -> Iterator[Statement]:
    metadata, tensors = weights.metadata, weights.tensors
    for key in METADATA_KEYS:
        if metadata.get(key):
            yield _named(metadata[key], f"`{key}` in its metadata")
    architecture = metadata.get("modelspec.architecture", "")
    if architecture in ARCHITECTURES:
        yield Statement(ARCHITECTURES[architecture], f"`{architecture}` in its metadata")
    velocity = TRUTHS.get(metadata.get("ss_v_parameterization", "").lower())
    if velocity is not None:
        yield Statement(V if velocity else EPSILON, "`ss_v_parameterization` in its metadata")
    if "v_pred" in tensors:
        yield Statement(V, "its empty tensor `v_pred`")
    yield from _beside(weights.file, span)


def _named(word: str, place: str) -> Statement:
    return Statement(PREDICTIONS.get(word.strip().lower(), word.strip()), place)


def _beside(file: Path, span: Span) -> Iterator[Statement]:
    """Yield what a configuration with the file's name states, as A1111 reads it.

    Raises `PromptError` if the configuration cannot be read.
    """
    for ending in (".yaml", ".yml"):
        config = file.with_suffix(ending)
        if not is_file(config):
            continue
        try:
            text = read_text(config, MAX_YAML_BYTES)
        except UnreadableFileError as error:
            problem = complaints.neighbour_not_readable(file, str(error), span)
            raise PromptError([problem]) from error
        for pattern in _YAML:
            for word in pattern.findall(text):
                yield _named(word, f"`{config.name}` beside it")


def _has_zero_snr(weights: Weights) -> bool:
    stated = weights.metadata.get("ss_zero_terminal_snr", "").lower()
    return (
        "ztsnr" in weights.tensors
        or bool(TRUTHS.get(stated))
        or has_zero_terminal_snr(weights.tensors)
    )
