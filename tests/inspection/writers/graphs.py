"""A graph of ComfyUI as its own nodes write it, and its workflow."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]


def node(kind: str, **inputs: object) -> Node:
    return {"class_type": kind, "inputs": inputs}


def plain() -> dict[str, Node]:
    """Text to image with a LoRA."""
    return {
        "3": node(
            "KSampler", seed=1125899906842623, steps=24, cfg=6.5, sampler_name="dpmpp_2m",
            scheduler="karras", denoise=1.0, model=["10", 0], positive=["6", 0],
            negative=["7", 0], latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="dream.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a fox in snow", clip=["10", 1]),
        "7": node("CLIPTextEncode", text="blurry, text", clip=["10", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
        "10": node(
            "LoraLoader", lora_name="ink.safetensors", strength_model=0.7, strength_clip=0.7,
            model=["4", 0], clip=["4", 1],
        ),
    }  # fmt: skip


def workflow() -> dict[str, Any]:
    """The links of the graph, as the user interface saves them."""
    names = {"model": "MODEL", "clip": "CLIP", "positive": "CONDITIONING", "vae": "VAE"}
    links, nodes = [], []
    for number, each in plain().items():
        nodes.append({"id": int(number), "type": each["class_type"], "widgets_values": []})
        for name, value in each["inputs"].items():
            if isinstance(value, list):
                link = [len(links) + 1, int(value[0]), value[1], int(number), 0]
                links.append([*link, names.get(name, "CONDITIONING")])
    return {"last_node_id": 10, "nodes": nodes, "links": links, "version": 0.4}
