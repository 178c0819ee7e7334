"""Every word of the language that is not the user's own: statement heads, and options with their types and ranges."""

from __future__ import annotations

from .options import Kind, Option
from .training import TRAINING

__all__ = ["Kind", "Option"]


HEADS: tuple[str, ...] = (
    "use model",
    "use vae",
    "use lora",
    "use ti",
    "use wildcards",
    "train lora",
    "train dreambooth",
    "train ti",
    "set",
    "let",
    "merge lora",
    "merge ti",
    "extract lora",
    "convert",
    "caption",
    "check data",
    "validate",
    "plot",
    "include",
)
"""What a statement begins with; any other line is a prompt."""

UNAVAILABLE_STATEMENTS: tuple[str, ...] = (
    "merge lora",
    "merge ti",
    "extract lora",
    "convert",
    "caption",
    "validate",
    "plot",
)
"""The statements that are read and checked, but that nothing carries out yet."""

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
"""What A1111 calls each sampler, or would."""

SCHEDULERS: dict[str, str] = {
    "normal": "Uniform",
    "karras": "Karras",
    "exponential": "Exponential",
    "sgm_uniform": "SGM Uniform",
}
"""What A1111 calls each way to space the noise levels."""

FIXED_SPACING_SAMPLERS: tuple[str, ...] = ("ddim", "ddpm", "euler_a", "lcm")
"""The samplers whose noise levels cannot be spaced as Karras has them, nor exponentially."""

EMPHASES: tuple[str, ...] = ("a1111", "a1111-no-norm", "comfy", "compel", "none")

METADATA: tuple[str, ...] = ("full", "minimal", "none")
"""A1111's text and all that `replay` needs, the former only, or nothing."""

PRECISIONS: tuple[str, ...] = ("fp32", "fp16", "bf16")

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda", "mps")

TRAINING_METHODS: tuple[str, ...] = ("lora", "dreambooth", "ti")
"""Of training."""

COMPUTING_HEADS: tuple[str, ...] = ("prompt", *(f"train {method}" for method in TRAINING_METHODS))
"""The heads of what a network computes."""

CONVERT_TARGETS: tuple[str, ...] = (
    "kohya",
    "diffusers",
    "a1111",
    "int8",
    "fp8",
    "fp16",
    "onnx",
    "shards",
    "single-file",
)

OPTIONS: tuple[Option, ...] = (
    Option("negative", Kind.TEXT, "what the picture should not show", ("prompt",), ""),
    Option("seed", Kind.INTEGER, "the noise to start from", ("prompt",), None, 0, 2**63 - 1),
    Option("steps", Kind.INTEGER, "denoising steps", ("prompt",), 25, 1, 1000),
    Option(
        "cfg", Kind.NUMBER, "how closely the picture follows the prompt", ("prompt",), 5.0, 0, 100
    ),
    Option("size", Kind.SIZE, "width x height in pixels", ("prompt", "check data")),
    Option(
        "sampler",
        Kind.SAMPLER,
        "how noise is taken away",
        ("prompt",),
        "ddim",
        choices=tuple(SAMPLERS),
    ),
    Option("every", Kind.FLAG, "a picture for each variant instead of a random one", ("prompt",)),
    Option("n", Kind.INTEGER, "pictures, each with the next seed", ("prompt",), 1, 1, 1000),
    Option(
        "scheduler",
        Kind.CHOICE,
        "how the noise levels are spaced",
        ("prompt",),
        "normal",
        choices=tuple(SCHEDULERS),
    ),
    Option(
        "clip-skip",
        Kind.INTEGER,
        "the text encoder's layer to read, from the last, 1",
        COMPUTING_HEADS,
        1,
        1,
        12,
    ),
    Option("emphasis", Kind.CHOICE, "what a weight does", ("prompt",), "a1111", choices=EMPHASES),
    Option("eta", Kind.NUMBER, "fresh noise at each step", ("prompt",), 0.0, 0, 1),
    Option("init", Kind.FILE, "the picture to start from", ("prompt",)),
    Option("strength", Kind.FRACTION, "how far from the first picture", ("prompt",), 0.75, 0, 1),
    Option("mask", Kind.FILE, "where the picture may change", ("prompt",)),
    Option("hires", Kind.NUMBER, "a second pass at so many times the size", ("prompt",), 1.0, 1, 8),
    Option(
        "grid",
        Kind.FLAG,
        "a contact sheet of several pictures; `--no-grid` for none",
        ("prompt",),
        "on",
    ),
    Option("out", Kind.FILE, "where the pictures go", ("prompt",), available=False),
    Option(
        "missing",
        Kind.CHOICE,
        "an unknown adapter is",
        ("set",),
        "error",
        choices=("error", "warn", "ignore"),
    ),
    Option(
        "metadata", Kind.CHOICE, "what a picture says of itself", ("set",), "full", choices=METADATA
    ),
    Option(
        "precision", Kind.CHOICE, "the numbers to compute with", COMPUTING_HEADS, choices=PRECISIONS
    ),
    Option("device", Kind.CHOICE, "where to compute", COMPUTING_HEADS, "auto", choices=DEVICES),
    Option(
        "memory",
        Kind.CHOICE,
        "how much of it to take",
        ("prompt",),
        "normal",
        choices=("normal", "low"),
    ),
    Option(
        "bare-embeddings",
        Kind.FLAG,
        "`embedding:name`, and a token's bare name, are the token",
        ("set",),
        "off",
    ),
    *TRAINING,
    Option(
        "method",
        Kind.CHOICE,
        "what the pictures are for",
        ("check data",),
        "lora",
        choices=TRAINING_METHODS,
    ),
    Option("token", Kind.CHOICE, "what they are to be called by", ("check data",), ""),
    Option(
        "method",
        Kind.CHOICE,
        "how to mix",
        ("merge lora",),
        "linear",
        choices=("linear", "svd", "ties", "dare"),
    ),
    Option("rank", Kind.INTEGER, "how much the LoRA can hold", ("extract lora",), 8, 1, 1024),
)


def get_options(head: str) -> dict[str, Option]:
    """The options that a statement, or ``prompt``, takes."""
    return {option.name: option for option in OPTIONS if head in option.heads}


SETTINGS: dict[str, Option] = {**get_options("prompt"), **get_options("set")}
"""What ``set`` can set: any prompt option, and a few of its own."""
