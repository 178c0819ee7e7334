"""Diagnostics that come up while pictures are rendered: PL503 to PL512."""

from __future__ import annotations

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

SIZE_NOT_POSSIBLE = Rule(
    code="PL503",
    kind="size-not-possible",
    title="The model cannot make a picture of this size",
    why="The UNet halves the latents several times, so both sides of a picture must be multiples "
    "of a number that depends on the model, often 64.",
    fix="Take the size that the hint names.",
    bad="a fox --size 520x520",
    good="a fox --size 512x512",
)


def size_not_possible(size: tuple[int, int], multiple: int, span: Span) -> Diagnostic:
    """Report ``--size 100x100`` with a model whose latents stand for 16 pixels each."""
    near = "x".join(str(max(multiple, round(side / multiple) * multiple)) for side in size)
    message = f"this model cannot make a picture of {size[0]}x{size[1]} pixels"
    hint = f"both sides must be multiples of {multiple}: try `{near}`"
    return SIZE_NOT_POSSIBLE.at(span, message, hint)


CLIP_SKIP_NOT_POSSIBLE = Rule(
    code="PL504",
    kind="clip-skip-not-possible",
    title="The text encoder has fewer layers than `--clip-skip` skips",
    why="`--clip-skip 2` takes the output of the last layer but one of the text encoder. The "
    "number is larger than the number of layers.",
    fix="Take 1, the last layer, or 2, the layer before it.",
    bad="a fox --clip-skip 12",
    good="a fox --clip-skip 2",
)


def clip_skip_not_possible(layer: int, layers: int, span: Span) -> Diagnostic:
    """Report ``--clip-skip 9`` with a text encoder of four layers."""
    message = f"this model's text encoder has {layers} layers, so there is no `--clip-skip {layer}`"
    hint = "1 is the last layer and 2 the one before it; few models need more"
    return CLIP_SKIP_NOT_POSSIBLE.at(span, message, hint)


SPACING_NOT_POSSIBLE = Rule(
    code="PL505",
    kind="spacing-not-possible",
    title="The sampler does not support this scheduler",
    why="The scheduler spaces the noise levels of the steps. Some samplers have a spacing of their "
    "own, or are only defined for some of the schedulers.",
    fix="Leave `--scheduler` out, or take a sampler that supports it, such as `dpm++_2m`.",
    bad="a fox --sampler ddim --scheduler karras",
    good="a fox --sampler dpm++_2m --scheduler karras",
)


def spacing_not_possible(sampler: str, scheduler: str, span: Span) -> Diagnostic:
    """Report ``--sampler ddim --scheduler karras``."""
    message = f"the sampler `{sampler}` does not support the scheduler `{scheduler}`"
    hint = "leave `--scheduler` out, or try `--sampler dpm++_2m`"
    return SPACING_NOT_POSSIBLE.at(span, message, hint)


ETA_NOT_POSSIBLE = Rule(
    code="PL506",
    kind="eta-not-possible",
    title="The sampler has no `--eta`",
    why="`--eta` is the share of fresh noise in each step of DDIM. The ancestral samplers have a "
    "fixed share, and the others add no noise or their own amount.",
    fix="Leave `--eta` out, or take a sampler that has it, such as `ddim`.",
    bad="a fox --sampler euler --eta 0.5",
    good="a fox --sampler ddim --eta 0.5",
)


def eta_not_possible(sampler: str, span: Span) -> Diagnostic:
    """Report ``--sampler euler --eta 0.5``."""
    message = f"the sampler `{sampler}` has no `--eta`"
    return ETA_NOT_POSSIBLE.at(span, message, "leave it out, or try `--sampler ddim`")


MASK_SIZE_MISMATCH = Rule(
    code="PL507",
    kind="mask-size-mismatch",
    title="The mask has another size than the picture",
    why="The mask says which pixels of the initial picture are painted anew, so it needs exactly "
    "as many pixels in both directions.",
    fix="Draw the mask over the picture itself, or resize it to the size of the picture.",
    bad='a fox --init "photo.png" --mask "other.png"',
)


def mask_of_another_size(mask: tuple[int, int], picture: tuple[int, int], span: Span) -> Diagnostic:
    """Report ``--init photo.png --mask other.png``."""
    message = "the mask has {}x{} pixels, the picture {}x{}".format(*mask, *picture)
    return MASK_SIZE_MISMATCH.at(span, message, "draw the mask over the picture itself")


OTHER_CLIP_SKIP = Rule(
    code="PL508",
    kind="other-clip-skip",
    title="A LoRA was trained with another `--clip-skip`",
    why="The LoRA learned from the output of another layer of the text encoder than the one that "
    "this prompt uses, so it may act weakly or wrongly.",
    fix="Give the prompt the `--clip-skip` that the hint names.",
    severity=Severity.WARNING,
)


def trained_with_other_clip_skip(name: str, trained: int, asked: int, span: Span) -> Diagnostic:
    """Report a LoRA that was trained on the output of another layer of the text encoder."""
    message = f"`{name}` was trained with `--clip-skip {trained}`, but this prompt uses {asked}"
    return OTHER_CLIP_SKIP.at(span, message, f"use it with `--clip-skip {trained}`")


OTHER_VAE = Rule(
    code="PL509",
    kind="other-vae",
    title="An adapter was trained with another VAE",
    why="A training learns from latents, and another VAE makes other latents of the same "
    "pictures. Colours and contrast may be off.",
    fix="Name the VAE of the training with `use vae`.",
    severity=Severity.WARNING,
)


def trained_with_other_vae(name: str, model: str, span: Span) -> Diagnostic:
    """Report a LoRA that was trained on the latents of another VAE."""
    message = (
        f"`{name}` was trained with another VAE than `{model}` has here, so its colours may be off"
    )
    return OTHER_VAE.at(span, message, "name that VAE with `use vae`")


DEVICE_MISSING = Rule(
    code="PL510",
    kind="device-missing",
    title="This machine has no such device",
    why="PyTorch finds no device of this kind: the machine has none, its driver is missing, or "
    "the installed PyTorch is built without it.",
    fix="Write `set device auto`, or install a PyTorch for the device.",
    bad="set device cuda",
    good="set device auto",
)


def device_missing(device: str, span: Span) -> Diagnostic:
    """Report ``set device cuda`` on a machine without such a GPU."""
    message = f"there is no device `{device}` on this machine"
    return DEVICE_MISSING.at(span, message, "try `set device auto`")


PRECISION_NOT_POSSIBLE = Rule(
    code="PL511",
    kind="precision-not-possible",
    title="The device cannot compute in this precision",
    why="The device has no operations for these numbers, or not for all that a model needs.",
    fix="Write `set precision fp32`, which every device can compute in.",
    bad="set precision fp16",
    good="set precision fp32",
)


def precision_not_possible(precision: str, device: str, span: Span) -> Diagnostic:
    """Report ``set precision fp16`` on a device that cannot compute with it."""
    message = f"the device `{device}` cannot compute in `{precision}`"
    return PRECISION_NOT_POSSIBLE.at(span, message, "try `set precision fp32`")


PICTURE_NOT_FINITE = Rule(
    code="PL512",
    kind="picture-not-finite",
    title="The latents of a picture are not finite numbers",
    why="The computation overflowed, so the picture would be black. In half precision this "
    "happens with some models and VAEs, otherwise with LoRAs at large strengths or a large "
    "`--cfg`.",
    fix="Take `--precision fp32`, lower the strengths of the LoRAs, or lower `--cfg`.",
)


def picture_not_finite(half: bool, span: Span) -> Diagnostic:
    """Report a LoRA at an absurd strength, or numbers too large for fp16."""
    hint = (
        "try `--precision fp32`" if half else "try lower strengths of the LoRAs, or a lower `--cfg`"
    )
    message = "the numbers of this picture grew out of bounds, so nothing could be drawn"
    return PICTURE_NOT_FINITE.at(span, message, hint)
