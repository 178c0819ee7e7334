"""The parts of the emoji model, untrained: Stable Diffusion's own classes at a hundredth of its size."""

from __future__ import annotations

from diffusers import DDIMScheduler
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from .artwork import SIZE

LATENT_SIZE = 8
"""Width and height of the latents: an eighth of the picture's."""


def autoencoder() -> AutoencoderKL:
    """Pictures `[batch, 3, 64, 64]` to latents `[batch, 16, 8, 8]` and back; 3.1 M parameters."""
    channels = (24, 48, 96, 128)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=16,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=SIZE,
        scaling_factor=1.0,
    )


def text_encoder(vocabulary: int, bos: int, eos: int) -> CLIPTextModel:
    """Token ids `[batch, 77]` to hidden states `[batch, 77, 256]`; 5.4 M parameters."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=256,
            intermediate_size=1024,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=bos,
            eos_token_id=eos,
            pad_token_id=eos,
        )
    )


def denoiser() -> UNet2DConditionModel:
    """Noisy latents, timestep and hidden states to the predicted velocity `[batch, 16, 8, 8]`; 19.1 M parameters."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=16,
        out_channels=16,
        block_out_channels=(160, 256),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=256,
        attention_head_dim=(5, 8),  # heads a level, in spite of the name
        norm_num_groups=32,
    )


def scheduler() -> DDIMScheduler:
    """v-prediction with zero terminal SNR (Lin et al. 2024, https://arxiv.org/abs/2305.08891)."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )
