"""The LoRAs of a sampling pass, and their tags in promptlang."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Final

from promptlang.files import as_number
from promptlang.inspection.comfy.graph import Graph
from promptlang.inspection.comfy.line import Line, decimal
from promptlang.inspection.comfy.values import Clip, Lora, Pass

TAG_NAME: Final = re.compile(r"[^<>:\[\]{}|\\$#\"\r\n]+")
"""Names of LoRAs that a tag can hold."""

MAX_LORAS: Final = 200
"""LoRAs that a line and a description hold."""

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


def clip_of(first: Pass) -> Clip | None:
    """Return the text encoders of a pass's prompt."""
    positive = first.guider.positive
    return positive.parts[0].clip if positive else None


def is_fragment(first: Pass) -> bool:
    """Return whether a pass is linked to nothing but prompts, as in a fragment of a graph."""
    return {name for name, _link in first.node.links()} <= {"positive", "negative"}


def lora_uses(graph: Graph, first: Pass) -> list[LoraUse]:
    """Return the LoRAs of a pass; one that only the model or only the encoder gets is half on.

    In a fragment of a graph, whose pass is linked to no model, all LoRAs of the graph act.
    """
    clip, model = clip_of(first), first.guider.model
    unet = lora_chain(model.loras) if model else {}
    text = lora_chain(clip.loras) if clip else {}
    uses = [
        _use(
            lora,
            None if model and key not in unet else lora.model_strength,
            None if clip and key not in text else lora.clip_strength,
        )
        for key, lora in (text | unet).items()
    ]
    if is_fragment(first) and not uses:
        uses = [*_all_loras(graph)]
    return [each for each in uses if each.text or each.unet]


def lora_chain(loras: Lora | None) -> dict[tuple[str, str, int], Lora]:
    """Return LoRAs in order by node, file and place."""
    every = [*loras.chain()][::-1] if loras else []
    counts: dict[tuple[str, str], int] = {}
    found = {}
    for each in every:
        place = counts[each.node, each.file] = counts.get((each.node, each.file), 0) + 1
        found[each.node, each.file, place] = each
    return found


def _use(lora: Lora, unet: float | int | None, text: float | int | None) -> LoraUse:
    stated = [each for each in (lora.model_strength, lora.clip_strength) if each is not None]
    strengths = " and ".join(decimal(each) for each in stated)
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


def write_tags(line: Line, uses: list[LoraUse]) -> Iterator[str]:
    """Yield the tags of LoRAs whose names a tag can hold."""
    if len(uses) > MAX_LORAS:
        line.lose(f"without {len(uses) - MAX_LORAS:,} of {len(uses):,} LoRAs")
    for use in uses[:MAX_LORAS]:
        if TAG_NAME.fullmatch(use.name) and use.name.strip() == use.name:
            yield use.tag
        else:
            line.lose(f"without the LoRA `{use.shown}`: no tag can hold its name")
