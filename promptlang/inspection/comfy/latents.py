"""Nodes that make, scale, encode and decode latents and pictures."""

from __future__ import annotations

import re
from dataclasses import replace

from promptlang.inspection.comfy.evaluation import Steps, Visit, describe
from promptlang.inspection.comfy.graph import Link
from promptlang.inspection.comfy.values import Kind, Latent, Pipe, Vae, Value

MAX_SIDE = 100_000
"""The largest width or height that is believed, in pixels."""


def empty_latent(visit: Visit) -> Steps[Value]:
    """Evaluate empty latents; ComfyUI rounds their size down to whole latents of 8 pixels."""
    batch = yield from visit.integer("batch_size")
    found = re.search(r"(\d{2,5})\s*[x×]\s*(\d{2,5})", f"{visit.source('dimensions')}")
    if found:
        width: int | None = int(found[1])
        height: int | None = int(found[2])
        if visit.source("invert") in (True, "On"):
            width, height = height, width
    else:
        width = yield from visit.integer("width")
        height = yield from visit.integer("height")
    if visit.slot in ("width", "height"):
        return width if visit.slot == "width" else height
    if visit.slot == "batch_size":
        return batch
    return Latent(whole_size(width, height), batch)


def whole_size(width: float | None, height: float | None) -> tuple[int, int] | None:
    """Return a size rounded down to latents of 8 pixels, as ComfyUI does; None if absurd."""
    if width is None or height is None:
        return None
    sides = int(width) // 8 * 8, int(height) // 8 * 8
    return sides if all(0 < side <= MAX_SIDE for side in sides) else None


def image_latent(visit: Visit) -> Steps[Value]:
    """Evaluate a picture that is encoded to latents; one that is inpainted is named as lost."""
    if visit.spec.option == "inpaint":
        visit.lose("inpainting by ")
    return (yield from visit.latent("image", Kind.IMAGE))


def decode(visit: Visit) -> Steps[Value]:
    """Evaluate latents that are decoded to a picture."""
    latent = yield from visit.latent("latent")
    vae = yield from visit.typed("vae", Kind.VAE, Vae)
    return replace(latent, vae=vae.file) if latent and vae else latent


def picture(visit: Visit) -> Steps[Value]:
    """Evaluate a picture from a file, which is named as lost: its path is not in the graph."""
    yield from ()
    visit.evaluation.lose(
        f"the picture of {describe(visit.node)}: with `--init` it is an initial picture"
    )
    return Latent()


def scale(visit: Visit) -> Steps[Value]:
    """Evaluate latents or a picture of another size."""
    kind = Kind.IMAGE if visit.slot == "image" else Kind.LATENT
    latent = yield from visit.latent(visit.slot, kind)
    visit.lose("the upscaling method of ")
    if latent is None:
        return None
    if visit.spec.option == "by":
        factor = yield from visit.number("factor")
        if factor is None or latent.size is None or not 0 < factor < MAX_SIDE:
            return replace(latent, size=None)
        sides = (round(side * factor / 8) * 8 for side in latent.size)
        return replace(latent, size=whole_size(*sides))
    if visit.spec.option == "to":
        width = yield from visit.integer("width")
        height = yield from visit.integer("height")
        return replace(latent, size=_other_size(latent.size, width, height))
    return replace(latent, size=None)


def _other_size(
    size: tuple[int, int] | None, width: int | None, height: int | None
) -> tuple[int, int] | None:
    """Return a size of which one side may be 0 to keep the shape."""
    if size is not None and width is not None and height is not None:
        if width == 0 and height > 0:
            width = round(size[0] * height / size[1])
        elif height == 0 and width > 0:
            height = round(size[1] * width / size[0])
    return whole_size(width, height)


def pipe(visit: Visit) -> Steps[Value]:
    """Evaluate a bundle of values, or one value in it."""
    own = {
        name: visit.node.inputs[visit.spec.name(name)]
        for name in visit.spec.inputs
        if visit.node.inputs.get(visit.spec.name(name)) is not None
    }
    if visit.slot == "pipe":
        before = yield from visit.typed("pipe", Kind.PIPE, Pipe)
        return Pipe({**(before.fields if before else {}), **own})
    return (yield from visit.take(visit.slot, visit.kind))


def output(visit: Visit) -> Steps[Value]:
    """Evaluate a node that saves or shows a picture."""
    for name in visit.spec.inputs:
        if isinstance(visit.node.inputs.get(name), Link):
            return (yield from visit.latent(name, Kind.IMAGE))
    return None
