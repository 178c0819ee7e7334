"""The options of a prompt's line, the settings of `set`, and the fields of `Render` they fill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .choices import (
    DEVICES,
    EMPHASES,
    METADATA,
    PRECISIONS,
    SAMPLERS,
    SCHEDULERS,
    TRAINING_METHODS,
)
from .options import Given, Kind, Option, Requirement, default_of

MAX_PIXELS = 2**27
"""The largest picture, in pixels: 11,585 squared, as large as pictures may be that are read."""

_PROMPT = ("prompt", "set")
_SET = ("set",)
_TRAININGS = tuple(f"train {method}" for method in TRAINING_METHODS)

PROMPT_OPTIONS: tuple[Option, ...] = (
    Option(
        "negative",
        Kind.TEXT,
        "Negative prompt: text that guidance steers the picture away from.",
        _PROMPT,
        "",
        field="prompts.negative_text",
    ),
    Option(
        "seed",
        Kind.INTEGER,
        "Seed of the initial noise; the same seed gives the same picture.",
        _PROMPT,
        default_doc="0 in a recipe, random in a conversation",
        low=0,
        high=2**63 - 1,
        field="sampling.seed",
        long_doc="Noise is drawn on the CPU, so a seed has the same meaning on every device.",
    ),
    Option(
        "steps",
        Kind.INTEGER,
        "Number of denoising steps.",
        _PROMPT,
        25,
        low=1,
        high=1000,
        field="sampling.steps",
    ),
    Option(
        "cfg",
        Kind.NUMBER,
        "Guidance scale (CFG): higher values follow the prompt more closely.",
        _PROMPT,
        5.0,
        low=0,
        high=100,
        aliases=("guidance-scale",),
        field="sampling.cfg",
        long_doc="A schedule such as `[7:3:0.5]` changes the scale during sampling.",
    ),
    Option(
        "size",
        Kind.SIZE,
        "Width x height in pixels, both multiples of 8.",
        (*_PROMPT, "check data"),
        default_doc="the base model's size",
        field="image.size",
        fields=(("check data", "size"),),
    ),
    Option(
        "sampler",
        Kind.SAMPLER,
        "Sampler that removes the noise step by step, for example `ddim` or `euler_a`.",
        _PROMPT,
        "ddim",
        choices=tuple(SAMPLERS),
        field="sampling.sampler",
        long_doc='A label of A1111 is accepted as well, with its spacing: `"DPM++ 2M Karras"`.',
    ),
    Option(
        "every",
        Kind.FLAG,
        "Render every variant of the prompt's templates instead of a random one.",
        _PROMPT,
        "off",
    ),
    Option(
        "n",
        Kind.INTEGER,
        "Number of pictures, each with the next seed.",
        _PROMPT,
        1,
        low=1,
        high=1000,
    ),
    Option(
        "scheduler",
        Kind.CHOICE,
        "Spacing of the noise levels over the denoising steps.",
        _PROMPT,
        "normal",
        choices=tuple(SCHEDULERS),
        field="sampling.scheduler",
        long_doc="Overrides a spacing that is part of the sampler's label.",
    ),
    Option(
        "clip-skip",
        Kind.INTEGER,
        "Layer of the text encoder to read, counted from the last one, which is 1.",
        (*_PROMPT, *_TRAININGS),
        1,
        low=1,
        high=12,
        field="prompts.clip_skip",
        fields=tuple((head, "clip_skip") for head in _TRAININGS),
        metadata=("ss_clip_skip",),
        long_doc="The count is that of A1111 and kohya; diffusers counts from 0.",
    ),
    Option(
        "emphasis",
        Kind.CHOICE,
        "Method that applies a weight such as `(word:1.2)` to the text embedding.",
        _PROMPT,
        "a1111",
        choices=EMPHASES,
        field="prompts.emphasis",
    ),
    Option(
        "eta",
        Kind.NUMBER,
        "Share of fresh noise at each DDIM step: 0 is deterministic, 1 is as in DDPM.",
        _PROMPT,
        0.0,
        low=0,
        high=1,
        field="sampling.eta",
    ),
    Option(
        "init",
        Kind.FILE,
        "Picture to start from (image-to-image).",
        _PROMPT,
        field="image.init",
    ),
    Option(
        "strength",
        Kind.FRACTION,
        "Denoising strength of image-to-image: 0 keeps the picture, 1 starts from noise.",
        _PROMPT,
        0.75,
        low=0,
        high=1,
        field="image.strength",
        requires=(Requirement((Given("init"), Given("hires"))),),
        long_doc="The strength is the share of the steps that is run, the last ones.",
    ),
    Option(
        "mask",
        Kind.FILE,
        "Inpainting mask: the picture changes where the mask is white.",
        _PROMPT,
        field="image.mask",
        requires=(Requirement((Given("init"),)),),
        long_doc="The mask has the size of the initial picture; black areas keep every pixel.",
    ),
    Option(
        "hires",
        Kind.NUMBER,
        "Upscaling factor of a second, image-to-image pass (hires fix).",
        _PROMPT,
        1.0,
        low=1,
        high=8,
        field="image.hires",
        long_doc="The second pass runs the last `--strength` of the steps.",
    ),
    Option(
        "grid",
        Kind.FLAG,
        "Contact sheet of the pictures that one line makes; `--no-grid` omits the sheet.",
        _PROMPT,
        "on",
    ),
    Option("out", Kind.FILE, "Folder or file for the pictures.", _PROMPT, available=False),
    Option(
        "precision",
        Kind.CHOICE,
        "Floating-point type of the computation.",
        (*_PROMPT, *_TRAININGS),
        choices=PRECISIONS,
        default_doc="chosen for the device",
        field="computing.precision",
        fields=tuple((head, "optimisation.precision") for head in _TRAININGS),
        long_doc="A picture takes `fp16` on `cuda`, else `fp32`. A training takes `bf16` where the "
        "device supports bf16 well; trained weights stay in fp32, and `fp16` scales the loss.",
    ),
    Option(
        "device",
        Kind.CHOICE,
        "Device of the computation; `auto` takes a GPU where there is one.",
        (*_PROMPT, *_TRAININGS),
        "auto",
        choices=DEVICES,
        field="computing.device",
        fields=tuple((head, None) for head in _TRAININGS),
    ),
    Option(
        "memory",
        Kind.CHOICE,
        "Memory use: `low` slices attention, tiles the VAE and unloads idle networks.",
        _PROMPT,
        "normal",
        choices=("normal", "low"),
        field="computing.memory",
    ),
)

SET_OPTIONS: tuple[Option, ...] = (
    Option(
        "missing",
        Kind.CHOICE,
        "Severity of an unknown LoRA or embedding in a prompt.",
        _SET,
        "error",
        choices=("error", "warn", "ignore"),
    ),
    Option(
        "metadata",
        Kind.CHOICE,
        "Metadata to write into each picture.",
        _SET,
        "full",
        choices=METADATA,
        field="output.metadata",
        long_doc="`full` is A1111's infotext and all that `replay` needs, `minimal` the infotext "
        "only.",
    ),
    Option(
        "bare-embeddings",
        Kind.FLAG,
        "Read `embedding:name` and a token's bare name as the token `<name>`.",
        _SET,
        "off",
    ),
)

PICTURE: tuple[Option, ...] = PROMPT_OPTIONS + SET_OPTIONS


def _declared(field: str) -> Any:
    return default_of(PICTURE, field, "set")


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """Noise, sampler and guidance."""

    seed: int
    steps: int
    cfg: float
    """Guidance scale; where it changes, the first step's."""
    sampler: str
    scheduler: str = _declared("sampling.scheduler")
    """Spacing of the noise levels: ``normal`` for the model's own, ``karras``, …"""
    cfg_by_step: tuple[float, ...] = ()
    """The guidance scale at each step, where it changes."""
    eta: float = _declared("sampling.eta")
    """Share of its noise that DDIM draws anew at each step."""
    batch: int | None = None
    """Copies to render side by side, of which the first is kept: the count affects the last bits.
    None for rendering beside the other pictures of the sweep."""

    @property
    def guidance_scales(self) -> tuple[float, ...]:
        """Return the guidance scale of each step."""
        return self.cfg_by_step or (self.cfg,) * self.steps


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """Size of the picture, and the picture that sampling starts from."""

    size: tuple[int, int] | None = None
    """Width and height in pixels; None for the model's own size."""
    init: Path | None = None
    """The initial picture; None for pure noise."""
    mask: Path | None = None
    """White where the initial picture may change."""
    strength: float = _declared("image.strength")
    """Share of the steps that run from `init`, or in the second pass of `hires`."""
    hires: float = _declared("image.hires")
    """Factor by which a second pass enlarges width and height; 1 for no such pass."""


@dataclass(frozen=True, slots=True)
class OutputConfig:
    """The file to write."""

    file: Path
    """The PNG."""
    metadata: str = _declared("output.metadata")
    """Texts in the PNG: ``full``, ``minimal`` (A1111's parameters only) or ``none``."""
    sheet_position: tuple[int, int] | None = None
    """Number of the picture on its contact sheet, from 1, and their count; None without a sheet."""


@dataclass(frozen=True, slots=True)
class ComputeConfig:
    """Precision, device and memory use of a rendering."""

    precision: str | None = None
    """``fp32``, ``fp16`` or ``bf16``; None for the device's default."""
    device: str = _declared("computing.device")
    """``cpu``, ``cuda``, ``mps``, or ``auto`` for the fastest one present."""
    memory: str = _declared("computing.memory")
    """``normal`` or ``low``."""
