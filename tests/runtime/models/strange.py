"""Small checkpoints of each family, changed as other tools and accidents change them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.plan.steps import Model
from promptlang.runtime.models import families, loader
from promptlang.runtime.models.base_model import BaseModel
from promptlang.runtime.models.families import SD1, SD2, SDXL, Family
from promptlang.source import Source
from tests.runtime.small import original, small

UNET = "model.diffusion_model."
FAMILIES = {"sd1": SD1, "sd2": SD2, "sdxl": SDXL}
SPAN = Source("use model x", "<test>").span(0, 11)


class SmallModels:
    """A small pipeline of each family: its folder, and its tensors in the original layout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()
        self.pipelines: dict[str, DiffusionPipeline] = {}
        self.tensors: dict[str, dict[str, Tensor]] = {}
        for name in FAMILIES:
            self.pipelines[name] = small(name)
            self.pipelines[name].save_pretrained(folder / name)
            self.tensors[name] = original(self.pipelines[name])

    @property
    def small_families(self) -> tuple[Family, ...]:
        """The families in the sizes of the small pipelines."""
        return tuple(replace(each, config=self.folder / name) for name, each in FAMILIES.items())

    def save(
        self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
    ) -> Path:
        """Write a file with a name of its own."""
        file = self.folder / f"file{next(self.numbers)}.safetensors"
        whole = {key: each.contiguous().clone() for key, each in tensors.items()}
        save_file(whole, file, dict(metadata or {}))
        return file


def load(path: Path, **options: str | Path) -> BaseModel | str:
    """Return the loaded model, or the message of its refusal after the model's name."""
    try:
        return loader.load_model(Model("x", path, **options), SPAN)
    except PromptError as error:
        (problem,) = error.diagnostics
        assert problem.code == "PL303"
        assert len(problem.message) < 600
        return problem.message.partition(" cannot be used")[2].removeprefix(" as a model: ")


def loaded(path: Path, **options: str | Path) -> BaseModel:
    """Return the loaded model; fails if it is refused."""
    result = load(path, **options)
    assert isinstance(result, BaseModel), result
    return result


def scaled(
    tensors: Mapping[str, Tensor],
    ending: str,
    kind: torch.dtype = torch.float8_e4m3fn,
    *,
    rows: bool = False,
    keep: Callable[[str], bool] = lambda key: key.startswith(UNET),
) -> dict[str, Tensor]:
    """Store each matrix as `stored · scale`, the scale beside it."""
    found: dict[str, Tensor] = {}
    most = torch.finfo(kind).max if kind.is_floating_point else 127
    for key, each in tensors.items():
        if not (keep(key) and key.endswith(".weight") and each.dim() >= 2):
            found[key] = each
            continue
        size = each.flatten(1).abs().amax(1) if rows else each.abs().max()
        scale = size.float().clamp_min(1e-12) / most
        stored = each / scale.reshape(-1, *[1] * (each.dim() - 1)) if rows else each / scale
        found[key] = (stored if kind.is_floating_point else stored.round()).to(kind)
        found[key.removesuffix(".weight") + ending] = scale
    return found


def multiplied(tensors: Mapping[str, Tensor], ending: str) -> dict[str, Tensor]:
    """Return the tensors with each scale multiplied, computed apart from the reader."""
    found = {}
    for key, each in tensors.items():
        if key.endswith(ending):
            continue
        scale = tensors.get(key.removesuffix(".weight") + ending)
        if scale is None or not key.endswith(".weight"):
            found[key] = each.float()
        else:
            shape = [len(scale), *[1] * (each.dim() - 1)] if scale.dim() else []
            found[key] = each.float() * scale.reshape(shape)
    return found


def weights(model: BaseModel) -> dict[str, Tensor]:
    """Return all weights of a model by part and name."""
    parts = {"unet": model.unet, "vae": model.vae, **model.text_encoders}
    return {
        f"{part}.{key.removeprefix('text_model.')}": value
        for part, network in parts.items()
        for key, value in network.state_dict().items()
    }


def same(one: BaseModel, other: BaseModel) -> bool:
    """Return whether two models have equal weights."""
    ours, theirs = weights(one), weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def shrink(models: SmallModels, monkeypatch: object) -> None:
    """Give the families the sizes of the small pipelines."""
    monkeypatch.setattr(families, "FAMILIES", models.small_families)  # type: ignore[attr-defined]
