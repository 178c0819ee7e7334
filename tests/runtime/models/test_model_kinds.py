"""Kinds of model files by the names of their tensors."""

from __future__ import annotations

import pytest

from promptlang.inspection.model_kinds import find_model_kind, pipeline_kind
from tests.runtime.models.key_lists import CLASSES, PUBLISHED, class_shapes

PREFIX = "model.diffusion_model."


@pytest.mark.parametrize("name", CLASSES)
def test_a_network_of_diffusers_is_named(name: str) -> None:
    assert find_model_kind(class_shapes(name)) == CLASSES[name][0]


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_published_file_is_named(kind: str) -> None:
    shapes = PUBLISHED[kind]
    assert find_model_kind(shapes) == kind
    assert find_model_kind(dict(reversed(shapes.items()))) == kind


@pytest.mark.parametrize(
    "kind",
    ["Flux", "Qwen-Image", "HiDream", "Wan", "Z-Image", "Lumina", "Chroma", "Stable Diffusion 3.5"],
)
def test_comfyuis_prefix_changes_nothing(kind: str) -> None:
    shapes = {PREFIX + key: shape for key, shape in PUBLISHED[kind].items()}
    assert find_model_kind(shapes) == kind


def test_a_text_encoder_without_its_prefix_is_no_autoencoder() -> None:
    shapes = {f"encoder.layers.{i}.self_attn.q_proj.weight": (8, 8) for i in range(2)}
    assert find_model_kind(shapes) == "a text encoder (CLIP)"
    assert find_model_kind({"decoder.layers.2.conv.0.weight": (8, 8, 3, 3)}) == (
        "an autoencoder for previews (TAESD)"
    )


def test_other_files_have_no_kind() -> None:
    assert find_model_kind({}) is None
    assert find_model_kind({"weight": (1,)}) is None


def test_a_pipeline_without_a_usual_name_goes_by_its_class() -> None:
    assert pipeline_kind("FluxFillPipeline") == "Flux for inpainting"
    assert pipeline_kind("SomeNewPipeline") == "SomeNew"
