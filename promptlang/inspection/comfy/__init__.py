"""ComfyUI's graph of nodes in its pictures, read from the output backwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promptlang.inspection.comfy.evaluation import describe
from promptlang.inspection.comfy.graph import Graph, NoGraphError, parse_graph, show
from promptlang.inspection.comfy.loras import MAX_LORAS, clip_of, lora_uses
from promptlang.inspection.comfy.passes import MAX_LATER
from promptlang.inspection.comfy.prompt_parts import shown_text
from promptlang.inspection.comfy.reading import Made, read_made
from promptlang.inspection.comfy.recipe import picture_size, write_line
from promptlang.inspection.comfy.values import Conditioning
from promptlang.inspection.comfy.workflow import parse_workflow

__all__ = ["NoGraphError", "Reading", "read", "read_workflow"]


@dataclass(frozen=True, slots=True)
class Reading:
    """The facts that a graph states about its picture."""

    rows: tuple[tuple[str, str], ...]
    """Names and values to be shown."""
    line: str
    """The line of a recipe."""
    lost: tuple[str, ...]
    """What the line does not say, in words."""


Size = tuple[int, int]


def read(text: str, size: Size | None = None) -> Reading:
    """Read the graph in a picture's text ``prompt``; the picture's size tells its output.

    Raises `UnreadableFileError` if the text is not JSON, `NoGraphError` if nothing in it samples.
    """
    return _reading(parse_graph(text), size)


def read_workflow(text: str, size: Size | None = None) -> Reading:
    """Read the graph in a picture's text ``workflow``, which ComfyUI's user interface saves.

    Raises `UnreadableFileError` if the text is not JSON, `NoGraphError` if nothing in it samples.
    """
    return _reading(parse_workflow(text), size)


def _reading(graph: Graph, size: Size | None) -> Reading:
    made = read_made(graph, size)
    line, lost = write_line(graph, made)
    return Reading(tuple(_rows(graph, made)), line, (*graph.notes, *lost))


def _rows(graph: Graph, made: Made) -> Iterator[tuple[str, str]]:
    first = made.passes[0]
    yield "prompt", shown_text(first.guider.positive)
    yield from _other_texts("prompt", first.guider.positive)
    negative = shown_text(first.guider.negative)
    if negative:
        yield "negative", negative
    yield from _other_texts("negative", first.guider.negative)
    settings = {
        "seed": first.seed,
        "steps": first.sigmas.steps,
        "cfg": first.guider.cfg,
        "sampler_name": first.sampler or None,
        "scheduler": first.sigmas.scheduler or None,
        "denoise": first.sigmas.denoise,
    }
    for name, value in settings.items():
        if value is not None:
            yield name, show(value)
    size = picture_size(graph, first)
    if size:
        yield "size asked for", "{}x{}".format(*size)
    clip = clip_of(first)
    if clip is not None and clip.skip is not None:
        yield "clip skip", f"{clip.skip}"
    if first.guider.model is not None and first.guider.model.file:
        yield "model", first.guider.model.file
    for file in clip.files if clip else ():
        yield "text encoder", file
    if made.latent.vae:
        yield "vae", made.latent.vae
    for use in lora_uses(graph, first)[:MAX_LORAS]:
        yield "lora", use.shown
    yield from _later_rows(made)


def _other_texts(name: str, prompt: Conditioning | None) -> Iterator[tuple[str, str]]:
    """Yield the texts for further text encoders."""
    for part in prompt.parts if prompt else ():
        for encoder, text in part.others:
            yield f"{name}, {encoder}", text


def _later_rows(made: Made) -> Iterator[tuple[str, str]]:
    """Yield the later passes with their prompts, and texts of what else is in the picture."""
    shown = {shown_text(made.passes[0].guider.positive)}
    for each in made.passes[1 : MAX_LATER + 1]:
        yield "later pass", describe(each.node)
        prompt = shown_text(each.guider.positive)
        if prompt not in shown:
            shown.add(prompt)
            yield "later prompt", prompt
    for node in made.unread[:MAX_LATER]:
        for name, value in node.values():
            if name.startswith("text") and isinstance(value, str) and value:
                yield "other text", value
