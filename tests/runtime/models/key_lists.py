"""The keys of kinds of files that cannot be used, as their authors' code writes them."""

from __future__ import annotations

import warnings
from typing import Any, Final

import diffusers
from accelerate import init_empty_weights

Shapes = dict[str, tuple[int, ...]]

CLASSES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "SD3Transformer2DModel": ("Stable Diffusion 3", {"num_layers": 2}),
    "FluxTransformer2DModel": ("Flux", {"num_layers": 1, "num_single_layers": 1}),
    "Flux2Transformer2DModel": ("Flux 2", {"num_layers": 1, "num_single_layers": 1}),
    "ChromaTransformer2DModel": ("Chroma", {"num_layers": 1, "num_single_layers": 1}),
    "QwenImageTransformer2DModel": ("Qwen-Image", {"num_layers": 1}),
    "ZImageTransformer2DModel": ("Z-Image", {"n_layers": 1, "n_refiner_layers": 1}),
    "Lumina2Transformer2DModel": ("Lumina", {"num_layers": 1}),
    "PixArtTransformer2DModel": ("PixArt", {"num_layers": 1, "caption_channels": 64}),
    "SanaTransformer2DModel": ("Sana", {"num_layers": 1}),
    "AuraFlowTransformer2DModel": (
        "AuraFlow",
        {"num_mmdit_layers": 1, "num_single_dit_layers": 1},
    ),
    "HunyuanVideoTransformer3DModel": (
        "HunyuanVideo",
        {"num_layers": 1, "num_single_layers": 1, "num_refiner_layers": 1},
    ),
    "HunyuanImageTransformer2DModel": (
        "HunyuanImage",
        {"num_layers": 1, "num_single_layers": 1, "num_refiner_layers": 1},
    ),
    "WanTransformer3DModel": ("Wan", {"num_layers": 1}),
    "LTXVideoTransformer3DModel": ("LTX-Video", {"num_layers": 1}),
    "CogVideoXTransformer3DModel": ("CogVideoX", {"num_layers": 1}),
    "CogView4Transformer2DModel": ("CogView", {"num_layers": 1}),
    "MochiTransformer3DModel": ("Mochi", {"num_layers": 2}),
    "AllegroTransformer3DModel": ("Allegro", {"num_layers": 1}),
    "CosmosTransformer3DModel": ("Cosmos", {"num_layers": 1}),
    "StableAudioDiTModel": ("Stable Audio", {"num_layers": 1}),
    "FluxControlNetModel": ("ControlNet", {"num_layers": 1, "num_single_layers": 1}),
    "SD3ControlNetModel": ("ControlNet", {"num_layers": 1}),
    "T2IAdapter": ("T2I-Adapter", {}),
    "AutoencoderTiny": ("an autoencoder for previews (TAESD)", {}),
    "AutoencoderKLWan": ("the VAE of Wan or Qwen-Image", {"base_dim": 8}),
    "PriorTransformer": ("a prior of unCLIP or Kandinsky", {"num_layers": 1}),
}
"""Classes of diffusers, the kinds of their files, and arguments that make them small."""

_SD: Final = "model.diffusion_model."

PUBLISHED: Final[dict[str, Shapes]] = {
    "Flux": {
        "double_blocks.0.img_attn.norm.key_norm.scale": (128,),
        "single_blocks.0.linear1.weight": (21504, 3072),
        "img_in.weight": (3072, 64),
        "guidance_in.in_layer.bias": (3072,),
    },
    "Flux for inpainting": {
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
        "img_in.weight": (3072, 384),
    },
    "Flux for edges or depth": {
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
        "img_in.weight": (3072, 128),
    },
    "Flux 2": {"double_stream_modulation_img.lin.weight": (1, 1)},
    "Chroma": {
        "distilled_guidance_layer.in_proj.bias": (5120,),
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
    },
    "Stable Diffusion 3": {
        "joint_blocks.0.context_block.adaLN_modulation.1.bias": (9216,),
        "pos_embed": (1, 36864, 1536),
    },
    "Stable Diffusion 3.5": {
        "joint_blocks.0.context_block.adaLN_modulation.1.bias": (9216,),
        "joint_blocks.37.x_block.mlp.fc1.weight": (9728, 2432),
    },
    "HiDream": {"double_stream_blocks.0.block.adaLN_modulation.1.bias": (1,)},
    "Qwen-Image": {
        "transformer_blocks.0.img_mod.1.weight": (1, 1),
        "txt_norm.weight": (3584,),
        "img_in.weight": (3072, 64),
    },
    "Z-Image": {
        "layers.0.adaLN_modulation.0.weight": (1, 1),
        "cap_embedder.0.weight": (2560,),
        "noise_refiner.0.attention.qkv.weight": (1, 1),
    },
    "Lumina": {"cap_embedder.0.weight": (2304,), "layers.0.adaLN_modulation.1.weight": (1, 1)},
    "PixArt": {
        "blocks.0.cross_attn.q_linear.weight": (1152, 1152),
        "t_block.1.weight": (6912, 1152),
        "y_embedder.y_proj.fc1.weight": (1152, 4096),
    },
    "Sana": {
        "blocks.0.cross_attn.q_linear.weight": (1, 1),
        "blocks.0.mlp.inverted_conv.conv.weight": (1, 1),
        "t_block.1.weight": (1, 1),
        "y_embedder.y_proj.fc1.weight": (1, 1),
    },
    "AuraFlow": {"double_layers.0.attn.w1q.weight": (1, 1), "cond_seq_linear.weight": (1, 1)},
    "Hunyuan-DiT": {
        "text_embedding_padding": (77, 1024),
        "blocks.0.attn1.Wqkv.weight": (1, 1),
        "mlp_t5.0.weight": (1, 1),
    },
    "HunyuanVideo": {
        "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": (1,),
        "double_blocks.0.img_attn_qkv.weight": (1, 1),
        "img_in.proj.weight": (3072, 16, 1, 2, 2),
    },
    "Wan": {"head.modulation": (1, 2, 1536), "blocks.0.self_attn.q.weight": (1, 1)},
    "LTX-Video": {
        "patchify_proj.weight": (1, 1),
        "transformer_blocks.27.scale_shift_table": (6, 2048),
    },
    "Mochi": {"blocks.0.attn.qkv_x.weight": (1, 1)},
    "Cosmos": {"net.x_embedder.proj.1.weight": (4096, 68)},
    "Stable Cascade": {"clip_txt_mapper.weight": (2048, 1280), "down_blocks.0.0.a.weight": (1,)},
    "Stable Video Diffusion": {
        f"{_SD}input_blocks.1.0.time_stack.in_layers.0.weight": (320,),
        f"{_SD}input_blocks.0.0.weight": (320, 8, 3, 3),
        "conditioner.embedders.0.open_clip.model.visual.proj": (1, 1),
    },
    "SDXL refiner": {
        "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias": (1280,),
        f"{_SD}input_blocks.0.0.weight": (384, 4, 3, 3),
    },
    "SDXL for inpainting": {
        "conditioner.embedders.1.model.ln_final.bias": (1280,),
        f"{_SD}input_blocks.0.0.weight": (320, 9, 3, 3),
    },
    "Playground 2.5": {
        "edm_mean": (1, 4, 1, 1),
        "conditioner.embedders.1.model.ln_final.bias": (1280,),
    },
    "Kolors": {f"{_SD}label_emb.0.0.weight": (1280, 5632), f"{_SD}out.2.bias": (4,)},
    "ControlNet": {"control_model.zero_convs.0.0.weight": (320, 320, 1, 1)},
    "IP-Adapter": {"image_proj.proj.weight": (1, 1), "ip_adapter.1.to_k_ip.weight": (1, 1)},
    "AnimateDiff's motion module": {
        "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (320,)
    },
    "an upscaler (ESRGAN)": {"model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)},
    "a VAE with 16 latent channels": {
        "decoder.conv_in.weight": (512, 16, 3, 3),
        "encoder.conv_in.weight": (128, 3, 3, 3),
    },
    "a text encoder (T5)": {"encoder.block.0.layer.0.SelfAttention.q.weight": (1, 1)},
    "a text encoder (CLIP)": {"text_model.encoder.layers.0.self_attn.k_proj.weight": (1, 1)},
    "a language model": {"model.layers.0.self_attn.q_proj.weight": (1, 1)},
    "a UNet alone, without text encoder and VAE": {
        "conv_in.weight": (320, 4, 3, 3),
        "down_blocks.0.resnets.0.conv1.weight": (320, 320, 3, 3),
    },
}
"""Some tensors of files in their authors' layouts, by kind."""


def class_shapes(name: str) -> Shapes:
    """Return the shapes of a small network of diffusers by its keys."""
    with init_empty_weights(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some classes use deprecated names of their own
        network = getattr(diffusers, name)(**CLASSES[name][1])
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}
