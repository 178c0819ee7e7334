"""A writer of random graphs of ComfyUI's that knows what their pictures were made of."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from promptlang.inspection.comfy.node_types import Role
from promptlang.inspection.comfy.table import NODE_TYPES
from promptlang.inspection.comfy.widgets import SEEDS, WIDGETS

WORDS = ("red", "fox", "snow", "(wide:1.2)", "狐", "a b", "stone", "night sky", "AND", "x,", "art")
SAMPLERS = {"euler": "euler", "euler_ancestral": "euler_a", "dpmpp_2m": "dpm++_2m",
            "dpmpp_2m_sde_gpu": "dpm++_2m_sde", "uni_pc": "unipc", "heun": "heun"}  # fmt: skip
SPACINGS = ("normal", "karras", "exponential", "sgm_uniform")
UNKNOWN_SPACINGS = ("beta", "simple", "ddim_uniform")


@dataclass
class Truth:
    """What the writer put into a graph."""

    prompt: str
    negative: str
    seed: int
    steps: int
    cfg: float
    sampler: str
    spacing: str
    size: tuple[int, int]
    loras: list[tuple[str, float, float]] = field(default_factory=list)
    """Name, strength for the text encoder, strength for the UNet."""
    skip: int = 1
    hires: tuple[float, float] | None = None
    lost: list[str] = field(default_factory=list)


class Writer:
    """A graph under construction; links are ``[number, slot]``."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nodes: dict[str, dict[str, Any]] = {}
        self.truth = Truth(
            prompt=self.words(),
            negative=self.words(),
            seed=rng.choice((rng.randrange(2**32), rng.randrange(2**63), 0, 2**53 + 1)),
            steps=rng.randint(1, 150),
            cfg=rng.choice((1, 7.0, 7.5, 3.25, 0.1 + 0.2, 12)),
            sampler=rng.choice(list(SAMPLERS)),
            spacing=rng.choice((*SPACINGS, *UNKNOWN_SPACINGS)),
            size=(rng.randint(8, 256) * 8, rng.randint(8, 256) * 8),
        )

    def words(self) -> str:
        return " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 6)))

    def node(self, kind: str, **inputs: object) -> str:
        """Add a node with a number of any form."""
        while True:
            number = f"{self.rng.randint(1, 999)}"
            if self.rng.random() < 0.2:
                number = f"{self.rng.randint(1, 99)}:{number}"
            if number not in self.nodes:
                break
        items = list(inputs.items())
        self.rng.shuffle(items)
        self.nodes[number] = {"inputs": dict(items), "class_type": kind}
        return number

    def maybe(self, share: float = 0.3) -> bool:
        return self.rng.random() < share

    def fancy(self, what: str) -> str:
        """Return the class of an unknown node, which must be named as lost."""
        kind = f"Fancy{what}{len(self.truth.lost)}"
        self.truth.lost.append(kind)
        return kind

    def changed(self, slot: str, link: list[Any]) -> list[Any]:
        """Return a link through a node that changes a value, known or not, and must be named."""
        if self.maybe(0.5):
            return [self.node(self.fancy(slot.title()), **{slot: link}, amount=2), 0]
        kinds = [kind for kind, spec in NODE_TYPES.items()
                 if spec.role is Role.THROUGH and slot in spec.outputs]  # fmt: skip
        kind = self.rng.choice(kinds)
        self.truth.lost.append(f"`{kind}`")
        spec = NODE_TYPES[kind]
        return [
            self.node(kind, **{spec.name(slot): link}, amount=2), spec.outputs.index(slot),
        ]  # fmt: skip

    # Values

    def value(self, value: float) -> object:
        """Return a number, or a link to a node that holds it."""
        if self.maybe(0.6):
            return value
        integers = [("PrimitiveInt", "value"), ("INTConstant", "value"), ("easy int", "value"),
                    ("ImpactInt", "value"), ("Seed (rgthree)", "seed"), ("CR Seed", "seed"),
                    ("ttN int", "int"), ("Int Literal (Image Saver)", "int")]  # fmt: skip
        floats = [("PrimitiveFloat", "value"), ("FloatConstant", "value"), ("ttN float", "float")]
        kind, name = self.rng.choice(integers if isinstance(value, int) else floats)
        return self.around([self.node(kind, **{name: value}), 0])

    def around(self, link: list[Any]) -> list[Any]:
        """Return a link, perhaps through nodes that hand on what they get."""
        for _each in range(self.rng.randint(0, 2)):
            if self.maybe(0.2):
                link = [self.rng.choice(self.handing)(link), 0]
        return link

    @property
    def handing(self) -> list[Callable[[list[Any]], str]]:
        return [
            lambda link: self.node("easy showAnything", anything=link),
            lambda link: self.node("PreviewAny", source=link),
            lambda link: self.node("Any Switch (rgthree)", any_01=["9999", 0], any_02=link),
            lambda link: self.node("ImpactSwitch", select=2, input1="no", input2=link),
            lambda link: self.node("ComfySwitchNode", switch=True, on_true=link, on_false="no"),
        ]

    def text(self, text: str, depth: int = 2) -> object:
        """Return a text, or a link to nodes that make it."""
        if depth == 0 or self.maybe(0.5):
            return text
        cut = self.rng.randint(0, len(text))
        head, tail = (self.text(part, depth - 1) for part in (text[:cut], text[cut:]))
        made = self.rng.choice((
            lambda: self.node("StringConcatenate", string_a=head, string_b=tail, delimiter=""),
            lambda: self.node("JoinStrings", string1=head, string2=tail, delimiter=""),
            lambda: self.node("easy promptConcat", prompt1=head, prompt2=tail, separator=""),
            lambda: self.node("Text Multiline", text=text),
            lambda: self.node("ShowText|pysssss", text=self.text(text, depth - 1), text_0="old"),
            lambda: self.node("StringReplace", string=text.replace("fox", "cat"), find="cat",
                              replace="fox"),
            lambda: self.node("ImpactWildcardProcessor", wildcard_text="__x__",
                              populated_text=text, seed=1, mode="fixed"),
            lambda: self.node("StringFunction|pysssss", action="append", tidy_tags="no",
                              text_a=head, text_b=tail, text_c=""),
        ))  # fmt: skip
        return self.around([made(), 0])

    def choice(self, name: str, kind: str, slot: str) -> object:
        """Return the name of a sampler or scheduler, or a link to it."""
        return [self.node(kind, **{slot: name}), 0] if self.maybe(0.15) else name

    # Models

    def models(self) -> tuple[list[Any], list[Any]]:
        """Return links to a model and to text encoders with LoRAs."""
        if self.maybe(0.2):
            model = [self.node("UNETLoader", unet_name="unet.safetensors"), 0]
            clip = [self.node("DualCLIPLoader", clip_name1="t5.pt", clip_name2="l.pt"), 0]
        else:
            loader = self.node("CheckpointLoaderSimple", ckpt_name="sd.safetensors")
            model, clip = [loader, 0], [loader, 1]
        for index in range(self.rng.randint(0, 4)):
            model, clip = self.lora(f"lora{index}", model, clip)
        if self.maybe(0.2):
            self.truth.skip = self.rng.randint(2, 12)
            clip = [
                self.node("CLIPSetLastLayer", clip=clip, stop_at_clip_layer=-self.truth.skip), 0,
            ]  # fmt: skip
        if self.maybe(0.15):
            model = self.changed("model", model)
        return model, clip

    def strength(self) -> float:
        return self.rng.choice((1, 0.8, 0.25, -0.5, 1.5, 1 / 3))

    def lora(self, name: str, model: list[Any], clip: list[Any]) -> tuple[list[Any], list[Any]]:
        unet, text, file = self.strength(), self.strength(), f"styles\\{name}.safetensors"
        kinds = ("LoraLoader", "LoraLoaderModelOnly", "power", "rgthree", "CR", "stacker", "easy")
        match self.rng.choice((*kinds, "fancy")):
            case "LoraLoader":
                number = self.node(
                    "LoraLoader", model=model, clip=clip, lora_name=file,
                    strength_model=self.value(unet), strength_clip=self.value(text),
                )  # fmt: skip
            case "LoraLoaderModelOnly":
                text = 0
                number = self.node(
                    "LoraLoaderModelOnly", model=model, lora_name=file, strength_model=unet
                )
                self.truth.loras.append((name, text, unet))
                return [number, 0], clip
            case "fancy":
                number = self.node(
                    self.fancy("Loader"), model=model, clip=clip, lora_name=file,
                    strength_model=unet, strength_clip=text,
                )  # fmt: skip
            case "power":
                entry = {"on": True, "lora": file, "strength": unet, "strengthTwo": text}
                off = {"on": False, "lora": "off.safetensors", "strength": 1}
                number = self.node(
                    "Power Lora Loader (rgthree)", model=model, clip=clip, lora_1=off, lora_2=entry
                )
            case "rgthree":
                text = unet
                number = self.node(
                    "Lora Loader Stack (rgthree)", model=model, clip=clip, lora_01="None",
                    strength_01=1, lora_02=file, strength_02=unet,
                )  # fmt: skip
            case "CR":
                stack = self.node(
                    "CR LoRA Stack", switch_1="Off", lora_name_1="off.pt", model_weight_1=1,
                    clip_weight_1=1, switch_2="On", lora_name_2=file, model_weight_2=unet,
                    clip_weight_2=text,
                )  # fmt: skip
                number = self.node(
                    "CR Apply LoRA Stack", model=model, clip=clip, lora_stack=[stack, 0]
                )
            case "stacker":
                stack = self.node(
                    "LoRA Stacker", input_mode="advanced", lora_count=1, lora_name_1=file,
                    lora_wt_1=9, model_str_1=unet, clip_str_1=text, lora_name_2="off.pt",
                )  # fmt: skip
                number = self.node(
                    "CR Apply LoRA Stack", model=model, clip=clip, lora_stack=[stack, 0]
                )
            case _:
                text = unet
                stack = self.node(
                    "easy loraStack", toggle=True, mode="simple", num_loras=1, lora_1_name=file,
                    lora_1_strength=unet, lora_1_model_strength=7, lora_1_clip_strength=7,
                )  # fmt: skip
                number = self.node(
                    "easy loraStackApply", model=model, optional_clip=clip, lora_stack=[stack, 0]
                )
        self.truth.loras.append((name, text, unet))
        return [number, 0], [number, 1]

    # Prompts

    def prompt(self, text: str, clip: list[Any]) -> list[Any]:
        """Return a link to an encoded text, perhaps through nodes that are named."""
        made = self.text(text)
        match self.rng.randint(0, 9):
            case 0:
                number = self.node("CLIPTextEncodeSDXL", clip=clip, text_g=made, text_l=made)
            case 1:
                number = self.node("CLIPTextEncodeSD3", clip=clip, clip_g=made, clip_l=made)
            case 2:
                number = self.node(self.fancy("Encode"), clip=clip, text=text, twist=3)
            case _:
                number = self.node("CLIPTextEncode", clip=clip, text=made)
        link = [number, 0]
        return self.changed("conditioning", link) if self.maybe(0.2) else link

    def prompts(self, clip: list[Any]) -> tuple[list[Any], list[Any]]:
        positive = self.prompt(self.truth.prompt, clip)
        if self.maybe(0.2):
            second = self.words()
            other = self.prompt(second, clip)
            kind, word, names = self.rng.choice((
                ("ConditioningCombine", "AND", ("conditioning_1", "conditioning_2")),
                ("ConditioningConcat", "BREAK", ("conditioning_to", "conditioning_from")),
            ))  # fmt: skip
            joined = dict(zip(names, (positive, other), strict=True))
            positive = [self.node(kind, **joined), 0]
            self.truth.prompt = f"{self.truth.prompt} {word} {second}"
        if self.maybe(0.15):
            negative = [self.node("ConditioningZeroOut", conditioning=positive), 0]
            self.truth.negative = ""
        else:
            negative = self.prompt(self.truth.negative, clip)
        if self.maybe(0.2):
            kind = self.rng.choice(("ControlNetApplyAdvanced", self.fancy("Control")))
            if kind == "ControlNetApplyAdvanced":
                self.truth.lost[-1] = kind
            control = self.node("ControlNetLoader", control_net_name="canny.pth")
            pair = self.node(
                kind, positive=positive, negative=negative, control_net=[control, 0], strength=0.5
            )
            positive, negative = [pair, 0], [pair, 1]
        return positive, negative

    # Sampling

    def latent(self) -> list[Any]:
        kind = self.rng.choice(("EmptyLatentImage", "EmptySD3LatentImage"))
        width, height = self.truth.size
        number = self.node(kind, width=self.value(width), height=self.value(height), batch_size=1)
        link = [number, 0]
        return self.changed("latent", link) if self.maybe(0.1) else link

    def settings(self) -> dict[str, object]:
        truth = self.truth
        return {
            "steps": self.value(float(truth.steps)) if self.maybe(0.1) else self.value(truth.steps),
            "cfg": self.value(float(truth.cfg)),
            "sampler_name": self.choice(
                truth.sampler, "Sampler Selector (Image Saver)", "sampler_name"
            ),
            "scheduler": self.choice(
                truth.spacing, "Scheduler Selector (Image Saver)", "scheduler"
            ),
        }

    def sampled(self) -> list[Any]:
        """Return a link to sampled latents."""
        model, clip = self.models()
        positive, negative = self.prompts(clip)
        ends = {"positive": positive, "negative": negative}
        latent, seed = self.latent(), self.value(self.truth.seed)
        match self.rng.randint(0, 8):
            case 0:
                number = self.node(
                    "KSamplerAdvanced", add_noise="enable", noise_seed=seed, start_at_step=0,
                    end_at_step=10000, model=model, latent_image=latent, **ends, **self.settings(),
                )  # fmt: skip
            case 1:
                number = self.node(
                    "SamplerCustom", add_noise=True, noise_seed=seed, cfg=self.truth.cfg,
                    model=model, latent_image=latent, **ends, **self.pieces(model),
                )  # fmt: skip
            case 2:
                known = self.maybe(0.8)
                kind = "CFGGuider" if known else self.fancy("Guider")
                guider = self.node(kind, model=model, cfg=self.value(self.truth.cfg), **ends)
                kind = "RandomNoise" if self.maybe(0.8) else self.fancy("Noise")
                noise = self.node(kind, noise_seed=seed)
                number = self.node(
                    "SamplerCustomAdvanced", noise=[noise, 0], guider=[guider, 0],
                    latent_image=latent, **self.pieces(model),
                )  # fmt: skip
            case 3:
                pipe = self.node("ToBasicPipe", model=model, clip=clip, **ends)
                number = self.node(
                    "ImpactKSamplerBasicPipe", basic_pipe=[pipe, 0], seed=seed,
                    latent_image=latent, denoise=1.0, **self.settings(),
                )  # fmt: skip
                return [number, 1]
            case 4:
                return self.bundled()
            case 5:
                number = self.node(
                    self.fancy("Sampler"), seed=seed, model=model, latent_image=latent, **ends,
                    **self.settings(),
                )  # fmt: skip
            case _:
                number = self.node(
                    "KSampler", seed=seed, model=model, latent_image=latent, denoise=1, **ends,
                    **self.settings(),
                )  # fmt: skip
        if self.maybe(0.2):
            return self.second_pass([number, 0], model, ends)
        return [number, 0]

    def bundled(self) -> list[Any]:
        """Return a link to latents that nodes with many functions sample."""
        truth = self.truth
        names = "sd.safetensors", "Baked VAE"
        truth.loras, truth.skip = [("ink", 0.5, 0.8)], self.rng.randint(1, 12)
        truth.prompt, truth.negative, truth.lost = self.words(), self.words(), []
        shared = {
            "ckpt_name": names[0], "vae_name": names[1], "clip_skip": -truth.skip,
            "lora_name": "ink.pt", "lora_model_strength": 0.8, "lora_clip_strength": 0.5,
            "positive": self.text(truth.prompt), "negative": self.text(truth.negative),
            "empty_latent_width": truth.size[0], "empty_latent_height": truth.size[1],
            "batch_size": 1,
        }  # fmt: skip
        if self.maybe(0.5):
            loader = self.node("Efficient Loader", **shared)
            number = self.node(
                "KSampler (Efficient)", model=[loader, 0], positive=[loader, 1],
                negative=[loader, 2], latent_image=[loader, 3], seed=truth.seed, denoise=1.0,
                **self.settings(),
            )  # fmt: skip
            return [number, 3]
        loader = self.node("easy fullLoader", resolution="width x height (custom)", **shared)
        pipe = self.node(
            "easy preSampling", pipe=[loader, 0], seed=truth.seed, denoise=1, **self.settings()
        )
        sampler = self.node("easy kSampler", pipe=[pipe, 0])
        return [self.node("easy pipeOut", pipe=[sampler, 0]), 4]

    def pieces(self, model: list[Any]) -> dict[str, object]:
        """Return the sampler and the noise levels of a custom sampler."""
        truth = self.truth
        if truth.spacing in ("karras", "exponential"):
            kind = f"{truth.spacing.title()}Scheduler"
            sigmas = self.node(kind, steps=truth.steps, sigma_max=14.614642, sigma_min=0.0291675)
        else:
            sigmas = self.node(
                "BasicScheduler", model=model, scheduler=truth.spacing, steps=truth.steps, denoise=1
            )
        select = self.node("KSamplerSelect", sampler_name=truth.sampler)
        return {"sampler": [select, 0], "sigmas": [sigmas, 0]}

    def second_pass(
        self, latent: list[Any], model: list[Any], ends: dict[str, list[Any]]
    ) -> list[Any]:
        factor, strength = self.rng.choice((1.5, 2, 1.25)), self.rng.choice((0.5, 0.35))
        self.truth.hires = factor, strength
        larger = self.node(
            "LatentUpscaleBy", samples=latent, upscale_method="bislerp", scale_by=factor
        )
        number = self.node(
            "KSampler", seed=5, denoise=strength, model=model, latent_image=[larger, 0], **ends,
            **self.settings(),
        )  # fmt: skip
        return [number, 0]

    # The whole

    def write(self) -> dict[str, dict[str, Any]]:
        """Return the graph in any order, with nodes that are connected to nothing."""
        latent = self.sampled()
        kind = self.rng.choice(("VAEDecode", "VAEDecodeTiled", "VAEDecode"))
        vae = self.node("VAELoader", vae_name="kl.safetensors")
        if self.maybe(0.1):
            kind = self.fancy("Decode")
        image = [self.node(kind, samples=latent, vae=[vae, 0]), 0]
        if self.maybe(0.1):
            image = self.changed("image", image)
        saver = self.rng.choice(("SaveImage", "PreviewImage", "Image Save", "FancySaveNode"))
        self.node(saver, images=image, filename_prefix="x")
        for _each in range(self.rng.randint(0, 3)):
            self.distract()
        items = list(self.nodes.items())
        self.rng.shuffle(items)
        return dict(items)

    def distract(self) -> None:
        """Add nodes that no output uses."""
        match self.rng.randint(0, 3):
            case 0:
                self.node("CLIPTextEncode", text="never seen", clip=["9998", 1])
            case 1:
                self.node("LoraLoader", lora_name="never.pt", strength_model=1, strength_clip=1)
            case 2:
                self.node("EmptyLatentImage", width=64, height=64, batch_size=9)
            case _:
                text = [self.node("CLIPTextEncode", text="never seen", clip=["9998", 1]), 0]
                self.node("KSampler", seed=666, steps=666, positive=text, negative=text)


def as_workflow(nodes: dict[str, dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Return a graph as the interface saves it.

    Widgets of an order that is not known are named among the inputs, as newer versions do.
    """
    numbers = {name: place for place, name in enumerate(nodes, 1)}
    items, links = [], []
    for name, node in nodes.items():
        held = {key: each for key, each in node["inputs"].items() if not isinstance(each, list)}
        order = WIDGETS.get(node["class_type"]) or tuple(held)
        ends: list[dict[str, Any]] = []
        values: list[object] = []
        for each in order:
            values.append(held.get(each, ""))
            if each in SEEDS:
                values.append(rng.choice(("fixed", "randomize", True, False)))
            if each in held and order == tuple(held):
                ends.append({"name": each, "type": "*", "widget": {"name": each}, "link": None})
        for each, value in node["inputs"].items():
            if each not in held and value[0] in numbers:
                number = len(links) + 1
                source = numbers[value[0]]
                links.append([number, source, value[1], numbers[name], len(ends), "*"])
                ends.append({"name": each, "type": "*", "link": number})
        items.append({"id": numbers[name], "type": node["class_type"], "mode": 0,
                      "inputs": ends, "widgets_values": values})  # fmt: skip
    return {"nodes": items, "links": links, "version": 0.4}
