"""Noise to pictures: samplers, conditioning of steps, the denoising loop, and whole renders."""
