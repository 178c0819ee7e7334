"""Every algorithm gives the UNet's output with weights merged by hand, by the papers' formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from promptlang.runtime.adapters import Attachments
from tests.runtime.adapters.conftest import Read, predicted

CONV = "down_blocks.0.resnets.0.conv1"
LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
WIDE = "down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj"
ONES = "down_blocks.0.attentions.0.proj_in"
NORM = "down_blocks.0.attentions.0.transformer_blocks.0.norm1"
GROUPS = "down_blocks.0.resnets.0.norm1"

Made = tuple[dict[str, Tensor], Callable[[Tensor], Tensor]]
"""A module's tensors by the ends of their keys, and its new weight by its old one."""


def draw(*shape: int, seed: list[int] = [0]) -> Tensor:  # noqa: B006
    seed[0] += 1
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed[0])) * 0.3


def lora(out: int, into: int, *size: int) -> Made:
    down, up = draw(3, into, *size), draw(out, 3, *[1] * len(size))
    tensors = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(2.0)}
    return tensors, lambda w: w + 2 / 3 * (up.flatten(1) @ down.flatten(1)).view_as(w)


def without_alpha(out: int, into: int) -> Made:
    down, up = draw(3, into), draw(out, 3)
    return {"lora_down.weight": down, "lora_up.weight": up}, lambda w: w + (up @ down).view_as(w)


def as_a_convolution(out: int, into: int) -> Made:
    down, up = draw(3, into), draw(out, 3)
    tensors = {"lora_down.weight": down[..., None, None], "lora_up.weight": up[..., None, None]}
    return tensors, lambda w: w + (up @ down).view_as(w)


def tucker(out: int, into: int, *size: int) -> Made:
    down, mid, up = draw(3, into, 1, 1), draw(2, 3, *size), draw(out, 2, 1, 1)
    tensors = {
        "lora_down.weight": down,
        "lora_mid.weight": mid,
        "lora_up.weight": up,
        "alpha": torch.tensor(1.5),
    }
    change = torch.tensordot(
        up[:, :, 0, 0], torch.tensordot(mid, down[:, :, 0, 0], ([1], [0])), ([1], [0])
    )
    return tensors, lambda w: w + 1.5 / 3 * change.permute(0, 3, 1, 2)


def loha(out: int, into: int, *size: int) -> Made:
    inner = into * torch.Size(size).numel()
    a, b, c, d = draw(out, 2), draw(2, inner), draw(out, 2), draw(2, inner)
    tensors = {
        "hada_w1_a": a,
        "hada_w1_b": b,
        "hada_w2_a": c,
        "hada_w2_b": d,
        "alpha": torch.tensor(1.0),
    }
    return tensors, lambda w: w + 0.5 * ((a @ b) * (c @ d)).view_as(w)


def loha_with_cores(out: int, into: int, *size: int) -> Made:
    a, b, c, d, s, t = (
        draw(2, out),
        draw(2, into),
        draw(2, out),
        draw(2, into),
        draw(2, 2, *size),
        draw(2, 2, *size),
    )
    tensors = {
        "hada_w1_a": a,
        "hada_w1_b": b,
        "hada_w2_a": c,
        "hada_w2_b": d,
        "hada_t1": s,
        "hada_t2": t,
    }

    def whole(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
        return sum(
            core[i, j][None, None] * torch.outer(left[i], right[j])[..., None, None]
            for i in range(2)
            for j in range(2)
        )

    return tensors, lambda w: w + whole(s, a, b) * whole(t, c, d)


def lokr(out: int, into: int) -> Made:
    first, second = draw(2, 4), draw(out // 2, into // 4)
    tensors = {"lokr_w1": first, "lokr_w2": second, "alpha": torch.tensor(7.0)}
    rows = [torch.cat([first[i, j] * second for j in range(4)], dim=1) for i in range(2)]
    return tensors, lambda w: w + torch.cat(rows)


def lokr_of_low_rank(out: int, into: int, *size: int) -> Made:
    inner = into // 4 * torch.Size(size).numel()
    a, b, c, d = draw(2, 3), draw(3, 4), draw(out // 2, 3), draw(3, inner)
    tensors = {
        "lokr_w1_a": a,
        "lokr_w1_b": b,
        "lokr_w2_a": c,
        "lokr_w2_b": d,
        "alpha": torch.tensor(1.0),
    }
    second = (c @ d).view(out // 2, into // 4, *size)
    change = torch.einsum("ij,ab...->iajb...", a @ b, second).reshape(out, into, *size)
    return tensors, lambda w: w + 1 / 3 * change


def lokr_with_core(out: int, into: int, *size: int) -> Made:
    first, core, c, d = draw(2, 4), draw(3, 3, *size), draw(3, out // 2), draw(3, into // 4)
    tensors = {
        "lokr_w1": first,
        "lokr_t2": core,
        "lokr_w2_a": c,
        "lokr_w2_b": d,
        "alpha": torch.tensor(2.0),
    }
    second = torch.einsum("ijhw,ia,jb->abhw", core, c, d)
    change = torch.einsum("ij,abhw->iajbhw", first, second).reshape(out, into, *size)
    return tensors, lambda w: w + 2 / 3 * change


def dora(out: int, into: int, *size: int) -> Made:
    tensors, merged = lora(out, into, *size)
    magnitude = draw(out, *[1] * (1 + len(size))).abs() + 0.5

    def changed(w: Tensor) -> Tensor:
        whole = merged(w)
        return whole / whole.flatten(1).norm(dim=1).view_as(magnitude) * magnitude

    return {**tensors, "dora_scale": magnitude}, changed


def dora_of_columns(out: int, into: int) -> Made:
    tensors, merged = loha(out, into)
    magnitude = draw(1, into).abs() + 0.5
    return {
        **tensors,
        "dora_scale": magnitude,
    }, lambda w: merged(w) / merged(w).norm(dim=0) * magnitude


def dora_of_peft(out: int, into: int) -> Made:
    down, up, magnitude = draw(3, into), draw(out, 3), draw(out).abs() + 0.5

    def changed(w: Tensor) -> Tensor:
        return (w + up @ down) / (w + up @ down).norm(dim=1)[:, None] * magnitude[:, None]

    return {"lora_A.weight": down, "lora_B.weight": up, "lora_magnitude_vector": magnitude}, changed


def difference(*shape: int) -> Made:
    change = draw(*shape)
    return {"diff": change}, lambda w: w + change


CASES: dict[str, tuple[Made, str]] = {
    "LoRA": (lora(16, 16), LINEAR),
    "LoRA without alpha": (without_alpha(16, 16), LINEAR),
    "LoRA as a convolution of size 1": (as_a_convolution(16, 16), LINEAR),
    "LoRA of a convolution of size 1 as a matrix": (without_alpha(16, 16), ONES),
    "LoCon": (lora(16, 16, 3, 3), CONV),
    "LoCon with lora_mid": (tucker(16, 16, 3, 3), CONV),
    "LoHa": (loha(128, 16), WIDE),
    "LoHa of a convolution": (loha(16, 16, 3, 3), CONV),
    "LoHa with cores": (loha_with_cores(16, 16, 3, 3), CONV),
    "LoKr": (lokr(128, 16), WIDE),
    "LoKr of low rank": (lokr_of_low_rank(128, 16), WIDE),
    "LoKr of a convolution": (lokr_of_low_rank(16, 16, 3, 3), CONV),
    "LoKr with a core": (lokr_with_core(16, 16, 3, 3), CONV),
    "DoRA": (dora(128, 16), WIDE),
    "DoRA of a convolution": (dora(16, 16, 3, 3), CONV),
    "DoRA of columns, over LoHa": (dora_of_columns(128, 16), WIDE),
    "DoRA of PEFT": (dora_of_peft(128, 16), WIDE),
    "full": (difference(16, 16, 3, 3), CONV),
    "full, of a layer's norm": (difference(16), NORM),
    "full, of a group's norm": (difference(16), GROUPS),
}


@contextmanager
def merged(network: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """With other parameters; afterwards with its own."""
    kept = {name: network.get_parameter(name).clone() for name in weights}
    for name, weight in weights.items():
        network.get_parameter(name).copy_(weight)
    yield
    for name, weight in kept.items():
        network.get_parameter(name).copy_(weight)


@torch.no_grad()
@pytest.mark.parametrize("strength", [1.0, 0.6, -0.5])
@pytest.mark.parametrize("name", CASES)
def test_a_format_is_the_weights_merged_by_hand(
    name: str, strength: float, sd1: Any, read: Read
) -> None:
    (tensors, changed), module = CASES[name]
    separator = (
        "lora_unet_" + module.replace(".", "_")
        if "lora_A.weight" not in tensors
        else f"unet.{module}"
    )
    lora = read(sd1, {f"{separator}.{end}": tensor for end, tensor in tensors.items()})
    assert lora.module_count == 1
    plain = predicted(sd1.unet)
    with Attachments(sd1.unet, ((lora.unet, strength),)):
        ours = predicted(sd1.unet)
    weight = sd1.unet.get_submodule(module).weight
    with merged(sd1.unet, {f"{module}.weight": weight + strength * (changed(weight) - weight)}):
        by_hand = predicted(sd1.unet)
    assert (by_hand - plain).abs().max() > 1e-4
    assert torch.allclose(ours, by_hand, atol=2e-5)
    assert torch.equal(plain, predicted(sd1.unet))


@torch.no_grad()
@pytest.mark.parametrize("module", [LINEAR, WIDE, CONV, NORM])
def test_a_bias_may_change_alone_or_with_a_weight(module: str, sd1: Any, read: Read) -> None:
    flat = "lora_unet_" + module.replace(".", "_")
    layer = sd1.unet.get_submodule(module)
    bias, change = draw(len(layer.weight)), draw(*layer.weight.shape)
    for tensors in ({"diff_b": bias}, {"diff_b": bias, "diff": change}):
        lora = read(sd1, {f"{flat}.{end}": tensor for end, tensor in tensors.items()})
        with Attachments(sd1.unet, ((lora.unet, 0.5),)):
            ours = predicted(sd1.unet)
        weight = layer.weight + (0.5 * change if "diff" in tensors else 0)
        shape = (-1, 1, 1) if isinstance(layer, nn.Conv2d) else (-1,)
        handle = layer.register_forward_hook(
            lambda _m, _i, out, shape=shape: out + 0.5 * bias.view(shape)
        )
        with merged(sd1.unet, {f"{module}.weight": weight}):
            assert torch.allclose(ours, predicted(sd1.unet), atol=2e-5)
        handle.remove()


@torch.no_grad()
def test_adapters_of_several_formats_add_up_on_the_same_module(sd1: Any, read: Read) -> None:
    flat = "lora_unet_" + WIDE.replace(".", "_")
    made = [CASES[name][0] for name in ("LoHa", "LoKr", "DoRA")]
    loras = [
        read(sd1, {f"{flat}.{end}": tensor for end, tensor in tensors.items()})
        for tensors, _ in made
    ]
    with Attachments(sd1.unet, tuple((lora.unet, 0.3) for lora in loras)):
        ours = predicted(sd1.unet)
    weight = sd1.unet.get_submodule(WIDE).weight
    total = weight + sum(0.3 * (changed(weight) - weight) for _, changed in made)
    with merged(sd1.unet, {f"{WIDE}.weight": total}):
        assert torch.allclose(ours, predicted(sd1.unet), atol=2e-5)


@torch.no_grad()
@pytest.mark.parametrize(
    "options",
    [
        {"algo": "locon"},
        {"algo": "locon", "use_tucker": True},
        {"algo": "locon", "dora_wd": True},
        {"algo": "locon", "dora_wd": True, "wd_on_output": False},
        {"algo": "loha"},
        {"algo": "loha", "use_tucker": True},
        {"algo": "loha", "dora_wd": True},
        {"algo": "lokr", "factor": 4},
        {"algo": "lokr", "factor": 4, "decompose_both": True, "use_tucker": True},
        {"algo": "lokr", "factor": 2, "full_matrix": True},
        {"algo": "full"},
        {"algo": "diag-oft"},
        {"algo": "diag-oft", "rescaled": True, "constraint": 0.01},
        {"algo": "boft"},
        {"algo": "boft", "rescaled": True},
        {"algo": "glora"},
        {"algo": "ia3"},
        {"algo": "ia3", "train_on_input": True},
        {"algo": "locon", "use_scalar": True},
    ],
    ids=str,
)
def test_lycoris_agrees(options: dict[str, Any], sd1: Any, read: Read) -> None:
    lycoris = pytest.importorskip("lycoris")
    lycoris.LycorisNetwork.apply_preset({"target_module": ["ResnetBlock2D", "Transformer2DModel"]})
    theirs = lycoris.create_lycoris(
        sd1.unet, 1.0, linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, **options
    )
    theirs.apply_to()
    try:
        for parameter in theirs.parameters():
            parameter.copy_(parameter + draw(*parameter.shape) * 0.5)
        wanted = predicted(sd1.unet)
        state = theirs.state_dict()
    finally:
        theirs.restore()
    lora = read(sd1, state)
    assert lora.module_count > 20
    with Attachments(sd1.unet, ((lora.unet, 1.0),)):
        assert torch.allclose(predicted(sd1.unet), wanted, atol=1e-4)
