"""ComfyUI's graph of nodes in its pictures: the inputs of the sampler."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, Final

from promptlang.dialects.conversion import convert, format_recipe_line
from promptlang.grammar import vocabulary
from promptlang.plan.sampler_names import parse_sampler_name

SAMPLER_INPUTS: Final = (
    "seed",
    "noise_seed",
    "steps",
    "cfg",
    "sampler_name",
    "scheduler",
    "denoise",
)
"""Inputs of a sampler's node that are plain values."""

MAX_DEPTH: Final = 100
"""The number of nodes that are followed backwards: a graph may be a circle."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The inputs of a picture's sampler."""

    prompt: str
    negative: str
    settings: Mapping[str, Any]
    adapters: tuple[tuple[str, str], ...]
    """The kind and the file of each model, VAE or LoRA."""
    loras: tuple[str, ...] = ()
    """The LoRAs as tags of promptlang."""
    size: tuple[int, int] | None = None
    """Width and height of the latents, in pixels."""

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield names and values to be shown."""
        yield "prompt", self.prompt
        if self.negative:
            yield "negative", self.negative
        yield from ((name, f"{value}") for name, value in self.settings.items())
        if self.size:
            yield "size asked for", "{}x{}".format(*self.size)
        yield from self.adapters

    def line(self) -> str:
        """Return the line of a recipe."""
        seed = self.settings.get("seed", self.settings.get("noise_seed"))
        options = {
            "seed": seed,
            "steps": self.settings.get("steps"),
            "cfg": self.settings.get("cfg"),
        }
        words = [
            f"--{name} {value:.15g}"
            for name, value in options.items()
            if isinstance(value, int | float)
        ]
        sampler = parse_sampler_name(str(self.settings.get("sampler_name")))
        spacing = self.settings.get("scheduler")
        if sampler is not None:
            words.append(f"--sampler {sampler.name}")
        if spacing in vocabulary.SCHEDULERS and spacing != "normal":
            words.append(f"--scheduler {spacing}")
        prompt, negative = (
            convert(text, source="comfy").text for text in (self.prompt, self.negative)
        )
        if self.size:
            words.append("--size {}x{}".format(*self.size))
        return format_recipe_line(" ".join([prompt, *self.loras]), negative, words)


def read(text: str) -> Graph:
    """Read the graph's first sampler.

    Raises ValueError, KeyError or TypeError if there is none.
    """
    nodes: dict[str, Any] = json.loads(text)
    samplers = [
        node["inputs"] for node in nodes.values() if {"positive", "negative"} <= set(node["inputs"])
    ]
    if not samplers:
        raise ValueError("no node of the graph samples")
    sampler = samplers[0]
    return Graph(
        prompt=_text(nodes, sampler["positive"]),
        negative=_text(nodes, sampler["negative"]),
        settings={
            name: sampler[name]
            for name in SAMPLER_INPUTS
            if isinstance(sampler.get(name), int | float | str)
        },
        adapters=tuple(_files(nodes)),
        loras=tuple(_loras(nodes)),
        size=_size(nodes),
    )


def _loras(nodes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the LoRAs as tags; a node for the model alone does not change the text encoder."""
    for node in nodes.values():
        inputs = node["inputs"]
        name, unet, text = (
            inputs.get(each) for each in ("lora_name", "strength_model", "strength_clip")
        )
        if isinstance(name, str) and isinstance(unet, int | float):
            text = text if isinstance(text, int | float) else 0
            both = f"{unet:g}" if text == unet else f"{text:g}:{unet:g}"
            yield f"<lora:{PureWindowsPath(name).stem}:{both}>"


def _size(nodes: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size of the graph's first empty latents."""
    for node in nodes.values():
        match node["inputs"]:
            case {"width": int(width), "height": int(height), "batch_size": _}:
                return width, height
    return None


def _text(nodes: Mapping[str, Any], link: Any, depth: int = MAX_DEPTH) -> str:
    """Return the text of an encoder, found by following the graph backwards."""
    if isinstance(link, str):
        return link
    inputs = nodes[str(link[0])]["inputs"]
    for name in ("text", "text_g", "string", "value", "conditioning", "conditioning_1"):
        if name in inputs and depth:
            return _text(nodes, inputs[name], depth - 1)
    return ""


def _files(nodes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kinds = {"ckpt_name": "model", "unet_name": "model", "vae_name": "vae", "lora_name": "lora"}
    for node in nodes.values():
        for name, kind in kinds.items():
            if isinstance(node["inputs"].get(name), str):
                strengths = [
                    node["inputs"].get(each) for each in ("strength_model", "strength_clip")
                ]
                shown = " and ".join(
                    f"{each:g}" for each in strengths if isinstance(each, int | float)
                )
                yield kind, node["inputs"][name] + (f" at {shown}" if shown else "")
