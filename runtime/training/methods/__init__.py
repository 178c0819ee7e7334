"""Training methods: LoRA and its variants, DreamBooth, textual inversion, pivotal tuning."""
