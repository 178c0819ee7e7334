"""Every word of the language that is not the user's own: statement heads, and options with their types and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What may stand as an option's value."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = 'a "text"'
    SIZE = "a size such as `512x768`"
    CHOICE = "a name"


@dataclass(frozen=True, slots=True)
class Option:
    """``--steps 30`` on a line, or ``set steps 30`` for all that follow."""

    name: str
    kind: Kind
    doc: str
    heads: tuple[str, ...]
    """The statements that take it; ``prompt`` for a line that is a prompt."""
    default: int | float | str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


HEADS: tuple[str, ...] = ("use model", "train lora", "set")
"""What a statement begins with; any other line is a prompt."""

MODELS: tuple[str, ...] = ("emoji",)
"""The base models that come with promptlang."""

SAMPLERS: tuple[str, ...] = ("ddim", "dpm++_2m", "euler")

A1111_SAMPLERS: dict[str, str] = {"DDIM": "ddim", "DPM++ 2M": "dpm++_2m", "Euler": "euler"}
"""By A1111's name for a sampler, ours."""

TARGETS: tuple[str, ...] = ("qv", "attn")

OPTIONS: tuple[Option, ...] = (
    Option("negative", Kind.TEXT, "what the picture should not show", ("prompt",), ""),
    Option("seed", Kind.INTEGER, "the noise to start from", ("prompt", "train lora"), None, 0, 2**63 - 1),
    Option("steps", Kind.INTEGER, "denoising steps", ("prompt",), 25, 1, 1000),
    Option("cfg", Kind.NUMBER, "how closely the picture follows the prompt", ("prompt",), 5.0, 0, 100),
    Option("size", Kind.SIZE, "width x height in pixels", ("prompt",)),
    Option("sampler", Kind.CHOICE, "how noise is taken away", ("prompt",), "ddim", choices=SAMPLERS),
    Option("rank", Kind.INTEGER, "how much a LoRA can hold", ("train lora",), 8, 1, 1024),
    Option(
        "alpha", Kind.NUMBER, "a LoRA's scale times its rank; the rank unless given", ("train lora",), None, 0.001, 4096
    ),
    Option(
        "targets", Kind.CHOICE, "the attention projections a LoRA changes", ("train lora",), "attn", choices=TARGETS
    ),
    Option("lr", Kind.NUMBER, "learning rate", ("train lora",), 1e-3, 1e-9, 1),
    Option("steps", Kind.INTEGER, "training steps", ("train lora",), 400, 1, 1_000_000),
    Option("batch", Kind.INTEGER, "pictures a training step", ("train lora",), 4, 1, 1024),
)


def options(head: str) -> dict[str, Option]:
    """The options that a statement, or ``prompt``, takes."""
    return {option.name: option for option in OPTIONS if head in option.heads}


SETTINGS: dict[str, Option] = options("prompt")
"""What ``set`` can set: any prompt option."""
