"""Files of other families and of other roles are named by their keys."""

from __future__ import annotations

import pytest

from promptlang.diagnostics.models import describe_kind
from promptlang.inspection.adapter_kinds import detect_other_kind, detect_unsupported_algorithm
from promptlang.inspection.families import MAX_KEYS, bounded, detect_family

DOWN, UP = "lora_down.weight", "lora_up.weight"

FAMILIES: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    "Stable Diffusion 1": [
        (f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.{DOWN}", (4, 768)),
        (f"lora_te_text_model_encoder_layers_0_self_attn_q_proj.{DOWN}", (4, 768)),
        (
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight",
            (4, 768),
        ),
        (
            "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.lora_A.weight",
            (4, 768),
        ),
    ],
    "Stable Diffusion 2": [
        (f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.{DOWN}", (4, 1024)),
    ],
    "SDXL": [
        (f"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.{DOWN}", (4, 2048)),
        (f"lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q.{DOWN}", (4, 640)),
        (f"lora_te2_text_model_encoder_layers_0_self_attn_q_proj.{DOWN}", (4, 1280)),
    ],
    "Stable Diffusion 3": [
        (f"lora_unet_joint_blocks_0_context_block_attn_qkv.{DOWN}", (4, 1536)),
        ("transformer.transformer_blocks.0.attn.add_q_proj.lora_A.weight", (4, 1536)),
    ],
    "Flux": [
        (f"lora_unet_double_blocks_0_img_attn_qkv.{DOWN}", (4, 3072)),
        (f"lora_unet_double_blocks_0_img_mlp_0.{DOWN}", (4, 3072)),
        (f"lora_unet_single_blocks_0_modulation_lin.{DOWN}", (4, 3072)),
        ("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", (4, 3072)),
        ("diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight", (4, 3072)),
    ],
    "Flux 2": [
        ("diffusion_model.double_stream_modulation_img.lin.lora_A.weight", (4, 6144)),
        ("transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_A.weight", (4, 6144)),
        ("diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight", (4, 6144)),
    ],
    "Chroma": [("diffusion_model.distilled_guidance_layer.in_proj.lora_A.weight", (4, 64))],
    "Qwen-Image": [
        ("transformer.transformer_blocks.0.img_mlp.net.0.proj.lora_A.weight", (4, 3072)),
        (f"lora_unet_transformer_blocks_0_txt_mod_1.{DOWN}", (4, 3072)),
        ("transformer_blocks.59.attn.to_q.lora_A.default.weight", (4, 3072)),
    ],
    "HunyuanVideo": [
        (f"lora_unet_double_blocks_0_img_mlp_fc1.{DOWN}", (4, 3072)),
        ("transformer.single_blocks.0.modulation.linear.lora_A.weight", (4, 3072)),
        (f"lora_unet_txt_in_individual_token_refiner_blocks_0_mlp_fc1.{DOWN}", (4, 3072)),
    ],
    "AuraFlow": [
        ("transformer.joint_transformer_blocks.0.attn.to_q.lora_A.weight", (4, 3072)),
        ("double_layers.0.attn.w1q.lora_A.weight", (4, 3072)),
    ],
    "HiDream": [
        ("transformer.double_stream_blocks.0.block.attn1.to_q.lora_A.weight", (4, 2560)),
        (f"lora_unet_single_stream_blocks_0_block_attn1_to_q.{DOWN}", (4, 2560)),
    ],
    "Z-Image": [
        ("diffusion_model.layers.0.attention.to_q.lora_A.weight", (4, 3840)),
        (f"lora_unet_layers_0_attention_qkv.{DOWN}", (4, 3840)),
    ],
    "Lumina 2": [
        ("diffusion_model.layers.0.attention.qkv.lora_A.weight", (4, 2304)),
        (f"lora_unet_noise_refiner_0_feed_forward_w1.{DOWN}", (4, 2304)),
    ],
    "Anima": [(f"lora_unet_blocks_0_cross_attn_q_proj.{DOWN}", (4, 2048))],
    "Wan": [
        (f"lora_unet_blocks_0_self_attn_q.{DOWN}", (4, 5120)),
        ("diffusion_model.blocks.0.cross_attn.k.lora_A.weight", (4, 1536)),
        ("transformer.blocks.0.attn1.to_q.lora_A.weight", (4, 5120)),
        ("diffusion_model.blocks.0.ffn.0.lora_A.weight", (4, 5120)),
    ],
    "Sana": [("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", (4, 2240))],
    "PixArt": [("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", (4, 1152))],
    "CogVideoX": [("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", (4, 1920))],
    "LTX-Video": [
        ("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", (4, 2048)),
        ("diffusion_model.transformer_blocks.0.attn2.to_k.lora_A.weight", (4, 2048)),
    ],
}


@pytest.mark.parametrize(
    ("family", "key", "shape"),
    [(family, *each) for family, rows in FAMILIES.items() for each in rows],
)
def test_the_family_of_an_adapter_is_named_by_one_key(
    family: str, key: str, shape: tuple[int, ...]
) -> None:
    found = detect_family({key: shape}, {})
    assert found is not None
    assert found.name == family


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("flux-1-dev/lora", "Flux"),
        ("flux-2-dev/lora", "Flux 2"),
        ("qwen-image/lora", "Qwen-Image"),
        ("stable-diffusion-xl-v1-base/lora", "SDXL"),
        ("hunyuan-video/lora", "HunyuanVideo"),
        ("wan2.1/lora", "Wan"),
    ],
)
def test_a_header_names_the_family_where_no_key_does(name: str, family: str) -> None:
    found = detect_family({"x.alpha": ()}, {"modelspec.architecture": name})
    assert found is not None
    assert found.name == family


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        ("x.fourierft_spectrum", "FourierFT"),
        ("x.vblora_logits_A", "VB-LoRA"),
        ("x.c3a_kernel", "C3A"),
        ("x.vera_lambda_b", "VeRA"),
        ("x.randlora_lambda", "RandLoRA"),
        ("lora_unet_x.q_layer.weight", "T-LoRA"),
        ("lora_unet_x.lambda_layer", "T-LoRA"),
        ("x.lora_latent_mapping.weight", "LoRA-XS"),
    ],
)
def test_an_algorithm_is_named_by_a_key(key: str, algorithm: str) -> None:
    assert detect_unsupported_algorithm([key]) == algorithm


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (["emb_params"], "a token of a textual inversion"),
        (["string_to_param.*", "string_to_token.*"], "a token of a textual inversion"),
        (["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"], "an IP-Adapter"),
        (["image_proj.norm.weight", "ip_adapter.0.to_q_lora.down.weight"], "an IP-Adapter"),
        (["lllite_unet_input_blocks_1_1.conditioning1.0.weight"], "of the kind ControlNet-LLLite"),
        (["lora_controlnet", "input_blocks.0.0.up"], "a Control-LoRA"),
        (["control_model.time_embed.0.weight"], "of the kind ControlNet"),
        (["controlnet_cond_embedding.conv_in.weight"], "of the kind ControlNet"),
        (["body.0.block1.weight"], "of the kind T2I-Adapter"),
        (["320.0.linear.0.weight", "320.1.linear.0.weight"], "a hypernetwork of A1111's"),
        (["unet.x.attn2.processor.to_k_custom_diffusion.weight"], "a Custom Diffusion"),
        (
            ["down_blocks.0.motion_modules.0.proj_in.weight"],
            "of the kind AnimateDiff's motion module",
        ),
        (["model.diffusion_model.input_blocks.0.0.weight"], "a whole model"),
        (["down_blocks.0.motion_modules.0.x.lora_down.weight"], "a motion LoRA of AnimateDiff"),
        (["double_blocks.0.img_attn.qkv.weight"], "of the kind Flux"),
        (
            ["conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"],
            "a UNet alone, without text encoder and VAE",
        ),
        (["decoder.conv_in.weight"], "a VAE"),
        (["text_model.encoder.layers.0.self_attn.q_proj.weight"], "a text encoder (CLIP)"),
        (["RRDB_trunk.0.RDB1.conv1.weight"], "an upscaler (ESRGAN)"),
        (["text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight"], None),
        (["model.diffusion_model.input_blocks.1.1.proj_in.lora_A.weight"], None),
        (["clip_l.text_model.encoder.layers.0.mlp.fc1.lora_down.weight"], None),
    ],
)
def test_a_file_of_another_role_is_named(keys: list[str], kind: str | None) -> None:
    found = detect_other_kind(dict.fromkeys(keys, (4, 4)))
    assert (found and describe_kind(found.name)) == kind


def test_only_so_much_of_absurd_keys_is_looked_at() -> None:
    """A header of 100 MB names a kind in no more time than the largest model's does."""
    many = {f"{'x' * 400}{number}": (1,) for number in range(30_000)}
    assert len(bounded(many)) == 1
    assert len(bounded({f"{number}": (1,) for number in range(30_000)})) == MAX_KEYS
    assert detect_other_kind(many) is None
