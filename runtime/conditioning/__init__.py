"""Prompts for the UNet: hidden states of text encoders, emphasis, regions."""
