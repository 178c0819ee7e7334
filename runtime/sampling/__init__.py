"""Noise to latents: samplers, step conditioning, the denoising loop, and rendering of whole pictures."""
