"""The names that statements and options take as values."""

from __future__ import annotations

BUILTIN_MODELS: tuple[str, ...] = ("emoji",)
"""The base models that come with promptlang."""

SAMPLERS: dict[str, str] = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "deis": "DEIS",
    "dpm++_2m": "DPM++ 2M",
    "dpm++_2m_sde": "DPM++ 2M SDE",
    "dpm++_3m": "DPM++ 3M",
    "dpm++_sde": "DPM++ SDE",
    "euler": "Euler",
    "euler_a": "Euler a",
    "heun": "Heun",
    "lcm": "LCM",
    "unipc": "UniPC",
}
"""The samplers, each with the label that A1111 gives it, or would."""

SCHEDULERS: dict[str, str] = {
    "normal": "Uniform",
    "karras": "Karras",
    "exponential": "Exponential",
    "sgm_uniform": "SGM Uniform",
}
"""The spacings of the noise levels, each with the label that A1111 gives it."""

FIXED_SPACING_SAMPLERS: tuple[str, ...] = ("ddim", "ddpm", "euler_a", "lcm")
"""The samplers that support neither Karras nor exponential spacing of the noise levels."""

EMPHASES: tuple[str, ...] = ("a1111", "a1111-no-norm", "comfy", "compel", "none")

METADATA: tuple[str, ...] = ("full", "minimal", "none")
"""A1111's text and all that `replay` needs, A1111's text only, or nothing."""

PRECISIONS: tuple[str, ...] = ("fp32", "fp16", "bf16")

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda", "mps")

TRAINING_METHODS: tuple[str, ...] = ("lora", "dreambooth", "ti")

TARGETS: tuple[str, ...] = ("qv", "attn", "attn+ff", "all")
"""The named groups of layers that `--targets` takes."""

ALGORITHMS: tuple[str, ...] = ("lora", "dora", "loha", "lokr")

LAYOUTS: tuple[str, ...] = ("kohya", "diffusers", "peft")
"""The layouts of a LoRA's file."""

QUANTIZATIONS: tuple[str, ...] = ("int8", "fp8")

LOSSES: tuple[str, ...] = ("mse", "l1", "huber", "cosine")

ATTENTION_BACKENDS: tuple[str, ...] = ("sdpa", "xformers")

OPTIMIZERS: tuple[str, ...] = (
    "adamw",
    "adamw8bit",
    "lion",
    "prodigy",
    "schedule-free",
    "adafactor",
)

LR_SCHEDULES: tuple[str, ...] = ("constant", "linear", "cosine", "cosine-restarts", "polynomial")
