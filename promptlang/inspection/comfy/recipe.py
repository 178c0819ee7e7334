"""The line of a recipe for a picture of ComfyUI's, and what the line does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PureWindowsPath
from typing import Final

from promptlang.dialects.conversion import convert, format_recipe_line
from promptlang.files import Json, as_number
from promptlang.grammar import vocabulary
from promptlang.inspection.comfy.evaluation import describe
from promptlang.inspection.comfy.graph import Graph, Link, show
from promptlang.inspection.comfy.latents import whole_size
from promptlang.inspection.comfy.reading import Made
from promptlang.inspection.comfy.values import Area, Clip, Conditioning, Lora, Part, Pass
from promptlang.inspection.file_info import describe_losses

TAG_NAME: Final = re.compile(r"[^<>:\[\]{}|\\$#\"\r\n]+")
"""Names of LoRAs that a tag can hold."""

ENDINGS: Final = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA with its strengths for the text encoder and for the UNet."""

    file: str
    text: float | int
    unet: float | int
    shown: str
    """The file with the strengths that the graph says."""

    @property
    def name(self) -> str:
        """Return the name by which a tag refers to the file."""
        name = PureWindowsPath(self.file).name
        return next((name[: -len(end)] for end in ENDINGS if name.lower().endswith(end)), name)

    @property
    def tag(self) -> str:
        """Return the tag of promptlang."""
        both = decimal(self.text)
        if self.text != self.unet:
            both += f":{decimal(self.unet)}"
        return f"<lora:{self.name}:{both}>"


def decimal(number: float | int) -> str:
    """Return a number without an exponent, with all its digits and no more."""
    shown = f"{Decimal(repr(number)):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def lora_uses(graph: Graph, first: Pass) -> list[LoraUse]:
    """Return the LoRAs of a pass; one that only the model or only the encoder gets is half on.

    Where the pass is linked to no model, as in a fragment of a graph, all LoRAs of the graph act.
    """
    positive = first.guider.positive
    clip = positive.parts[0].clip if positive else None
    model = first.guider.model
    unet = _chain(model.loras) if model else {}
    text = _chain(clip.loras) if clip else {}
    uses = [
        _use(
            lora,
            None if model and key not in unet else lora.model_strength,
            None if clip and key not in text else lora.clip_strength,
        )
        for key, lora in (text | unet).items()
    ]
    if model is None and not isinstance(first.node.inputs.get("model"), Link) and not uses:
        uses = [*_all_loras(graph)]
    return [each for each in uses if each.text or each.unet]


def _chain(loras: Lora | None) -> dict[tuple[str, str, int], Lora]:
    """Return LoRAs in order by node, file and place."""
    every = [*loras.chain()][::-1] if loras else []
    counts: dict[tuple[str, str], int] = {}
    found = {}
    for each in every:
        place = counts[each.node, each.file] = counts.get((each.node, each.file), 0) + 1
        found[each.node, each.file, place] = each
    return found


def _use(lora: Lora, unet: float | int | None, text: float | int | None) -> LoraUse:
    said = [each for each in (lora.model_strength, lora.clip_strength) if each is not None]
    strengths = " and ".join(decimal(each) for each in said)
    shown = f"{lora.file} at {strengths}" if strengths else lora.file
    return LoraUse(lora.file, text or 0, unet or 0, shown)


def _all_loras(graph: Graph) -> Iterator[LoraUse]:
    for node in graph.nodes.values():
        file = node.inputs.get("lora_name")
        if isinstance(file, str):
            unet = _number(node.inputs.get("strength_model"))
            text = _number(node.inputs.get("strength_clip"))
            yield _use(Lora(node.name, file, unet, text), unet, text)


def _number(value: object) -> float | int | None:
    return as_number(value) if isinstance(value, int | float) else None


def picture_size(graph: Graph, first: Pass) -> tuple[int, int] | None:
    """Return the size of a pass; that of any empty latents if it is linked to no latents."""
    if first.size is None and not any(True for _link in first.node.links()):
        return None
    if first.size is None and "latent_image" not in first.node.inputs:
        for node in graph.nodes.values():
            match node.inputs:
                case {"width": int(width), "height": int(height), "batch_size": _}:
                    return whole_size(width, height)
    return first.size


@dataclass(slots=True)
class Line:
    """A line of a recipe while it is made, and what it does not say."""

    words: list[str] = field(default_factory=list)
    lost: dict[str, None] = field(default_factory=dict)

    def lose(self, loss: str) -> None:
        """Add something that the line does not say."""
        self.lost.setdefault(loss)

    def option(self, name: str, value: Json) -> None:
        """Add an option, or its value as lost if the option cannot have it."""
        number = as_number(value)
        known = vocabulary.get_options("prompt")[name]
        if value is None:
            if not any(loss.startswith(f"without the {name} of") for loss in self.lost):
                self.lose(f"without {name}, which the graph does not say")
        elif number is None:
            self.lose(f"without {name}: {show(value)}")
        elif not (known.low or 0) <= number <= (known.high or 0):
            self.lose(
                f"without {name} {show(value)}: `--{name}` is from {known.low} to {known.high}"
            )
        else:
            self.words.append(f"--{name} {decimal(number)}")


@dataclass(frozen=True, slots=True)
class Texts:
    """A prompt as the graph has it, and as promptlang writes it."""

    shown: str
    written: str


def shown_text(prompt: Conditioning | None) -> str:
    """Return the texts of a prompt as the graph has them."""
    if prompt is None:
        return ""
    return " AND ".join(" BREAK ".join(part.texts) for part in prompt.parts)


def write_prompt(
    line: Line, prompt: Conditioning | None, size: tuple[int, int] | None, tags: list[str]
) -> str:
    """Return a prompt of promptlang; parts are weighted, since ComfyUI averages them."""
    parts = prompt.parts if prompt else (Part(("",)),)
    areas = [_fractions(line, part.area, size) for part in parts]
    everywhere = [index for index, area in enumerate(areas) if area is None]
    tagged = everywhere[:1] or range(len(parts))
    pieces = [
        " ".join(
            piece
            for piece in (
                _area_tag(area) if area else "",
                _write_part(line, part),
                *(tags if index in tagged else ()),
            )
            if piece
        )
        for index, (part, area) in enumerate(zip(parts, areas, strict=True))
    ]
    if len(parts) == 1:
        return pieces[0]
    weights = _weights(line, parts, areas)
    return " AND ".join(
        f"{piece} :{decimal(weight)}" for piece, weight in zip(pieces, weights, strict=True)
    )


Box = tuple[float, float, float, float]


def _fractions(line: Line, area: Area | None, size: tuple[int, int] | None) -> Box | None:
    """Return an area as left, right, top and bottom in fractions of the picture."""
    if area is None:
        return None
    left, top, width, height = area.box
    if not area.fractions:
        if size is None:
            line.lose(f"without the area {show(str(area.box))}: the size is unknown")
            return None
        left, width, top, height = (
            left / size[0], width / size[0], top / size[1], height / size[1],
        )  # fmt: skip
    sides = left, left + width, top, top + height
    box = tuple(round(min(max(side, 0), 1), 6) for side in sides)
    if not (box[0] < box[1] and box[2] < box[3]):
        line.lose(f"without the area {show(str(area.box))}: it is empty")
        return None
    return box[0], box[1], box[2], box[3]


def _area_tag(box: Box) -> str:
    return f"<area:{','.join(decimal(side) for side in box)}>"


def _weights(line: Line, parts: tuple[Part, ...], areas: list[Box | None]) -> list[float | int]:
    """Return the weights of parts that ComfyUI averages; areas that do not meet have weight 1."""
    if not any(areas):
        total = sum(part.strength for part in parts)
        if total > 0:
            return [round(part.strength / total, 6) for part in parts]
        line.lose("without the strengths of the prompt's parts, whose sum is not positive")
        return [1 for _part in parts]
    boxes = [area or (0.0, 1.0, 0.0, 1.0) for area in areas]
    if any(_overlap(one, other) for index, one in enumerate(boxes) for other in boxes[index + 1 :]):
        line.lose("without the mean of parts where areas overlap: promptlang adds them up")
        return [round(part.strength, 6) for part in parts]
    return [1 for _part in parts]


def _overlap(one: Box, other: Box) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1]) and max(one[2], other[2]) < min(
        one[3], other[3]
    )


WEIGHTED: Final = re.compile(r"(?<!\\)\(")


def _write_part(line: Line, part: Part) -> str:
    converted = [convert(text, source=part.dialect) for text in part.texts]
    for each in converted:
        for loss in describe_losses(each.diagnostics):
            line.lose(loss)
    if part.dialect == "comfy" and any(WEIGHTED.search(text) for text in part.texts):
        line.lose("without ComfyUI's way of applying weights: `--emphasis comfy` has it")
    return " BREAK ".join(each.text for each in converted)


def write_line(graph: Graph, made: Made) -> tuple[str, tuple[str, ...]]:
    """Return the line of a recipe, and what it does not say."""
    from promptlang.inspection.comfy.passes import write_passes

    line = Line()
    first = made.passes[0]
    for loss in made.losses:
        line.lose(f"without {loss}")
    size = picture_size(graph, first)
    uses = lora_uses(graph, first)
    if uses and first.guider.model is None and "model" not in first.node.inputs:
        line.lose(
            "without a model that the sampler is linked to: the graph's LoRAs are in the line"
        )
    tags = [*_tags(line, uses)]
    prompt = write_prompt(line, first.guider.positive, size, tags)
    if first.guider.positive is None and not any("positive" in loss for loss in line.lost):
        line.lose("without a prompt, which the graph does not say")
    negative = _negative(line, first)
    _lose_sizes(line, first, size)
    _lose_files(line, made)
    write_passes(line, made, size)
    for node in made.others:
        line.lose(f"without another picture of the graph, {describe(node)}")
    return format_recipe_line(prompt, negative, line.words), tuple(line.lost)


def _tags(line: Line, uses: list[LoraUse]) -> Iterator[str]:
    for use in uses:
        if TAG_NAME.fullmatch(use.name) and use.name.strip() == use.name:
            yield use.tag
        else:
            line.lose(f"without the LoRA `{use.shown}`: no tag can hold its name")


def _negative(line: Line, first: Pass) -> str:
    """Return the negative prompt, which is one part in promptlang."""
    guider = first.guider
    for prompt in (guider.positive, guider.negative):
        if prompt and prompt.zeroed and (guider.cfg != 1 or prompt is guider.positive):
            line.lose(f"without the zeros of {describe(prompt.zeroed)}: an empty text is encoded")
    if guider.negative is None:
        return ""
    part, *others = guider.negative.parts
    for each in others:
        line.lose(f"without a part of the negative prompt: `{show(' BREAK '.join(each.texts))}`")
    if part.area:
        line.lose("without the area of the negative prompt")
    positive = guider.positive.parts[0].clip if guider.positive else None
    if part.clip and positive and _chain(part.clip.loras).keys() != _chain(positive.loras).keys():
        line.lose("without the LoRAs of the negative prompt, which are others than the prompt's")
    return _write_part(line, part)


def _lose_sizes(line: Line, first: Pass, size: tuple[int, int] | None) -> None:
    for prompt in (first.guider.positive, first.guider.negative):
        for part in prompt.parts if prompt else ():
            if part.sizes and part.sizes != (*(size or ()), *(size or ()))[: len(part.sizes)]:
                line.lose(f"without the sizes that SDXL is told: {show(str([*part.sizes]))}")


def _lose_files(line: Line, made: Made) -> None:
    model = made.passes[0].guider.model
    if model and model.file:
        line.lose(f'without the model: `use model "{show(model.file)}"`')
    if made.latent.vae:
        line.lose(f'without the VAE: `use vae "{show(made.latent.vae)}"`')


def clip_of(first: Pass) -> Clip | None:
    """Return the text encoders of a pass's prompt."""
    positive = first.guider.positive
    return positive.parts[0].clip if positive else None
