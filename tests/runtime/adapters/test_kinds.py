"""Every kind of adapter gives the weights that its own library makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor

from tests.runtime.adapters.toy import LAYERS, changed, read_file, read_tensors, toy

MATRICES = ["wide", "tall", "square"]
SAVED = "modules_to_save.default."
SAVED = "modules_to_save.default."


def randomise(parameters: Any, scale: float = 0.2) -> None:
    for parameter in parameters:
        if parameter.requires_grad and parameter.is_floating_point():
            parameter.data += scale * torch.randn_like(parameter)


PEFT: dict[str, Any] = {
    "OFT": peft.OFTConfig(oft_block_size=4, r=0, target_modules=MATRICES),
    "OFT, one block shared": peft.OFTConfig(
        oft_block_size=4, r=0, block_share=True, target_modules=MATRICES
    ),
    "OFT, few terms": peft.OFTConfig(
        oft_block_size=4, r=0, num_cayley_neumann_terms=2, target_modules=MATRICES
    ),
    "OFT, many terms": peft.OFTConfig(
        oft_block_size=4, r=0, num_cayley_neumann_terms=8, target_modules=MATRICES
    ),
    "OFT, exact": peft.OFTConfig(
        r=2, oft_block_size=0, use_cayley_neumann=False, target_modules=MATRICES
    ),
    "OFT, constrained": peft.OFTConfig(
        oft_block_size=4, r=0, coft=True, eps=0.1, target_modules=MATRICES
    ),
    "OFT, of a convolution of size 1": peft.OFTConfig(
        oft_block_size=4, r=0, target_modules=["point"]
    ),
    "BOFT": peft.BOFTConfig(boft_block_size=4, target_modules=[*MATRICES, "conv"]),
    "BOFT, bias": peft.BOFTConfig(
        boft_block_size=0, boft_block_num=2, target_modules=MATRICES, bias="all"
    ),
    "IA3": peft.IA3Config(target_modules=[*LAYERS], feedforward_modules=[]),
    "IA3, inputs": peft.IA3Config(
        target_modules=[*LAYERS], feedforward_modules=["wide", "square", "even", "conv"]
    ),
    "HRA": peft.HRAConfig(r=3, target_modules=[*LAYERS]),
    "HRA, orthogonal": peft.HRAConfig(r=4, apply_GS=True, target_modules=[*LAYERS]),
    "AdaLoRA": peft.AdaLoraConfig(init_r=4, lora_alpha=3, target_modules=MATRICES, total_step=10),
    "LN": peft.LNTuningConfig(target_modules=["norm", "groups"]),
    "GLoRA": peft.GloraConfig(r=3, target_modules=MATRICES),
    "GLoRA, vectors": peft.GloraConfig(
        r=3, target_modules=MATRICES, config_A_B="vector", config_C="vector", config_D_E="constant"
    ),
    "GLoRA, none": peft.GloraConfig(
        r=3, target_modules=MATRICES, config_A_B="constant", config_C="none", config_D_E="none"
    ),
    "LoRA, biases": peft.LoraConfig(r=3, lora_bias=True, target_modules=["wide", "square"]),
    "LoRA, its layers' biases": peft.LoraConfig(r=3, bias="lora_only", target_modules=MATRICES),
    "LoRA, all biases": peft.LoraConfig(r=3, bias="all", target_modules=MATRICES),
    "LoRA, modules": peft.LoraConfig(
        r=3, target_modules=MATRICES, modules_to_save=["conv", "norm"]
    ),
    "LoRA, table": peft.LoraConfig(r=3, target_modules=["table", "tall"]),
    "LoRA, DoRA": peft.LoraConfig(r=3, use_dora=True, target_modules=[*MATRICES, "conv"]),
    "PiSSA": peft.LoraConfig(r=3, init_lora_weights="pissa", target_modules=MATRICES),
    "PiSSA, scaled": peft.LoraConfig(
        r=3,
        lora_alpha=2,
        init_lora_weights="pissa",
        target_modules=MATRICES,
    ),
    "OLoRA": peft.LoraConfig(r=3, lora_alpha=5, init_lora_weights="olora", target_modules=MATRICES),
    "orthogonal": peft.LoraConfig(r=2, init_lora_weights="orthogonal", target_modules=MATRICES),
}


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PEFT)
def test_a_folder_of_peft_gives_the_weights_that_peft_loads(name: str, tmp_path: Path) -> None:
    trained = peft.get_peft_model(toy(), PEFT[name])
    randomise(trained.parameters())
    trained.save_pretrained(str(tmp_path / "ink"))
    loaded = peft.PeftModel.from_pretrained(toy(), str(tmp_path / "ink"))
    theirs = loaded.merge_and_unload().state_dict()
    unet = toy()
    ours = changed(unet, read_file(tmp_path / "ink", unet))
    assert any(not torch.equal(value, ours[key]) for key, value in unet.state_dict().items())
    for key, value in theirs.items():
        assert torch.allclose(ours[key.replace(SAVED, "")], value, atol=2e-6), key


LYCORIS: dict[str, tuple[str, dict[str, Any]]] = {
    "OFT": ("DiagOFTModule", {}),
    "OFT, rescaled": ("DiagOFTModule", {"rescaled": True}),
    "OFT, constrained": ("DiagOFTModule", {"constraint": 0.01}),
    "BOFT": ("ButterflyOFTModule", {}),
    "BOFT, rescaled": ("ButterflyOFTModule", {"rescaled": True}),
    "BOFT, constrained": ("ButterflyOFTModule", {"constraint": 0.01}),
    "GLoRA": ("GLoRAModule", {"alpha": 3}),
    "GLoRA, scalar": ("GLoRAModule", {"use_scalar": True}),
    "IA3": ("IA3Module", {}),
    "IA3, inputs": ("IA3Module", {"train_on_input": True}),
    "LoRA, scalar": ("LoConModule", {"use_scalar": True}),
    "LoRA, core": ("LoConModule", {"use_tucker": True}),
    "LoRA, DoRA of inputs": ("LoConModule", {"weight_decompose": True, "wd_on_out": False}),
}
EVEN = ["square", "conv", "even", "tall", "wide"]


@torch.no_grad()
@pytest.mark.parametrize("strength", [1.0, 0.5])
@pytest.mark.parametrize("name", LYCORIS)
def test_a_file_of_lycoris_gives_the_weights_that_lycoris_merges(
    name: str, strength: float, tmp_path: Path
) -> None:
    modules = pytest.importorskip("lycoris.modules")
    kind, options = LYCORIS[name]
    unet = toy()
    tensors: dict[str, Tensor] = {}
    theirs = {}
    for layer in EVEN:
        module = getattr(modules, kind)(
            layer, unet.get_submodule(layer), lora_dim=4, **{"alpha": 4, **options}
        )
        randomise(module.parameters())
        state = module.state_dict()
        tensors |= {f"lycoris_{layer}.{key}": each for key, each in state.items()}
        before = unet.get_submodule(layer).weight
        change = module.get_merged_weight(1.0, before.shape)[0] - before
        if strength != 1.0 and name in ("OFT", "OFT, constrained", "GLoRA", "IA3", "IA3, inputs"):
            merged = module.get_merged_weight(strength, before.shape)[0]
            assert torch.allclose(merged - before, strength * change, atol=1e-6)
        theirs[f"{layer}.weight"] = before + strength * change
    lora = read_tensors(tensors, unet, tmp_path)
    assert lora.module_count == len(EVEN)
    ours = changed(unet, lora, strength)
    for key, value in unet.state_dict().items():
        assert torch.allclose(ours[key], theirs.get(key, value), atol=2e-6), key
        assert key not in theirs or not torch.allclose(ours[key], value, atol=1e-3)
