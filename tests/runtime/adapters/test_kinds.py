"""Every kind of adapter gives the weights that its own library makes."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.runtime.adapters import Attachments, attachment
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
    assert lora.algorithms == ("DoRA" if "DoRA" in name else name.split(",", maxsplit=1)[0],)
    ours = changed(unet, lora, strength)
    for key, value in unet.state_dict().items():
        assert torch.allclose(ours[key], theirs.get(key, value), atol=2e-6), key
        assert key not in theirs or not torch.allclose(ours[key], value, atol=1e-3)


def turned(blocks: Tensor, weight: Tensor) -> Tensor:
    """Return a weight whose rows are rotated in blocks, as kohya's `OFTModule` does it."""
    count, size = blocks.shape[:2]
    rows = weight.reshape(count, size, -1)
    return torch.einsum("knm,knp->kmp", blocks, rows).reshape(weight.shape)


def kohyas_rotation(blocks: Tensor, alpha: float, outputs: int) -> Tensor:
    skew = blocks - blocks.transpose(1, 2)
    norm = torch.norm(skew.flatten())
    skew = skew * ((torch.clamp(norm, max=alpha * outputs) + 1e-8) / (norm + 1e-8))
    one = torch.eye(blocks.shape[1])
    return torch.matmul(one + skew, (one - skew).inverse())


@torch.no_grad()
@pytest.mark.parametrize("alpha", [1e-3, 0.5])
def test_oft_of_kohya_keeps_its_norm_below_alpha(alpha: float, tmp_path: Path) -> None:
    unet = toy()
    for layer in ("wide", "conv"):
        weight = unet.get_submodule(layer).weight
        blocks = torch.randn(4, 4, 4)
        tensors = {
            f"oft_unet_{layer}.oft_blocks": blocks,
            f"oft_unet_{layer}.alpha": torch.tensor(alpha),
        }
        ours = changed(unet, read_tensors(tensors, unet, tmp_path))
        wanted = turned(kohyas_rotation(blocks, alpha, 16), weight)
        assert torch.allclose(ours[f"{layer}.weight"], wanted, atol=2e-6)


def onetrainers_series(upper: Tensor, size: int) -> Tensor:
    rows, columns = torch.triu_indices(size, size, 1)
    skew = torch.zeros(len(upper), size, size)
    skew[:, rows, columns] = upper
    skew = skew - skew.transpose(1, 2)
    square = skew @ skew
    return torch.eye(size) + 2 * skew + 2 * square + 2 * square @ skew + square @ square


@torch.no_grad()
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("layer", ["wide", "tall", "conv", "point"])
def test_oft_of_onetrainer_is_its_forward(
    layer: str, shared: bool, scaled: bool, tmp_path: Path
) -> None:
    unet = toy()
    module: Any = unet.get_submodule(layer)
    inputs, size = module.weight.shape[1:].numel(), 4
    upper = 0.2 * torch.randn(1 if shared else inputs // size, 6)
    tensors = {f"lora_unet_{layer}.oft_R.weight": upper}
    if scaled:
        tensors[f"lora_unet_{layer}.oft_R.scaled_oft"] = torch.tensor(True)
    turns = onetrainers_series(upper / (2 * 3**0.5 if scaled else 1), size)
    turns = turns.repeat(inputs // size, 1, 1) if shared else turns
    ours = changed(unet, read_tensors(tensors, unet, tmp_path))[f"{layer}.weight"]
    if module.weight.dim() == 2:
        given = torch.randn(3, inputs)
        rotated = torch.einsum("brk,rkc->brc", given.reshape(3, -1, size), turns).reshape(3, -1)
        assert torch.allclose(given @ ours.T, rotated @ module.weight.T, atol=1e-5)
    else:
        grouped = module.weight.reshape(len(module.weight), -1, size)
        wanted = torch.einsum("ork,rkc->orc", grouped, turns).reshape(module.weight.shape)
        assert torch.allclose(ours, wanted, atol=2e-6)


@torch.no_grad()
def test_tensors_beside_the_matrices_are_applied(tmp_path: Path) -> None:
    unet = toy()
    weight, bias = unet.wide.weight, unet.wide.bias
    down, up = torch.randn(2, 12), torch.randn(16, 2)
    lora = {"unet.wide.lora_down.weight": down, "unet.wide.lora_up.weight": up}
    below, above = torch.randn(2), torch.randn(16)
    magnitude = torch.rand(16) + 0.5
    whole = weight + up @ down
    cases: list[tuple[dict[str, Tensor], Tensor, Tensor]] = [
        ({"scale": torch.tensor(0.3), "alpha": torch.tensor(9.0)}, weight + 0.3 * up @ down, bias),
        ({"alpha": torch.tensor(4)}, weight + 2 * up @ down, bias),
        (
            {"alpha": torch.tensor(4.0).half(), "scalar": torch.tensor(0.5)},
            weight + 2 * up @ down,
            bias,
        ),
        ({"reshape_weight": torch.tensor([16, 12])}, whole, bias),
        (
            {"lora_up.bias": above, "alpha": torch.tensor(1.0)},
            weight + 0.5 * up @ down,
            bias + 0.5 * above,
        ),
        ({"lora_down.bias": below}, whole, bias + up @ below),
        ({"diff_b": above}, whole, bias + above),
        ({"magnitude": magnitude}, whole / whole.norm(dim=1)[:, None] * magnitude[:, None], bias),
        (
            {"lora_magnitude_vector": magnitude},
            whole / whole.norm(dim=1)[:, None] * magnitude[:, None],
            bias,
        ),
    ]
    for more, wanted_weight, wanted_bias in cases:
        tensors = {**lora, **{f"unet.wide.{end}": each for end, each in more.items()}}
        ours = changed(unet, read_tensors(tensors, unet, tmp_path))
        assert torch.allclose(ours["wide.weight"], wanted_weight, atol=2e-6), more
        assert torch.allclose(ours["wide.bias"], wanted_bias, atol=2e-6), more


@torch.no_grad()
def test_the_name_of_an_adapter_in_a_key_is_left_out(tmp_path: Path) -> None:
    unet = toy()
    down, up = torch.randn(2, 12), torch.randn(16, 2)
    for name in ("default", "default_0", "my-style", "pirate"):
        tensors = {
            f"base_model.model.wide.lora_A.{name}.weight": down,
            f"base_model.model.wide.lora_B.{name}.weight": up,
        }
        ours = changed(unet, read_tensors(tensors, unet, tmp_path))
        assert torch.allclose(ours["wide.weight"], unet.wide.weight + up @ down, atol=2e-6)


@torch.no_grad()
def test_a_new_weight_and_an_old_rotation_replace_the_models(tmp_path: Path) -> None:
    unet = toy()
    new, turns = torch.randn(8, 8, 3, 3), torch.randn(4, 4, 4)
    tensors = {
        "diffusion_model.even.set_weight": new,
        "lora_unet_wide.oft_diag": turns,
        "diffusion_model.table.lora_down.weight": torch.ones(2, 12),
        "diffusion_model.table.lora_up.weight": torch.ones(20, 2),
    }
    ours = changed(unet, read_tensors(tensors, unet, tmp_path), 0.5)
    assert torch.allclose(ours["even.weight"], 0.5 * (unet.even.weight + new), atol=2e-6)
    wanted = 0.5 * (unet.wide.weight + turned(turns, unet.wide.weight))
    assert torch.allclose(ours["wide.weight"], wanted, atol=2e-6)
    assert torch.allclose(ours["table.weight"], unet.table.weight + 1, atol=2e-6)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_layers_run_with_all_kinds_as_with_merged_weights(tmp_path: Path) -> None:
    unet = toy()
    ids = torch.arange(16).reshape(2, 8)
    plain = unet(ids)
    loras = []
    for number, config in enumerate(
        (PEFT["OFT"], PEFT["IA3"], PEFT["HRA"], PEFT["LoRA, table"], PEFT["GLoRA"], PEFT["LN"])
    ):
        trained = peft.get_peft_model(toy(), config)
        randomise(trained.parameters(), 0.1)
        trained.save_pretrained(str(tmp_path / str(number)))
        loras.append(read_file(tmp_path / str(number), unet))
    with Attachments(unet) as attachments:
        for strengths in (
            (1.0, 0.5, -0.3, 0.7, 0.2, 1.0),
            (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
            (0.5,) * 6,
        ):
            active = tuple((lora.unet, each) for lora, each in zip(loras, strengths, strict=True))
            attachments.set_loras(active)
            total = {name: each.clone() for name, each in unet.state_dict().items()}
            for lora, strength in zip(loras, strengths, strict=True):
                for name, each in changed(unet, lora, strength).items():
                    total[name] += each - unet.state_dict()[name]
            merged = toy()
            merged.load_state_dict(total)
            assert torch.allclose(unet(ids), merged(ids), atol=1e-4)
            assert not torch.allclose(unet(ids), plain, atol=1e-3)
    assert torch.equal(unet(ids), plain)


LORA = {"peft_type": "LORA", "target_modules": ["wide"]}


def config_folder(folder: Path, options: dict[str, Any]) -> Path:
    tensors = {
        "base_model.model.wide.lora_A.weight": torch.ones(2, 12),
        "base_model.model.wide.lora_B.weight": torch.ones(16, 2),
    }
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 2, **options}))
    return folder


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"init_lora_weights": "corda"}, "LoRA, initialised by CorDA, which cannot be used yet"),
        ({"init_lora_weights": "loftq"}, "LoRA, initialised by LoftQ, which"),
        ({"init_lora_weights": "lora_ga"}, "LoRA, initialised by LoRA-GA, which"),
        ({"init_lora_weights": "new"}, "LoRA, initialised by a method that is not known here"),
        ({"init_lora_weights": "pissa_niter_0"}, "PiSSA with a random decomposition"),
        ({"use_qalora": True}, "it is an adapter of the kind QALoRA"),
        ({"alora_invocation_tokens": [1]}, "it is an adapter of the kind Activated LoRA"),
        ({"kasa_config": {"beta": 1}}, "it is an adapter of the kind KaSA"),
        ({"lora_alpha": "8"}, "`lora_alpha` is `8`, not a number"),
        ({"lora_alpha": True}, "`lora_alpha` is `True`, not a number"),
        ({"lora_alpha": float("nan")}, "`lora_alpha` is `nan`, not a finite number"),
        (
            {"alpha_pattern": {"wide": float("inf")}},
            "`alpha_pattern` is `inf`, not a finite number",
        ),
        ({"r": "2"}, "`r` is `2`, not a whole number"),
        (
            {"alpha_pattern": {r"((\w|\.)+)+!": 1}},
            r"its pattern `((\w|\.)+)+!` cannot be used: a repeated group contains",
        ),
        (
            {"alpha_pattern": {".*.*.*.*x": 1}},
            "more than 2 repetitions follow each other",
        ),
        ({"alpha_pattern": {"(a|a)" * 20: 1}}, "in more than 256 ways"),
        ({"alpha_pattern": {"[": 1}}, "its pattern `[` cannot be used: unterminated"),
        ({"alpha_pattern": [1]}, "`alpha_pattern` is `[1]`, not a number"),
        ({"alpha_pattern": {f"a.*{n}": 1 for n in range(99)}}, "it has 99 patterns"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_named(
    options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(PromptError, match=re.escape(reason)):
        read_file(config_folder(tmp_path / "ink", options), toy())


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("wide", True),
        ("ide", False),
        ("^wide", True),
        ("w.*e", True),
        ("(tall|wide|square)", True),
        (r"\w+", True),
        (r"a\.wide", False),
    ],
)
def test_patterns_of_peft_hold_for_the_ends_of_names(
    pattern: str, fits: bool, tmp_path: Path
) -> None:
    lora = read_file(config_folder(tmp_path / "ink", {"alpha_pattern": {pattern: 6}}), toy())
    assert lora.unet["wide"].scale == (3.0 if fits else 1.0)


@torch.no_grad()
def test_pissa_with_a_random_decomposition_is_applied_where_it_converges(tmp_path: Path) -> None:
    unet = toy()
    u, _, v = torch.linalg.svd(unet.wide.weight, full_matrices=False)
    unet.wide.weight.copy_((u * torch.tensor([9.0, 8.0] + [0.1] * 10)) @ v)
    folder = config_folder(tmp_path / "ink", {"init_lora_weights": "pissa_niter_4", **LORA})
    ours = changed(unet, read_file(folder, unet))["wide.weight"]
    torch.manual_seed(5)
    theirs = peft.PeftModel.from_pretrained(copy.deepcopy(unet), str(folder))
    assert torch.allclose(ours, theirs.merge_and_unload().wide.weight, atol=1e-3)


class Counting:
    """A delta that counts how often it is computed."""

    bias = None

    def __init__(self) -> None:
        self.calls = 0

    def delta(self, weight: Tensor) -> Tensor:
        self.calls += 1
        return torch.ones_like(weight)


@torch.no_grad()
@pytest.mark.parametrize(("room", "calls"), [(1 << 20, 2), (0, 5)])
def test_a_whole_delta_is_computed_once_while_it_is_in_use(
    room: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachment, "MAX_KEPT_BYTES", room)
    monkeypatch.setattr(attachment, "move_delta", lambda delta, _: delta)
    unet, counted, ids = toy(), Counting(), torch.arange(8)[None]
    with Attachments(unet, (({"wide": counted}, 1.0),)) as attachments:
        outputs = [unet(ids) for _ in range(3)]
        attachments.set_loras((({"wide": counted}, 0.5),))
        halves = [unet(ids) for _ in range(2)]
    assert counted.calls == calls
    assert all(torch.equal(outputs[0], each) for each in outputs)
    assert torch.equal(*halves)
    assert not torch.equal(outputs[0], halves[0])


@torch.no_grad()
@pytest.mark.parametrize("layer", ["wide", "even", "norm", "groups"])
def test_a_bias_alone_is_added_to_the_channels_of_any_layer(layer: str, tmp_path: Path) -> None:
    unet, ids = toy(), torch.arange(8)[None]
    bias = torch.randn(len(unet.get_submodule(layer).weight))
    lora = read_tensors({f"unet.{layer}.diff_b": bias}, unet, tmp_path)
    with Attachments(unet, ((lora.unet, 0.5),)):
        ours = unet(ids)
    unet.get_submodule(layer).bias.add_(0.5 * bias)
    assert torch.allclose(ours, unet(ids), atol=1e-5)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_adalora_with_pruned_ranks_is_what_peft_loads(tmp_path: Path) -> None:
    trained = peft.get_peft_model(toy(), PEFT["AdaLoRA"])
    randomise(trained.parameters())
    trained.peft_config["default"].rank_pattern = {
        "wide.lora_E": [True, False, True, False],
        "tall.lora_E": [True, True, True, True],
        "square.lora_E": [False] * 4,
    }
    trained.save_pretrained(str(tmp_path / "ink"))
    loaded = peft.PeftModel.from_pretrained(toy(), str(tmp_path / "ink"))
    unet = toy()
    ours = changed(unet, read_file(tmp_path / "ink", unet))
    for name in MATRICES:
        layer = loaded.base_model.model.get_submodule(name)
        wanted = unet.get_submodule(name).weight.clone()
        if layer.r["default"] > 0:
            wanted = wanted + layer.get_delta_weight("default")
        assert torch.allclose(ours[f"{name}.weight"], wanted, atol=2e-6), name


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["pissa", "olora"])
def test_a_converted_initialisation_changes_nothing_else(kind: str, tmp_path: Path) -> None:
    options = {"init_lora_weights": kind, "target_modules": MATRICES}
    trained = peft.get_peft_model(toy(), peft.LoraConfig(r=3, **options))
    trained.save_pretrained(str(tmp_path / "first"))
    randomise(trained.parameters())
    first = str(tmp_path / "first")
    trained.save_pretrained(str(tmp_path / "ink"), path_initial_model_for_weight_conversion=first)
    theirs = trained.merge_and_unload().state_dict()
    unet = toy()
    ours = changed(unet, read_file(tmp_path / "ink", unet))
    assert all(torch.allclose(ours[key], value, atol=1e-5) for key, value in theirs.items())


@torch.no_grad()
def test_boft_of_peft_with_several_stages_follows_its_permutations(tmp_path: Path) -> None:
    """PEFT makes several stages only on a GPU; its matrices are put together here."""
    from peft.tuners.boft.layer import BOFTLayer

    unet = toy()
    blocks, factors = torch.randn(3, 4, 4, 4), torch.rand(16, 1) + 0.5
    whole = torch.eye(16)
    for stage, each in enumerate(blocks):
        order = BOFTLayer.block_butterfly_perm(None, 16, int(4 / 2**stage), 2, 2)
        permutation = torch.eye(16)[order]
        turns = BOFTLayer.cayley_batch(None, each)
        whole = permutation @ torch.block_diag(*turns) @ permutation.T @ whole
    tensors = {"base_model.model.square.boft_R": blocks, "base_model.model.square.boft_s": factors}
    ours = changed(unet, read_tensors(tensors, unet, tmp_path))["square.weight"]
    assert torch.allclose(ours, (whole @ unet.square.weight.T).T * factors, atol=1e-5)


def test_the_full_rank_of_ai_toolkit_is_named(tmp_path: Path) -> None:
    tensors = {"lora_unet_wide.lora_down.weight": torch.ones(16, 12)}
    with pytest.raises(PromptError, match="of the kind full rank of ai-toolkit"):
        read_tensors(tensors, toy(), tmp_path)


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"wide.weight": torch.ones(16, 12)}, "replaces a weight, which no `modules_to_save`"),
        ({"wide.bias": torch.ones(16)}, "replaces a bias, which no `bias`"),
        (
            {"even.ia3_l": torch.ones(1, 8, 1, 1)},
            "`base_model.model.even.ia3_l` scales inputs or outputs",
        ),
        ({"wide.oft_R.weight": torch.ones(3, 5)}, "holds no triangles of square blocks"),
        ({"wide.oft_R.weight": torch.ones(5, 6)}, "`wide` has another shape"),
        ({"wide.boft_R": torch.ones(1, 3, 4, 3), "wide.boft_s": torch.ones(16)}, "holds no square"),
        ({"wide.boft_R": torch.ones(1, 3, 4, 4)}, "it has only `base_model.model.wide.boft_R`"),
        ({"wide.hra_u": torch.zeros(12, 2)}, "holds no directions of reflections"),
        ({"wide.a1.weight": torch.ones(12, 2)}, "it lacks some of the matrices of `wide`"),
        ({"norm.oft_blocks": torch.ones(4, 4, 4)}, "`norm` has another shape"),
        (
            {"wide.oft_blocks": torch.ones(4, 4, 4), "wide.dora_scale": torch.ones(16, 1)},
            "do not belong together: OFT has no magnitudes",
        ),
        (
            {"wide.weight": torch.ones(16), "wide.on_input": torch.ones(2)},
            "`base_model.model.wide.on_input` should hold one number",
        ),
        (
            {"wide.lokr_w1": torch.ones(4, 4), "wide.lokr_w1_a": torch.ones(4, 4)},
            "give one factor twice",
        ),
        ({"wide.dora_scale": torch.ones(16, 1)}, "it has only `base_model.model.wide.dora_scale`"),
    ],
)
def test_tensors_of_a_kind_that_contradict_each_other_are_refused(
    tensors: dict[str, Tensor], reason: str, tmp_path: Path
) -> None:
    named = {f"base_model.model.{key}": each for key, each in tensors.items()}
    with pytest.raises(PromptError, match=re.escape(reason)):
        read_tensors(named, toy(), tmp_path)
