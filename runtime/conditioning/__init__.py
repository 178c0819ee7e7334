"""Chunks of tokens to the hidden states that the UNet reads: text encoders, emphasis, regions."""
