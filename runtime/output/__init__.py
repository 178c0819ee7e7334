"""Latents to picture files with metadata, and contact sheets."""
