"""The parts of the emoji model, untrained: Stable Diffusion's own classes, a hundredth as large."""

from __future__ import annotations

from dataclasses import dataclass

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

LATENT_SIZE = 8
"""Width and height of the latents, whatever the picture's are."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of the model's parts."""

    size: int = 64
    """Width and height of a picture, pixels: 64, or 128 with one level more."""
    latent_channels: int = 16
    autoencoder_widths: tuple[int, ...] = (24, 48, 96, 128)
    """Channels a level; each level but the first halves the picture."""
    denoiser_widths: tuple[int, int] = (160, 256)
    heads: tuple[int, int] = (5, 8)
    """Attention heads a level of the denoiser."""


SHIPPED = Architecture()
"""The sizes of the model whose weights are in `model/`."""

WIDER = Architecture(latent_channels=24, autoencoder_widths=(32, 64, 96, 128))

LARGER = Architecture(size=128, latent_channels=32, autoencoder_widths=(16, 32, 64, 128, 128))
"""Pictures of 128 pixels, with the same 8 × 8 latents."""

NARROWER = Architecture(denoiser_widths=(128, 192), heads=(4, 6))


def autoencoder(sizes: Architecture = SHIPPED) -> AutoencoderKL:
    """Make the part that turns pictures `[n, 3, size, size]` to latents `[n, c, 8, 8]` and back."""
    widths = sizes.autoencoder_widths
    vae: AutoencoderKL = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=sizes.latent_channels,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=sizes.size,
        scaling_factor=1.0,
    )
    return vae


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Make the part that turns token ids `[n, 77]` to hidden states `[n, 77, 256]`."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=256,
            intermediate_size=1024,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    )


def denoiser(sizes: Architecture = SHIPPED) -> UNet2DConditionModel:
    """Make the part that predicts the velocity `[n, c, 8, 8]` of noisy latents."""
    unet: UNet2DConditionModel = UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=sizes.latent_channels,
        out_channels=sizes.latent_channels,
        block_out_channels=sizes.denoiser_widths,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=256,
        attention_head_dim=sizes.heads,  # heads a level, in spite of the name
        norm_num_groups=32,
    )
    return unet


def scheduler() -> DDIMScheduler:
    """Make a schedule of v-prediction, zero terminal SNR (Lin et al. 2024, arXiv 2305.08891)."""
    schedule: DDIMScheduler = DDIMScheduler(
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
    return schedule
