"""Nodes that load models, and LoRAs with their strengths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from promptlang.files import Json, as_number
from promptlang.inspection.comfy.evaluation import Request, Steps, Visit
from promptlang.inspection.comfy.graph import Input, Link
from promptlang.inspection.comfy.latents import whole_size
from promptlang.inspection.comfy.texts import MAX_NUMBERED, OFF
from promptlang.inspection.comfy.values import (
    Clip,
    Conditioning,
    Kind,
    Latent,
    Lora,
    Model,
    Part,
    Pipe,
    Stack,
    Vae,
    Value,
)

NO_FILE = (None, "", "None", "none", "NONE", "[none]", "Baked VAE")
"""Choices of a file that stand for none."""


def checkpoint(visit: Visit) -> Steps[Value]:
    """Evaluate a node that loads a checkpoint, or one of its parts."""
    files: list[str] = []
    for name in visit.spec.inputs:
        file = yield from visit.text(name)
        if file not in NO_FILE and file is not None:
            files.append(file)
    match visit.slot:
        case "model":
            return Model(files[0] if files else "")
        case "clip":
            alone = "model" not in visit.spec.outputs
            return Clip(files=tuple(files) if alone else ())
        case "vae":
            return Vae(files[0] if files and visit.spec.outputs == ("vae",) else "")
    return files[0] if files else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A LoRA in a node's list."""

    file: str
    model_strength: float | int | None
    clip_strength: float | int | None

    @property
    def acts(self) -> bool:
        """Return whether a strength differs from zero."""
        return bool(self.model_strength or self.clip_strength)


def lora(visit: Visit) -> Steps[Value]:
    """Evaluate a node that adds a LoRA to a model, to text encoders, or to both."""
    entry = yield from _single(visit)
    return (yield from _add(visit, [entry] if entry else []))


def lora_list(visit: Visit) -> Steps[Value]:
    """Evaluate a node that adds several LoRAs."""
    entries = yield from _entries(visit)
    return (yield from _add(visit, entries))


def lora_stack(visit: Visit) -> Steps[Value]:
    """Evaluate a node that makes a list of LoRAs, after the one that comes in."""
    stack = yield from visit.typed("loras", Kind.LORAS, Stack)
    loras = stack.loras if stack else None
    for entry in (yield from _entries(visit)):
        loras = _after(visit, entry, loras)
    return Stack(loras)


def tagged(visit: Visit) -> Steps[Value]:
    """Evaluate a node that adds the LoRAs of ``<lora:ink:0.8:0.5>`` in its text, and encodes it.

    The first number is the model's strength, the second the text encoder's.
    """
    name = visit.spec.inputs[0]
    text = yield from visit.text(name)
    if visit.slot == name or text is None:
        return text
    if visit.slot != "conditioning":
        return (yield from _add(visit, [*_tags(text)]))
    clip = yield Request(Link(visit.node.name, "clip"), Kind.CLIP)
    return Conditioning((Part((_TAG.sub("", text),), clip if isinstance(clip, Clip) else None),))


_TAG = re.compile(r"<lora:([^:<>]+)((?::[^:<>]*)*)>")


def _tags(text: str) -> Iterator[_Entry]:
    """Yield the LoRAs of tags, each file once, as Impact's nodes do."""
    files = set()
    for match in _TAG.finditer(text):
        numbers = [_float(each) for each in match[2].split(":")]
        strengths = [each for each in numbers if each is not None] or [1.0]
        if match[1] not in files:
            files.add(match[1])
            yield _Entry(match[1], strengths[0], strengths[min(1, len(strengths) - 1)])


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d{1,9}(\.\d{0,9})?|-?\.\d{1,9}", text) else None


def _entries(visit: Visit) -> Steps[list[_Entry]]:
    if visit.source("toggle") in OFF:
        return []
    if visit.spec.option == "power":
        return [*_power(visit)]
    if visit.spec.option == "active":
        return [*_active(visit)]
    if visit.spec.option == "stack":
        return []
    count = yield from visit.integer("count")
    simple = visit.source("mode") == "simple"
    found: list[_Entry] = []
    for number in range(1, min(MAX_NUMBERED, MAX_NUMBERED if count is None else count) + 1):
        entry = yield from _numbered(visit, number, simple=simple)
        if entry is not None and entry.acts:
            found.append(entry)
    return found


def _numbered(visit: Visit, number: int, *, simple: bool) -> Steps[_Entry | None]:
    """Read ``lora_name_2`` and its strengths."""

    def named(role: str) -> Input:
        pattern = visit.spec.names.get(role)
        return visit.node.inputs.get(pattern.format(number)) if pattern else None

    if named("file") is None or named("switch") in OFF:
        return None
    file = yield from visit.value(named("file"), Kind.TEXT, "a LoRA")
    if not isinstance(file, str) or file in NO_FILE:
        return None
    both = yield from visit.value(named("both"), Kind.DATA, "a LoRA")
    if simple or (both is not None and named("model_strength") is None):
        return _Entry(file, _strength(both), _strength(both))
    model = yield from visit.value(named("model_strength"), Kind.DATA, "a LoRA")
    clip = yield from visit.value(named("clip_strength"), Kind.DATA, "a LoRA")
    return _Entry(file, _strength(model), _strength(clip))


def _strength(value: Value) -> float | int | None:
    return as_number(value) if isinstance(value, int | float) else None


def _power(visit: Visit) -> Iterator[_Entry]:
    """Read rgthree's inputs ``lora_1: {"on": true, "lora": "x", "strength": 1}``."""
    for value in visit.node.inputs.values():
        if isinstance(value, dict) and value.get("on"):
            file, model = value.get("lora"), as_number(value.get("strength"))
            clip = as_number(value.get("strengthTwo"))
            if isinstance(file, str) and file not in NO_FILE:
                yield _Entry(file, model, model if clip is None else clip)


def _active(visit: Visit) -> Iterator[_Entry]:
    """Read LoRA Manager's list ``loras: [{"name": "x", "strength": 1, "active": true}]``."""
    every = visit.node.inputs.get("loras")
    for value in every if isinstance(every, list) else ():
        if isinstance(value, dict) and value.get("active"):
            file, model = value.get("name"), _loose(value.get("strength"))
            clip = _loose(value.get("clipStrength"))
            if isinstance(file, str):
                yield _Entry(file, model, model if clip is None else clip)


def _loose(value: Json) -> float | int | None:
    """Return a number, which may be written as a text."""
    return _float(value) if isinstance(value, str) else as_number(value)


def _single(visit: Visit) -> Steps[_Entry | None]:
    """Read a LoRA whose file and strengths are inputs of their own."""
    if visit.source("switch") in OFF:
        return None
    file = yield from visit.text("lora_name")
    if file is None or file in NO_FILE:
        return None
    model = yield from visit.number("strength_model")
    clip = yield from visit.number("strength_clip")
    entry = _Entry(file, model, clip)
    return None if model == 0 and not clip else entry


def _after(visit: Visit, entry: _Entry, before: Lora | None) -> Lora:
    return Lora(visit.node.name, entry.file, entry.model_strength, entry.clip_strength, before)


def _add(visit: Visit, entries: list[_Entry]) -> Steps[Value]:
    """Add LoRAs to what the output is, after those of a stack that comes in."""
    base: Model | Clip | None
    if visit.slot == "model":
        base = yield from visit.typed("model", Kind.MODEL, Model)
        base = base or Model()
    elif visit.slot == "clip":
        base = yield from visit.typed("clip", Kind.CLIP, Clip)
        base = base or Clip()
    else:
        return (yield from visit.take(visit.slot, visit.kind))
    loras = base.loras
    stack = yield from visit.typed("loras", Kind.LORAS, Stack)
    if stack is not None and stack.loras is not None:
        for each in reversed([*stack.loras.chain()]):
            loras = replace(each, before=loras)
    for entry in entries:
        loras = _after(visit, entry, loras)
    return replace(base, loras=loras)


def clip_skip(visit: Visit) -> Steps[Value]:
    """Evaluate ``CLIPSetLastLayer``, which counts layers from the end as -1, -2, …"""
    clip = yield from visit.typed("clip", Kind.CLIP, Clip)
    layer = yield from visit.integer("stop_at_clip_layer")
    return replace(clip or Clip(), skip=None if layer is None else -layer)


PIPE_FIELDS = ("model", "clip", "vae", "positive", "negative", "latent")
"""What a loader puts into its pipe."""


def loader(visit: Visit) -> Steps[Value]:
    """Evaluate a node that loads a checkpoint and LoRAs, encodes prompts and makes latents."""
    match visit.slot:
        case "pipe":
            here = visit.node.name
            return Pipe({name: Link(here, name) for name in PIPE_FIELDS})
        case "model" | "clip":
            return (yield from _loaded(visit))
        case "positive" | "negative":
            text = yield from visit.text(visit.slot)
            clip = yield Request(Link(visit.node.name, "clip"), Kind.CLIP)
            part = Part((text or "",), clip if isinstance(clip, Clip) else None)
            return None if text is None else Conditioning((part,))
        case "latent":
            return (yield from _latents(visit))
        case "vae":
            vae = yield from visit.text("vae_name")
            return Vae("" if vae in NO_FILE or vae is None else vae)
    return (yield from visit.take(visit.slot, visit.kind))


def _loaded(visit: Visit) -> Steps[Value]:
    """Return the model or the text encoders of a loader with its LoRA and its stack of LoRAs."""
    file = yield from visit.text("ckpt_name")
    base: Model | Clip = Model(file or "") if visit.slot == "model" else Clip()
    if isinstance(base, Clip):
        layer = yield from visit.integer("clip_skip")
        base = replace(base, skip=None if layer in (None, 0) else abs(layer or 0))
    loras: Lora | None = None
    stack = yield from visit.typed("loras", Kind.LORAS, Stack)
    if stack is not None:
        loras = stack.loras
    entry = yield from _single(visit)
    if entry is not None and entry.acts:
        loras = _after(visit, entry, loras)
    return replace(base, loras=loras)


def _latents(visit: Visit) -> Steps[Value]:
    batch = yield from visit.take("batch_size", Kind.DATA)
    found = re.match(r"\s*(\d{2,5}) x (\d{2,5})", f"{visit.source('resolution')}")
    if found:
        return Latent(whole_size(int(found[1]), int(found[2])), _json(batch))
    width = yield from visit.integer("empty_latent_width")
    height = yield from visit.integer("empty_latent_height")
    return Latent(whole_size(width, height), _json(batch))


def _json(value: Value) -> Json:
    return value if isinstance(value, int | float | str) else None
