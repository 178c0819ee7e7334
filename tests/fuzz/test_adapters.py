"""Adapters in every layout: applied by the formula of their kind, or refused by their keys."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from promptlang.diagnostics import PromptError
from promptlang.plan.steps import Adapter
from promptlang.runtime.adapters import read_lora
from promptlang.runtime.adapters.ldm_keys import ldm_names
from promptlang.source import Source
from tests.fuzz.adapter_kinds import KINDS, Made, numbers
from tests.fuzz.conftest import Cases

pytestmark = pytest.mark.torch

SPAN = Source("a cat").span(0, 5)


def text_encoder(kind: type) -> nn.Module:
    config = CLIPTextConfig(
        vocab_size=20,
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=8,
    )
    return kind(config).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def base() -> Any:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 12),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2,
        cross_attention_dim=16,
    )
    unet.register_to_config(cross_attention_dim=2048)  # the mark of SDXL
    return SimpleNamespace(
        name="small",
        unet=unet.eval().requires_grad_(False),
        text_encoder=text_encoder(CLIPTextModel),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection),
    )


def flat(name: str) -> str:
    return name.replace(".", "_")


def clip(name: str) -> str:
    return "text_model." + name.removeprefix("text_model.")


UNET: tuple[Callable[[str, str], str], ...] = (
    lambda name, _: "lora_unet_" + flat(name),
    lambda _, ldm: "lora_unet_" + flat(ldm),
    lambda name, _: "oft_unet_" + flat(name),
    lambda name, _: "lycoris_" + flat(name),
    lambda name, _: "unet." + name,
    lambda name, _: "base_model.model." + name,
    lambda _, ldm: "diffusion_model." + ldm,
    lambda name, _: "lora_unet." + name,
    lambda name, _: name,
)
"""Names of a module by its name in diffusers and in the original code."""

FIRST: tuple[Callable[[str], str], ...] = (
    lambda name: "lora_te_" + flat(clip(name)),
    lambda name: "lora_te1_" + flat(clip(name)),
    lambda name: "text_encoder." + clip(name),
    lambda name: "text_encoder." + name,
    lambda name: "text_encoders.clip_l.transformer." + clip(name),
    lambda name: "clip_l.transformer." + clip(name),
    lambda name: "clip_l." + clip(name),
)
SECOND: tuple[Callable[[str], str], ...] = (
    lambda name: "lora_te2_" + flat(clip(name)),
    lambda name: "text_encoder_2." + clip(name),
    lambda name: "text_encoders.clip_g.transformer." + clip(name),
    lambda name: "clip_g." + clip(name),
)


def names_of(part: str, module: str, original: dict[str, str]) -> list[str]:
    """Return the names of a module in the layouts of all tools."""
    if part == "unet":
        return [make(module, original.get(module, module)) for make in UNET]
    return [make(module) for make in (FIRST if part == "text_encoder" else SECOND)]


Target = tuple[str, str]


class File:
    """The tensors of one generated adapter, and what they make of the model."""

    def __init__(self, draw: random.Random, base: Any, targets: list[Target]) -> None:
        self.draw, self.base = draw, base
        self.original = ldm_names(base.unet)
        self.tensors: dict[str, Tensor] = {}
        self.made: dict[Target, Made] = {}
        self.stems: dict[Target, str] = {}
        for target in draw.sample(targets, draw.randrange(1, 4)):
            self.made[target] = KINDS[draw.choice([*KINDS])](draw, self.weight(target).shape)
            self.stems[target] = draw.choice(names_of(*target, self.original))
            self.add(self.stems[target], self.made[target].tensors)

    def weight(self, target: Target) -> Tensor:
        weight: Tensor = getattr(self.base, target[0]).get_submodule(target[1]).weight
        return weight

    def add(self, stem: str, tensors: dict[str, Tensor]) -> None:
        half = self.draw.random() < 0.1
        for end, each in tensors.items():
            stored = each.half() if half and each.is_floating_point() else each
            self.tensors[f"{stem}.{end}"] = stored

    def expected(self, target: Target) -> Tensor:
        stem = self.stems[target]
        stored = {end: self.tensors[f"{stem}.{end}"] for end in self.made[target].tensors}
        return self.made[target].weight(
            {end: each.float() for end, each in stored.items()}, self.weight(target)
        )

    def spoil(self) -> set[str]:
        """Damage the file; return words of which the refusal names one."""
        target = self.draw.choice([*self.made])
        stem, made = self.stems[target], self.made[target]
        needed = [end for end in made.tensors if end not in made.optional]
        return self.draw.choice(
            [
                self._drop,
                self._double,
                self._mix,
                self._stranger,
                self._widen,
                self._alpha,
                self._nan,
            ]
        )(target, stem, needed)

    def _drop(self, target: Target, stem: str, needed: list[str]) -> set[str]:
        end = self.draw.choice(needed)
        del self.tensors[f"{stem}.{end}"]
        rest = {key for key in self.tensors if key.startswith(f"{stem}.")}
        return {target[1], stem, *rest} if rest else set()

    def _double(self, target: Target, stem: str, needed: list[str]) -> set[str]:
        others = [each for each in names_of(*target, self.original) if each != stem]
        other = self.draw.choice(others)
        end = self.draw.choice(needed)
        if f"{other}.{end}" in self.tensors:
            return self._nan(target, stem, needed)
        self.tensors[f"{other}.{end}"] = self.tensors[f"{stem}.{end}"].clone()
        return {other}

    def _mix(self, target: Target, stem: str, _needed: list[str]) -> set[str]:
        mine = self.made[target].tensors.keys()
        kinds = [KINDS[each](self.draw, self.weight(target).shape) for each in ("LoHa", "HRA")]
        other = next(each for each in kinds if mine.isdisjoint(each.tensors.keys() - {"alpha"}))
        self.add(stem, {end: each for end, each in other.tensors.items() if end != "alpha"})
        return {stem}

    def _stranger(self, _target: Target, stem: str, _needed: list[str]) -> set[str]:
        key = self.draw.choice(
            [
                "lora_unet_nowhere.lora_down.weight",
                f"{stem}.unheard_of",
                "nothing",
                f"{stem}x.alpha",
            ]
        )
        self.tensors[key] = torch.ones(2, 2)
        return {"nowhere", stem, "nothing"}

    def _widen(self, target: Target, stem: str, needed: list[str]) -> set[str]:
        end = self.draw.choice(needed)
        old = self.tensors[f"{stem}.{end}"]
        if end == "on_input" or old.dim() == 0:
            return self._nan(target, stem, needed)
        axis = 0 if end == "hra_u" else self.draw.randrange(old.dim())  # more reflections fit
        more = old.narrow(axis, 0, 1).repeat_interleave(11, axis)
        self.tensors[f"{stem}.{end}"] = torch.cat([old, more], axis)
        return {stem, target[1]}

    def _alpha(self, _target: Target, stem: str, _needed: list[str]) -> set[str]:
        self.tensors[f"{stem}.alpha"] = torch.ones(2)
        return {f"{stem}.alpha"}

    def _nan(self, target: Target, stem: str, needed: list[str]) -> set[str]:
        end = self.draw.choice(needed)
        old = self.tensors[f"{stem}.{end}"]
        if not old.is_floating_point():
            return self._alpha(target, stem, needed)
        self.tensors[f"{stem}.{end}"] = torch.full_like(old, torch.nan)
        return {f"{stem}.{end}"}


@pytest.fixture(scope="module")
def targets(base: Any) -> list[Target]:
    kinds = (nn.Linear, nn.Conv2d)
    return [
        (part, name)
        for part in ("unet", "text_encoder", "text_encoder_2")
        for name, module in getattr(base, part).named_modules()
        if isinstance(module, kinds)
        and min(module.weight.shape[:2]) > 4
        and name != "text_projection"
    ]


@torch.no_grad()
def test_a_file_is_applied_by_its_formula_or_refused_by_its_keys(
    cases: Cases, base: Any, targets: list[Target], tmp_path: Path
) -> None:
    path = tmp_path / "ink.safetensors"
    for number, draw in enumerate(cases):
        file = File(draw, base, targets)
        words = file.spoil() if draw.random() < 0.5 else set()
        save_file({key: each.contiguous().clone() for key, each in file.tensors.items()}, path)
        if words:
            with pytest.raises(PromptError) as caught:
                read_lora(Adapter("ink", path), base, SPAN)
            (problem,) = caught.value.diagnostics
            assert any(word in problem.message + str(problem.hint) for word in words), number
        elif file.tensors:
            check(file, read_lora(Adapter("ink", path), base, SPAN), number)


def check(file: File, lora: Any, number: int) -> None:
    """Compare each module's weight with the formula's."""
    found = {(part, name) for part, deltas in lora.deltas.items() for name in deltas}
    present = {
        target
        for target, stem in file.stems.items()
        if any(key.startswith(f"{stem}.") for key in file.tensors)
    }
    assert found == present, number
    for part, name in present:
        old = file.weight((part, name))
        new = old + lora.deltas[part][name].delta(old)
        assert torch.allclose(new, file.expected((part, name)), atol=1e-4, rtol=1e-3), (
            number,
            name,
        )


def test_the_formulas_change_weights() -> None:
    draw = random.Random(0)
    for name, make in KINDS.items():
        for shape in (torch.Size((8, 12)), torch.Size((8, 8, 3, 3))):
            made, old = make(draw, shape), numbers(draw, *shape)
            assert (
                made.weight({k: v.float() for k, v in made.tensors.items()}, old) - old
            ).abs().max() > 1e-3, name
