"""Every word of the language that is not the user's own: statement heads, and options with their types and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What may stand as an option's value."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    FRACTION = "a number between 0 and 1, or a percentage"
    TEXT = 'a "text"'
    SIZE = "a size such as `512x768`"
    CHOICE = "a name"
    FILE = "a file"
    FLAG = "`on` or `off`, or nothing: it is on, or with `--no-` off"


@dataclass(frozen=True, slots=True)
class Option:
    """``--steps 30`` on a line, or ``set steps 30`` for all that follow."""

    name: str
    kind: Kind
    doc: str
    heads: tuple[str, ...]
    """The statements that take it; ``prompt`` for a line that is a prompt, ``set`` for what only `set` takes."""
    default: int | float | str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    available: bool = True
    """Whether this version can do it."""


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

UNAVAILABLE: tuple[str, ...] = (
    "train dreambooth",
    "train ti",
    "merge lora",
    "merge ti",
    "extract lora",
    "convert",
    "caption",
    "check data",
    "validate",
    "plot",
)
"""The statements that are read and checked, but that nothing carries out yet."""

MODELS: tuple[str, ...] = ("emoji",)
"""The base models that come with promptlang."""

SAMPLERS: dict[str, str] = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "deis": "DEIS",
    "dpm++_2m": "DPM++ 2M",
    "dpm++_2m_sde": "DPM++ 2M SDE",
    "dpm++_3m": "DPM++ 3M",
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

EMPHASES: tuple[str, ...] = ("a1111", "a1111-no-norm", "comfy", "compel", "none")

METADATA: tuple[str, ...] = ("full", "minimal", "none")
"""A1111's text and all that `replay` needs, the former only, or nothing."""

PRECISIONS: tuple[str, ...] = ("fp32", "fp16", "bf16")

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda", "mps")

TARGETS: tuple[str, ...] = ("qv", "attn")

FORMATS: tuple[str, ...] = ("kohya", "diffusers", "a1111", "int8", "fp8", "fp16", "onnx", "shards", "single-file")

_TRAIN = ("train lora", "train dreambooth", "train ti")

OPTIONS: tuple[Option, ...] = (
    Option("negative", Kind.TEXT, "what the picture should not show", ("prompt",), ""),
    Option("seed", Kind.INTEGER, "the noise to start from", ("prompt", *_TRAIN), None, 0, 2**63 - 1),
    Option("steps", Kind.INTEGER, "denoising steps", ("prompt",), 25, 1, 1000),
    Option("cfg", Kind.NUMBER, "how closely the picture follows the prompt", ("prompt",), 5.0, 0, 100),
    Option("size", Kind.SIZE, "width x height in pixels", ("prompt",)),
    Option("sampler", Kind.CHOICE, "how noise is taken away", ("prompt",), "ddim", choices=tuple(SAMPLERS)),
    Option("every", Kind.FLAG, "a picture for each variant instead of a random one", ("prompt",)),
    Option("n", Kind.INTEGER, "pictures, each with the next seed", ("prompt",), 1, 1, 1000),
    Option(
        "scheduler", Kind.CHOICE, "how the noise levels are spaced", ("prompt",), "normal", choices=tuple(SCHEDULERS)
    ),
    Option("clip-skip", Kind.INTEGER, "the text encoder's layer to read, from the last, 1", ("prompt",), 1, 1, 12),
    Option("emphasis", Kind.CHOICE, "what a weight does", ("prompt",), "a1111", choices=EMPHASES),
    Option("eta", Kind.NUMBER, "fresh noise at each step", ("prompt",), 0.0, 0, 1),
    Option("init", Kind.FILE, "the picture to start from", ("prompt",)),
    Option("strength", Kind.FRACTION, "how far from the first picture", ("prompt",), 0.75, 0, 1),
    Option("mask", Kind.FILE, "where the picture may change", ("prompt",)),
    Option("hires", Kind.NUMBER, "a second pass at so many times the size", ("prompt",), 1.0, 1, 8),
    Option("grid", Kind.FLAG, "a contact sheet of several pictures; `--no-grid` for none", ("prompt",), "on"),
    Option("out", Kind.FILE, "where the pictures go", ("prompt",), available=False),
    Option("missing", Kind.CHOICE, "an unknown adapter is", ("set",), "error", choices=("error", "warn", "ignore")),
    Option("metadata", Kind.CHOICE, "what a picture says of itself", ("set",), "full", choices=METADATA),
    Option("precision", Kind.CHOICE, "the numbers to compute with", ("set",), choices=PRECISIONS),
    Option("device", Kind.CHOICE, "where to compute", ("set",), "auto", choices=DEVICES),
    Option("memory", Kind.CHOICE, "how much of it to take", ("set",), "normal", choices=("normal", "low")),
    Option("bare-embeddings", Kind.CHOICE, "tokens without angle brackets", ("set",), available=False),
    Option("rank", Kind.INTEGER, "how much a LoRA can hold", ("train lora",), 8, 1, 1024),
    Option(
        "alpha", Kind.NUMBER, "a LoRA's scale times its rank; the rank unless given", ("train lora",), None, 0.001, 4096
    ),
    Option(
        "targets", Kind.CHOICE, "the attention projections a LoRA changes", ("train lora",), "attn", choices=TARGETS
    ),
    Option("lr", Kind.NUMBER, "learning rate", _TRAIN, 1e-3, 1e-9, 1),
    Option("steps", Kind.INTEGER, "training steps", _TRAIN, 400, 1, 1_000_000),
    Option("batch", Kind.INTEGER, "pictures a training step", _TRAIN, 4, 1, 1024),
    Option("vectors", Kind.INTEGER, "vectors a token stands for", ("train ti",), 1, 1, 75),
    Option("init", Kind.CHOICE, "the word to start from", ("train ti",)),
    Option("prompt", Kind.TEXT, "what the pictures show", ("train dreambooth",)),
    Option("class", Kind.TEXT, "what others of its kind are called", ("train dreambooth",)),
    Option("method", Kind.CHOICE, "how to mix", ("merge lora",), "linear", choices=("linear", "svd", "ties", "dare")),
    Option("rank", Kind.INTEGER, "how much the LoRA can hold", ("extract lora",), 8, 1, 1024),
)


def options(head: str) -> dict[str, Option]:
    """The options that a statement, or ``prompt``, takes."""
    return {option.name: option for option in OPTIONS if head in option.heads}


SETTINGS: dict[str, Option] = {**options("prompt"), **options("set")}
"""What ``set`` can set: any prompt option, and a few of its own."""
