"""The line of a recipe for a picture of ComfyUI's, and what the line does not say."""

from __future__ import annotations

from typing import Final

from promptlang.dialects.recipe_lines import describe_quotes, format_recipe_line
from promptlang.inspection.comfy.evaluation import describe
from promptlang.inspection.comfy.graph import Graph, show
from promptlang.inspection.comfy.latents import whole_size
from promptlang.inspection.comfy.line import Line
from promptlang.inspection.comfy.loras import (
    clip_of,
    is_fragment,
    lora_chain,
    lora_uses,
    write_tags,
)
from promptlang.inspection.comfy.passes import write_passes
from promptlang.inspection.comfy.prompt_parts import write_part, write_prompt
from promptlang.inspection.comfy.reading import Made
from promptlang.inspection.comfy.values import Pass

MAX_OTHERS: Final = 8
"""Other outputs of a graph that are named; of more their number is."""


def picture_size(graph: Graph, first: Pass) -> tuple[int, int] | None:
    """Return the size of a pass; in a fragment of a graph that of any empty latents."""
    if first.size is None and is_fragment(first):
        for node in graph.nodes.values():
            match node.inputs:
                case {"width": int(width), "height": int(height), "batch_size": _}:
                    return whole_size(width, height)
    return first.size


def write_line(graph: Graph, made: Made) -> tuple[str, tuple[str, ...]]:
    """Return the line of a recipe, and what it does not say."""
    line = Line()
    first = made.passes[0]
    for loss in made.losses:
        line.lose(f"without {loss}")
    size = picture_size(graph, first)
    if is_fragment(first):
        line.lose("without a model that the sampler is linked to: LoRAs and size are the graph's")
    tags = [*write_tags(line, lora_uses(graph, first))]
    prompt = write_prompt(line, first.guider.positive, size, tags)
    if first.guider.positive is None and not any("positive" in loss for loss in line.lost):
        line.lose("without a prompt, which the graph does not say")
    negative = _negative(line, first)
    _lose_encoders(line, first)
    _lose_sizes(line, first, size)
    _lose_files(line, made)
    write_passes(line, made, size)
    if line.weighted:
        line.words.append("--emphasis comfy")
    for node in made.others[:MAX_OTHERS]:
        line.lose(f"without another picture of the graph, {describe(node)}")
    if len(made.others) > MAX_OTHERS:
        line.lose(f"without {len(made.others) - MAX_OTHERS:,} more pictures of the graph")
    for loss in describe_quotes(negative):
        line.lose(loss)
    return format_recipe_line(prompt, negative, line.words), tuple(line.lost)


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
    return write_part(line, part)


def _lose_encoders(line: Line, first: Pass) -> None:
    """Name texts that are encoded with other LoRAs, or another layer, than the first one."""
    clip = clip_of(first)
    for prompt in (first.guider.positive, first.guider.negative):
        for part in prompt.parts if prompt else ():
            if clip is None or part.clip is None:
                continue
            text = show(part.texts[0])
            if lora_chain(part.clip.loras).keys() != lora_chain(clip.loras).keys():
                line.lose(f"without the LoRAs of the text `{text}`, which are others")
            if (part.clip.skip or 1) != (clip.skip or 1):
                line.lose(f"without the clip skip {part.clip.skip or 1} of the text `{text}`")


def _lose_sizes(line: Line, first: Pass, size: tuple[int, int] | None) -> None:
    for prompt in (first.guider.positive, first.guider.negative):
        for part in prompt.parts if prompt else ():
            if part.sizes and part.sizes != (*(size or ()), *(size or ()))[: len(part.sizes)]:
                line.lose(f"without SDXL's size conditioning: {show(str([*part.sizes]))}")


def _lose_files(line: Line, made: Made) -> None:
    model = made.passes[0].guider.model
    if model and model.file:
        line.lose(f'without the model: `use model "{show(model.file)}"`')
    if made.latent.vae:
        line.lose(f'without the VAE: `use vae "{show(made.latent.vae)}"`')
