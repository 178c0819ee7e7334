"""Every layout names the model's own modules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn

from promptlang.diagnostics import PromptError
from promptlang.plan.steps import Adapter
from promptlang.runtime import adapters
from promptlang.runtime.adapters import Attachments
from promptlang.runtime.adapters.ldm_keys import ldm_names
from tests.runtime.adapters.conftest import SPAN, Read, predicted, text_encoder

BLOCK = "down_blocks.1.attentions.0.transformer_blocks.0"
LAYER = "encoder.layers.1.self_attn"


def low_rank(
    start: str, *shape: int, ends: str = ".lora_down.weight .lora_up.weight"
) -> dict[str, Tensor]:
    """The matrices of a change of rank 2, for a weight `[out, in]`."""
    down, up = ends.split()
    return {start + down: torch.ones(2, shape[1]), start + up: torch.ones(shape[0], 2)}


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_the_original_names_are_those_that_diffusers_itself_converts(
    model: str, request: pytest.FixtureRequest
) -> None:
    unet = request.getfixturevalue(model).unet
    originals = ldm_names(unet)
    checkpoint, ours = {}, unet.state_dict()
    for name, value in ours.items():
        module, kind = name.rsplit(".", 1)
        checkpoint[f"model.diffusion_model.{originals[module]}.{kind}"] = value
    converted = convert_ldm_unet_checkpoint(checkpoint, {**unet.config, "class_embed_type": None})
    if model == "sd1":
        converted.pop("add_embedding.linear_1.weight", None)
    assert converted.keys() == ours.keys()
    assert all(torch.equal(converted[name], value) for name, value in ours.items())


KOHYA = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
EVERY = ".lora.down.weight .lora.up.weight"
PEFT = ".lora_A.weight .lora_B.weight"
OLD = "_lora.down.weight _lora.up.weight"
LINEAR = ".lora_linear_layer.down.weight .lora_linear_layer.up.weight"


@pytest.mark.parametrize(
    ("start", "ends", "module"),
    [
        (KOHYA, ".lora_down.weight .lora_up.weight", f"unet {BLOCK}.attn1.to_q"),
        (
            "lora_unet_" + BLOCK.replace(".", "_") + "_attn2_to_q",
            ".lora_down.weight .lora_up.weight",
            "unet attn2.to_q",
        ),
        ("lora_unet_input_blocks_4_1_proj_in", ".lora_down.weight .lora_up.weight", "unet proj_in"),
        (
            "lora_unet_label_emb_0_0",
            ".lora_down.weight .lora_up.weight",
            "unet add_embedding.linear_1",
        ),
        (
            "lora_unet_input_blocks_1_0_emb_layers_1",
            ".lora_down.weight .lora_up.weight",
            "unet time_emb_proj",
        ),
        (f"unet.{BLOCK}.attn1.to_k", EVERY, "unet attn1.to_k"),
        (f"unet.{BLOCK}.attn1.to_out.0", PEFT, "unet attn1.to_out.0"),
        (f"unet.{BLOCK}.attn1.processor.to_q", OLD, "unet attn1.to_q"),
        (f"{BLOCK}.attn1.processor.to_out", OLD, "unet attn1.to_out.0"),
        (
            "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_v",
            PEFT,
            "unet attn1.to_v",
        ),
        (f"base_model.model.{BLOCK}.attn1.to_v", PEFT, "unet attn1.to_v"),
        (
            f"lycoris_{BLOCK.replace('.', '_')}_attn1_to_v",
            ".lora_down.weight .lora_up.weight",
            "unet attn1.to_v",
        ),
    ],
)
def test_a_layout_finds_the_unets_modules(
    start: str, ends: str, module: str, sdxl: Any, read: Read
) -> None:
    part, ending = module.split()
    name = next(name for name, _ in sdxl.unet.named_modules() if name.endswith(ending))
    shape = sdxl.unet.get_submodule(name).weight.shape
    lora = read(sdxl, low_rank(start, *shape, ends=ends))
    assert {part: list(changes) for part, changes in lora.deltas.items()} == {part: [name]}


@pytest.mark.parametrize(
    ("start", "ends", "part"),
    [
        (
            "lora_te1_text_model_encoder_layers_1_self_attn_q_proj",
            ".lora_down.weight .lora_up.weight",
            "text_encoder",
        ),
        (
            "lora_te2_text_model_encoder_layers_1_self_attn_q_proj",
            ".lora_down.weight .lora_up.weight",
            "text_encoder_2",
        ),
        (f"text_encoder.text_model.{LAYER}.q_proj", LINEAR, "text_encoder"),
        (f"text_encoder.{LAYER}.q_proj", PEFT, "text_encoder"),
        (f"text_encoder.text_model.{LAYER}.to_q", OLD, "text_encoder"),
        (f"text_encoder_2.text_model.{LAYER}.q_proj", PEFT, "text_encoder_2"),
        (f"text_encoders.clip_g.transformer.text_model.{LAYER}.q_proj", PEFT, "text_encoder_2"),
        (f"clip_l.text_model.{LAYER}.q_proj", PEFT, "text_encoder"),
        (f"clip_g.text_model.{LAYER}.q_proj", PEFT, "text_encoder_2"),
        (f"text_encoders.clip_h.transformer.text_model.{LAYER}.q_proj", PEFT, "text_encoder"),
        (
            "lora_te_text_model_encoder_layers_1_self_attn_q_proj",
            ".lora_down.weight .lora_up.weight",
            "text_encoder",
        ),
    ],
)
def test_a_layout_finds_the_modules_of_both_text_encoders(
    start: str, ends: str, part: str, sdxl: Any, read: Read
) -> None:
    width = 32 if part == "text_encoder" else 48
    lora = read(sdxl, low_rank(start, width, width, ends=ends))
    ((found, changes),) = lora.deltas.items()
    assert found == part
    assert [name.removeprefix("text_model.") for name in changes] == [f"{LAYER}.q_proj"]
    assert lora.text_encoders[part == "text_encoder_2"] is changes


def test_the_first_text_encoder_may_have_a_number_in_any_family(sd1: Any, read: Read) -> None:
    start = "lora_te1_text_model_encoder_layers_1_self_attn_q_proj"
    assert list(read(sd1, low_rank(start, 32, 32)).deltas) == ["text_encoder"]


def test_tables_of_embeddings_and_what_only_comfyui_has_are_read(sd1: Any, read: Read) -> None:
    start = "text_encoders.clip_l.transformer"
    tensors = {
        **low_rank(f"{start}.text_model.embeddings.token_embedding", 100, 32),
        **low_rank(f"{start}.text_model.embeddings.position_embedding", 77, 32),
        **low_rank(f"{start}.text_projection", 32, 32),
    }
    row = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    tensors |= {key: row for key in tensors if key.endswith("down.weight")}
    lora = read(sd1, tensors)
    assert [name.rpartition(".")[2] for name in lora.text_encoder] == [
        "position_embedding",
        "token_embedding",
    ]
    ids = torch.tensor([[98, 3, 99]])
    plain = sd1.text_encoder(ids).last_hidden_state
    with Attachments(sd1.text_encoder, ((lora.text_encoder, 0.5),)):
        ours = sd1.text_encoder(ids).last_hidden_state
    embeddings = sd1.text_encoder.get_submodule("embeddings")
    kept = [
        each.weight.clone() for each in (embeddings.token_embedding, embeddings.position_embedding)
    ]
    embeddings.token_embedding.weight += 0.5 * row.sum(0)
    embeddings.position_embedding.weight += 0.5 * row.sum(0)
    theirs = sd1.text_encoder(ids).last_hidden_state
    embeddings.token_embedding.weight.copy_(kept[0])
    embeddings.position_embedding.weight.copy_(kept[1])
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert not torch.allclose(ours, plain, atol=1e-3)


def test_a_file_with_all_of_kohyas_sdxl_modules_is_applied_whole(sdxl: Any, read: Read) -> None:
    tensors: dict[str, Tensor] = {}
    count = 0
    for start, network in {
        "lora_te1_": sdxl.text_encoder,
        "lora_te2_": sdxl.text_encoder_2,
    }.items():
        for name, module in network.named_modules():
            if isinstance(module, nn.Linear) and "encoder" in name:
                short = name.removeprefix("text_model.").replace(".", "_")
                tensors |= low_rank(f"{start}text_model_{short}", *module.weight.shape)
                count += 1
    for name, original in ldm_names(sdxl.unet).items():
        module = sdxl.unet.get_submodule(name)
        if isinstance(module, nn.Linear) and "attentions" in name:
            tensors |= low_rank("lora_unet_" + original.replace(".", "_"), *module.weight.shape)
            count += 1
    lora = read(sdxl, tensors)
    assert lora.summary == f"LoRA, {count} of {count} modules"
    assert [len(changes) for changes in lora.text_encoders] == [12, 12]


@torch.no_grad()
@pytest.mark.parametrize(
    "config",
    [
        LoraConfig(
            r=4,
            lora_alpha=2,
            rank_pattern={"attn2.to_q": 3},
            alpha_pattern={r"down_blocks\.1.*attn1\.to_v": 5.0},
            target_modules=["to_q", "to_v", "conv1"],
            init_lora_weights=False,
        ),
        LoraConfig(
            r=4, lora_alpha=2, use_rslora=True, target_modules=["to_q"], init_lora_weights=False
        ),
        LoraConfig(
            r=4,
            lora_alpha=2,
            use_dora=True,
            target_modules=["to_q", "conv1"],
            init_lora_weights=False,
        ),
        LoHaConfig(
            r=2,
            alpha=3,
            target_modules=["to_q", "conv1"],
            init_weights=False,
            use_effective_conv2d=True,
        ),
        LoKrConfig(
            r=2,
            alpha=3,
            target_modules=["to_q", "conv1"],
            init_weights=False,
            use_effective_conv2d=True,
        ),
    ],
    ids=["patterns", "rank-stabilised", "DoRA", "LoHa", "LoKr"],
)
def test_a_folder_of_peft_is_what_peft_itself_makes_of_it(
    config: Any, sd1: Any, tmp_path: Path
) -> None:
    unet = type(sd1.unet).from_config(sd1.unet.config)
    unet.load_state_dict(sd1.unet.state_dict())
    theirs = get_peft_model(unet, config)
    draw = torch.Generator().manual_seed(3)
    for name, parameter in theirs.named_parameters():
        if parameter.requires_grad and "magnitude" in name:
            parameter.mul_(1 + 0.2 * torch.rand(parameter.shape, generator=draw))
    theirs.save_pretrained(str(tmp_path / "ink"))
    wanted = predicted(theirs.eval())
    assert isinstance(theirs, PeftModel)
    for path in (tmp_path / "ink", tmp_path / "ink" / "adapter_model.safetensors"):
        lora = adapters.read_lora(Adapter("ink", path), sd1, SPAN)
        with Attachments(sd1.unet, ((lora.unet, 1.0),)):
            assert torch.allclose(predicted(sd1.unet), wanted, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT asks for it
def test_a_folder_of_peft_may_have_a_folder_for_each_part(sdxl: Any, tmp_path: Path) -> None:
    kinds = {"text_encoder": sdxl.text_encoder, "text_encoder_2": sdxl.text_encoder_2}
    for part, network in kinds.items():
        copy = text_encoder(type(network), network.config.hidden_size)
        made = get_peft_model(
            copy, LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj", "v_proj"])
        )
        made.save_pretrained(str(tmp_path / "ink" / part))
    lora = adapters.read_lora(Adapter("ink", tmp_path / "ink"), sdxl, SPAN)
    assert [len(changes) for changes in lora.text_encoders] == [4, 4]
    assert {change.scale for changes in lora.text_encoders for change in changes.values()} == {3.0}


def test_diffusers_header_tells_alphas_and_patterns(sd1: Any, read: Read) -> None:
    names = [f"{BLOCK}.attn1.{layer}" for layer in ("to_q", "to_v")]
    tensors = {
        key: each
        for name in names
        for key, each in low_rank(f"unet.{name}", 32, 32, ends=PEFT).items()
    }
    metadata = {"unet.r": 2, "unet.lora_alpha": 1, "unet.alpha_pattern": {"attn1.to_v": 4}}
    lora = read(sd1, tensors, {"lora_adapter_metadata": json.dumps(metadata)})
    assert [lora.unet[name].scale for name in names] == [0.5, 2.0]


@pytest.mark.parametrize("damage", ["missing", "garbage", "a list"])
def test_a_folder_of_peft_without_its_configuration_is_refused(
    damage: str, sd1: Any, tmp_path: Path
) -> None:
    if damage != "missing":
        (tmp_path / "adapter_config.json").write_text({"garbage": "{", "a list": "[]"}[damage])
        torch.save({}, tmp_path / "adapter_model.bin")
    with pytest.raises(PromptError, match=r"`adapter_config.json` is missing in it, or damaged"):
        adapters.read_lora(Adapter("ink", tmp_path), sd1, SPAN)


DOWN = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
UP = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
MISFIT = "has another shape in the model `small`"


@pytest.mark.parametrize(
    ("tensors", "metadata", "family"),
    [
        (low_rank("lora_unet_double_blocks_0_img_attn_qkv", 8, 8), {}, "Flux"),
        (
            low_rank("transformer.single_transformer_blocks.0.attn.to_q", 8, 8, ends=PEFT),
            {},
            "Flux",
        ),
        (low_rank("lora_unet_joint_blocks_0_x_block_attn_qkv", 8, 8), {}, "Stable Diffusion 3"),
        (
            low_rank("transformer.transformer_blocks.0.attn.add_k_proj", 8, 8, ends=PEFT),
            {},
            "Stable Diffusion 3",
        ),
        (low_rank("lora_te2_text_model_encoder_layers_0_self_attn_q_proj", 48, 48), {}, "SDXL"),
        (
            low_rank("lora_te3_encoder_block_0_layer_0_SelfAttention_q", 8, 8),
            {},
            "Stable Diffusion 3",
        ),
        (low_rank("lora_unet_input_blocks_7_1_transformer_blocks_9_attn1_to_q", 8, 8), {}, "SDXL"),
        (low_rank(UP, 32, 768), {}, "Stable Diffusion 1"),
        (low_rank(UP, 32, 1024), {}, "Stable Diffusion 2"),
        (low_rank(UP, 32, 2048), {}, "SDXL"),
        (low_rank(f"unet.{BLOCK}.attn2.processor.to_v", 32, 2048, ends=OLD), {}, "SDXL"),
        (
            low_rank("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 1024, 1024),
            {},
            "Stable Diffusion 2",
        ),
        ({"x.lokr_w1": torch.ones(2, 2)}, {"ss_base_model_version": "sdxl_base_v1-0"}, "SDXL"),
        ({"x.lokr_w1": torch.ones(2, 2)}, {"modelspec.architecture": "flux-1-dev/lora"}, "Flux"),
    ],
)
def test_a_file_for_another_family_says_which(
    tensors: dict[str, Tensor], metadata: dict[str, str], family: str, sd1: Any, read: Read
) -> None:
    with pytest.raises(PromptError) as caught:
        read(sd1, tensors, metadata)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message.endswith(f"it is made for {family}, not for a model like `small`")
    assert diagnostic.hint is not None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda tensors: {key: each.T for key, each in tensors.items()}, MISFIT),
        (
            lambda tensors: {key: each.flatten() for key, each in tensors.items()},
            f"`{UP}.lora_down.weight` and `{UP}.lora_up.weight` are no matrices",
        ),
        (lambda tensors: {**tensors, f"{UP}.diff_b": torch.ones(3)}, MISFIT),
        (lambda tensors: {**tensors, f"{UP}.dora_scale": torch.ones(3, 1)}, MISFIT),
        (lambda tensors: {**tensors, f"{UP}.reshape_weight": torch.tensor([64, 32])}, MISFIT),
        (
            lambda tensors: {
                key: each[:0] if "down" in key else each[:, :0] for key, each in tensors.items()
            },
            f"`{UP}.lora_down.weight` and `{UP}.lora_up.weight` have the rank 0",
        ),
        (
            lambda tensors: {**tensors, f"{UP}.lora_up.weight": torch.ones(32, 3)},
            f"`{UP}.lora_up.weight` and `{UP}.lora_down.weight` have the ranks 3 and 2",
        ),
        (
            lambda tensors: {**tensors, f"{UP}.alpha": torch.ones(3)},
            f"`{UP}.alpha` should hold one number",
        ),
        (
            lambda tensors: {**tensors, f"{UP}.hada_w1_a": torch.ones(3, 1)},
            f"`{UP}.lora_down.weight` and `{UP}.hada_w1_a` are of different kinds",
        ),
        (
            lambda _: {f"{UP}.alpha": torch.ones(()), f"{UP}.dora_scale": torch.ones(32, 1)},
            f"it has only `{UP}.alpha` and `{UP}.dora_scale`",
        ),
        (
            lambda tensors: {**tensors, f"unet.{DOWN}.lora_A.weight": torch.ones(2, 32)},
            f"`{UP}.lora_down.weight` and `unet.{DOWN}.lora_A.weight` name the same module",
        ),
        (
            lambda tensors: {**tensors, f"{UP}.lora_A.weight": torch.ones(2, 32)},
            f"`{UP}.lora_A.weight` and `{UP}.lora_down.weight` name the same module",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_their_keys(
    spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]], reason: str, sd1: Any, read: Read
) -> None:
    with pytest.raises(PromptError, match=re.escape(reason)):
        read(sd1, spoil(low_rank(UP, 32, 32)))
