# ruff: noqa: E501
"""Pictures as the metadata writers of other tools make them, and what must be read in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.inspection.writers import graphs
from tests.inspection.writers.containers import (
    exif,
    hide,
    picture,
    png,
    text_chunk,
    write_comment,
    write_exif,
    write_png,
)

PROMPT, NEGATIVE, LORA = "a fox in snow", "blurry, text", "<lora:ink:0.7>"
SEED, STEPS, CFG, WIDTH, HEIGHT = 1125899906842623, 24, 6.5, 512, 768


@dataclass(frozen=True)
class Truth:
    """What a picture says; an empty text for what the tool does not write."""

    prompt: str = PROMPT
    negative: str = NEGATIVE
    loras: tuple[str, ...] = (LORA,)
    options: Mapping[str, str] = field(
        default_factory=lambda: {
            "seed": f"{SEED}",
            "steps": f"{STEPS}",
            "cfg": f"{CFG}",
            "size": f"{WIDTH}x{HEIGHT}",
            "sampler": "dpm++_2m",
            "scheduler": "karras",
        }
    )
    lost: tuple[str, ...] = ()
    """Beginnings or parts of sentences on what the line does not say."""


def truth(**changes: object) -> Truth:
    """The usual truth with other options (None for none), prompts, LoRAs or losses."""
    parts = {
        name: changes.pop(name)
        for name in ("prompt", "negative", "loras", "lost")
        if name in changes
    }
    options: dict[str, str] = dict(Truth().options)
    for name, value in changes.items():
        option = name.replace("_", "-")
        options.pop(option, None)
        if value is not None:
            options[option] = str(value)
    return Truth(options=options, **parts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Sample:
    """A picture by a tool."""

    tool: str
    ending: str
    write: Callable[[Path], Path]
    truth: Truth


SETTINGS = f"Steps: {STEPS}, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: {CFG}, Seed: {SEED}, Size: {WIDTH}x{HEIGHT}"
A1111 = f'{PROMPT} {LORA}\nNegative prompt: {NEGATIVE}\n{SETTINGS}, Model hash: 0123456789, Model: dream, Lora hashes: "ink: abcdef012345", Version: v1.10.1'
OLD = f"{PROMPT} {LORA}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Sampler: DPM++ 2M Karras, CFG scale: {CFG}, Seed: {SEED}, Size: {WIDTH}x{HEIGHT}, Model hash: 01234567"
FORGE = f'{PROMPT} {LORA}\nNegative prompt: {NEGATIVE}\n{SETTINGS}, Model: dream, Hires Module 1: Use same choices, Hires prompt: "a, b: c", ADetailer model: face_yolov8n.pt, ADetailer prompt: "face, \\"x\\": y", Version: f2.0.1v1.10.1-previous-665'
SDNEXT = f"{PROMPT} {LORA}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Size: {WIDTH}x{HEIGHT}, Sampler: DPM++ 2M, Seed: {SEED}, CFG scale: {CFG}, Model: dream, Model hash: 0123456789, App: SD.Next, Version: ab12cd3, Pipeline: StableDiffusionPipeline, Operations: txt2img"
TEMPLATE = f"{A1111}\nTemplate: a {{fox|cat: x}} in snow, (very: 1.2)\nNegative Template: {{blurry|bad}}, text"
ONE_LINE = " ".join(OLD.splitlines())
CIVITAI = f'{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, CFG scale: {CFG}, Sampler: DPM++ 2M Karras, Seed: {SEED}, Size: {WIDTH}x{HEIGHT}, Clip skip: 2, Created Date: 2024-05-01T10:00:00.000Z, Civitai resources: [{{"type":"checkpoint","modelVersionId":1,"modelName":"Dream, the: model"}},{{"type":"lora","weight":0.7,"modelVersionId":2,"modelName":"Ink"}}], Civitai metadata: {{}}'
TENSORART = f"{PROMPT} {LORA}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Size: {WIDTH}x{HEIGHT}, Seed: {SEED}, Model: dream, KSampler: dpmpp_2m, Schedule: karras, CFG scale: {CFG}"
WINDOWS = A1111.replace("\n", "\r\n")
SAVE_WITH_METADATA = f'{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Sampler: DPM++ 2M Karras, CFG scale: {CFG}, Seed: {SEED}, Clip skip: 1, Size: {WIDTH}x{HEIGHT}, Model: dream, Lora_0 Model name: ink, Lora_0 Strength model: 0.7, Hashes: {{"model": "0123456789", "lora:ink": "abcdef0123"}}, Version: ComfyUI'

FOOOCUS_A1111 = f'{PROMPT}, cinematic\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Sampler: DPM++ 2M Karras, Seed: {SEED}, Size: {WIDTH}x{HEIGHT}, CFG scale: {CFG}, Sharpness: 2, ADM Guidance: "(1.5, 0.8, 0.3)", Model: juggernaut, Model hash: aeb7e9e689, Performance: Speed, Scheduler: karras, VAE: Default (model), Raw prompt: {PROMPT}, Raw negative prompt: , Lora hashes: "ink: 4852686128", Lora weights: "ink: 0.7", Version: Fooocus v2.5.5'

SWARM = {
    "sui_image_params": {
        "prompt": PROMPT, "negativeprompt": NEGATIVE, "model": "SDXL/dream", "seed": SEED,
        "steps": STEPS, "cfgscale": CFG, "aspectratio": "Custom", "width": WIDTH,
        "height": HEIGHT, "sampler": "dpmpp_2m", "scheduler": "karras", "loras": ["styles/ink"],
        "loraweights": ["0.7"], "swarm_version": "0.9.6.2",
    },
    "sui_extra_data": {"date": "2025-05-01", "generation_time": "1.2 (prep) and 3.4 (gen) seconds"},
    "sui_models": [{"name": "SDXL/dream.safetensors", "param": "model", "hash": "0x0"}],
}  # fmt: skip
SWARM_TAGS = {
    "sui_image_params": {
        **{k: v for k, v in SWARM["sui_image_params"].items() if k not in {"loras", "loraweights"}},
        "prompt": f"{PROMPT} <lora:ink:0.7> <embed:neg> <segment:face> a smile",
    }
}
STABLE_SWARM = {
    "sui_image_params": {
        "prompt": PROMPT, "negativeprompt": NEGATIVE, "model": "dream.safetensors", "seed": SEED,
        "steps": STEPS, "cfgscale": CFG, "width": WIDTH, "height": HEIGHT,
        "comfyuisampler": "dpmpp_2m", "comfyuischeduler": "karras", "loras": "ink",
        "loraweights": "0.7", "swarm_version": "0.6.1.0",
    }
}  # fmt: skip

FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernaut", "base_model_hash": "aeb7e9e689",
    "full_negative_prompt": [NEGATIVE, "bad"], "full_prompt": [PROMPT, "cinematic"],
    "guidance_scale": CFG, "lora_combined_1": "ink : 0.7", "loras": [["ink", 0.7, "4852686128"]],
    "metadata_scheme": "fooocus", "negative_prompt": NEGATIVE, "performance": "Speed",
    "prompt": PROMPT, "prompt_expansion": "", "resolution": f"({WIDTH}, {HEIGHT})",
    "sampler": "dpmpp_2m", "scheduler": "karras", "seed": f"{SEED}", "sharpness": 2,
    "steps": STEPS, "styles": "['Fooocus V2', 'Fooocus Enhance']", "vae": "Default (model)",
    "version": "Fooocus v2.5.5",
}  # fmt: skip
FOOOCUS_LOG = {
    "Prompt": PROMPT, "Negative Prompt": NEGATIVE, "Fooocus V2 Expansion": "",
    "Styles": "['Fooocus V2']", "Performance": "Speed", "Resolution": f"({WIDTH}, {HEIGHT})",
    "Sharpness": 2, "Guidance Scale": CFG, "ADM Guidance": "(1.5, 0.8, 0.3)",
    "Base Model": "juggernaut.safetensors", "Refiner Model": "None", "Refiner Switch": 0.8,
    "Sampler": "dpmpp_2m", "Scheduler": "karras", "Seed": SEED, "LoRA 1": "ink.safetensors : 0.7",
    "Version": "v2.1.865",
}  # fmt: skip
FOOOCUS_MRE = {
    "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": SEED, "width": WIDTH, "height": HEIGHT,
    "cfg": CFG, "steps": STEPS, "style": "None", "base_model": "dream.safetensors",
    "sampler": "dpmpp_2m", "scheduler": "karras", "l1": "ink", "l1_w": 0.7,
    "software": "Fooocus 2.0.78.5 MRE",
}  # fmt: skip
RUINED = {
    "Prompt": PROMPT, "Negative": NEGATIVE, "steps": STEPS, "cfg": CFG, "width": WIDTH,
    "height": HEIGHT, "seed": SEED, "sampler_name": "dpmpp_2m_sde_gpu", "scheduler": "karras",
    "base_model_name": "dream.safetensors", "base_model_hash": "be9edd61",
    "loras": [["4852686128", "0.7 - ink.safetensors"]], "start_step": 0, "denoise": None,
    "clip_skip": 1, "software": "RuinedFooocus",
}  # fmt: skip

NOVELAI_3 = {
    "prompt": f"{{{{{PROMPT}}}}}", "steps": STEPS, "height": HEIGHT, "width": WIDTH, "scale": CFG,
    "uncond_scale": 0.0, "cfg_rescale": 0.0, "seed": SEED, "n_samples": 1,
    "noise_schedule": "karras", "sampler": "k_dpmpp_2m", "sm": False, "sm_dyn": False,
    "dynamic_thresholding": False, "uc": NEGATIVE, "request_type": "PromptGenerateRequest",
    "signed_hash": "abc",
}  # fmt: skip
NOVELAI_4 = {
    **NOVELAI_3,
    "prompt": PROMPT,
    "v4_prompt": {
        "caption": {
            "base_caption": PROMPT,
            "char_captions": [
                {"char_caption": "girl, red hair", "centers": [{"x": 0.5, "y": 0.5}]}
            ],
        },
        "use_coords": False,
        "use_order": True,
    },
    "v4_negative_prompt": {"caption": {"base_caption": NEGATIVE, "char_captions": []}},
}
NOVELAI_OLD = {
    "steps": STEPS, "sampler": "k_euler_ancestral", "seed": SEED, "strength": 0.69, "noise": 0.667,
    "scale": CFG, "uc": NEGATIVE,
}  # fmt: skip

INVOKE_3 = {
    "generation_mode": "txt2img", "positive_prompt": PROMPT, "negative_prompt": NEGATIVE,
    "width": WIDTH, "height": HEIGHT, "seed": SEED, "rand_device": "cpu", "cfg_scale": CFG,
    "steps": STEPS, "scheduler": "dpmpp_2m_k", "clip_skip": 0, "app_version": "3.7.0",
    "model": {"model_name": "dream", "base_model": "sd-1", "model_type": "main"},
    "loras": [{"lora": {"model_name": "ink", "base_model": "sd-1"}, "weight": 0.7}], "vae": None,
}  # fmt: skip
INVOKE_5 = {
    **INVOKE_3,
    "app_version": "5.6.0",
    "model": {"key": "x", "hash": "y", "name": "dream", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"key": "k", "name": "ink", "base": "sd-1", "type": "lora"}, "weight": 0.7}],
    "positive_style_prompt": "", "canvas_v2_metadata": {"referenceImages": []},
}  # fmt: skip
INVOKE_2 = {
    "model": "stable diffusion", "model_weights": "stable-diffusion-1.5", "app_version": "2.2.5",
    "app_id": "invoke-ai/InvokeAI", "model_hash": "cc6c",
    "image": {
        "prompt": [{"prompt": f"{PROMPT} [{NEGATIVE}]", "weight": 1.0}], "steps": STEPS,
        "cfg_scale": CFG, "threshold": 0, "perlin": 0, "height": HEIGHT, "width": WIDTH,
        "seed": SEED, "type": "txt2img", "sampler": "k_euler_a", "variations": [],
        "postprocessing": None,
    },
}  # fmt: skip
DREAM = f'"{PROMPT} [{NEGATIVE}]" -s {STEPS} -S {SEED} -W {WIDTH} -H {HEIGHT} -C {CFG} -A k_euler_a'

EASY = {
    "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": SEED, "width": WIDTH, "height": HEIGHT,
    "num_inference_steps": STEPS, "guidance_scale": CFG, "sampler_name": "dpmpp_2m",
    "use_stable_diffusion_model": "sd-v1-5.ckpt", "clip_skip": False, "use_vae_model": None,
    "use_lora_model": ["ink"], "lora_alpha": [0.7], "vram_usage_level": "balanced",
}  # fmt: skip
EASY_TEXT = {
    "Prompt": PROMPT, "Negative Prompt": NEGATIVE, "Seed": f"{SEED}", "Width": f"{WIDTH}",
    "Height": f"{HEIGHT}", "Steps": f"{STEPS}", "Guidance Scale": f"{CFG}", "Sampler": "dpmpp_2m",
    "Stable Diffusion model": "C:\\models\\sd-v1-5", "Clip Skip": "True", "VAE model": "None",
    "LoRA model": "['ink']", "LoRA Strength": "[0.7]",
}  # fmt: skip

DRAW_THINGS = {
    "c": PROMPT, "uc": NEGATIVE, "seed": SEED, "steps": STEPS, "scale": CFG,
    "sampler": "DPM++ 2M Karras", "model": "sd_v1.5_f16.ckpt", "size": f"{WIDTH}x{HEIGHT}",
    "strength": 1, "lora": [{"model": "ink.ckpt", "weight": 0.7}], "seed_mode": "Scale Alike",
    "v2": {"batchCount": 1, "tiledDecoding": False},
}  # fmt: skip
DRAW_THINGS_TEXT = f"{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Sampler: DPM++ 2M Karras, Guidance Scale: {CFG}, Seed: {SEED}, Size: {WIDTH}x{HEIGHT}, Model: sd_v1.5_f16.ckpt, Strength: 1.0, Seed Mode: Scale Alike"
MOCHI = f"Include in Image: {PROMPT}; Exclude from Image: {NEGATIVE}; Model: dream; Steps: {STEPS}; Guidance Scale: {CFG}; Seed: {SEED}; Size: {WIDTH}x{HEIGHT}; Upscaler: ; Scheduler: DPM-Solver++; ML Compute Unit: CPU & Neural Engine; Generator: Mochi Diffusion 4.4"
DGENERATE = f"""#! /usr/bin/env dgenerate --file
#! dgenerate 4.0.0
runwayml/stable-diffusion-v1-5 \\
--dtype float16 \\
--inference-steps {STEPS} \\
--guidance-scales {CFG} \\
--output-size {WIDTH}x{HEIGHT} \\
--loras ink.safetensors;scale=0.7 \\
--scheduler EulerAncestralDiscreteScheduler \\
--seeds {SEED} \\
--prompts "{PROMPT}; {NEGATIVE}"
"""
CIVITAI_EXTRA = {
    "prompt": PROMPT, "negativePrompt": NEGATIVE, "steps": STEPS, "cfgScale": CFG, "seed": SEED,
    "sampler": "DPM++ 2M Karras", "width": WIDTH, "height": HEIGHT, "workflowId": "txt2img",
    "clipSkip": 2, "resources": [{"modelVersionId": 128078, "strength": 1}],
}  # fmt: skip
TENSOR_DATA = {
    "prompt": PROMPT, "negativePrompt": NEGATIVE, "width": WIDTH, "height": HEIGHT,
    "imageCount": 1, "samplerName": "DPM++ 2M Karras", "steps": STEPS, "cfgScale": CFG,
    "seed": f"{SEED}", "clipSkip": 2, "baseModel": {"label": "dream", "modelFileName": "dream"},
    "models": [{"label": "Ink", "type": "LORA", "modelFileName": "ink", "weight": 0.7}],
}  # fmt: skip
DIFFUSERS = {
    "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": SEED, "num_steps": STEPS,
    "guidance_scale": CFG, "width": WIDTH, "height": HEIGHT, "sampler": "DPM++ 2M Karras",
    "model_id": "runwayml/stable-diffusion-v1-5", "loras": {"ink": 0.7},
}  # fmt: skip


def texts(kind: str = "tEXt", **named: object) -> Callable[[Path], Path]:
    """A writer of a PNG with chunks; values that are no texts become JSON."""
    written = {
        name.replace("__", " ").replace("_dash_", "-"): text
        if isinstance(text, str)
        else json.dumps(text)
        for name, text in named.items()
    }
    return lambda file: write_png(file, written, kind)


def comment(text: object) -> Callable[[Path], Path]:
    """A writer of an EXIF user comment as piexif writes it."""
    return lambda file: write_comment(file, text if isinstance(text, str) else json.dumps(text))


def raw_comment(content: bytes, order: str = ">") -> Callable[[Path], Path]:
    return lambda file: write_exif(file, exif({}, content, order=order))


def fields(numbered: Mapping[int, str], order: str = "<") -> Callable[[Path], Path]:
    """A writer of fields of the first EXIF directory, as Pillow writes them."""
    return lambda file: write_exif(file, exif(numbered, order=order))


def hidden(content: object, mode: str = "RGBA") -> Callable[[Path], Path]:
    text = content if isinstance(content, str) else json.dumps(content)

    def write(file: Path) -> Path:
        hide(text.encode(), mode=mode).save(file)
        return file

    return write


def xmp(content: object) -> Callable[[Path], Path]:
    """A writer of Draw Things' XMP."""
    packet = (
        '<?xpacket begin="" id="W5M0"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
        "<xmp:CreatorTool>Draw Things</xmp:CreatorTool>\n<exif:UserComment>\n<rdf:Alt>\n"
        f'<rdf:li xml:lang="x-default">{json.dumps(content).replace("&", "&amp;")}</rdf:li>\n'
        "</rdf:Alt>\n</exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"
    )

    def write(file: Path) -> Path:
        file.write_bytes(png(text_chunk("iTXt", "XML:com.adobe.xmp", packet.encode())))
        return file

    return write


def jpeg_comment(content: object) -> Callable[[Path], Path]:
    def write(file: Path) -> Path:
        picture().save(file, comment=json.dumps(content).encode())
        return file

    return write


def novelai(content: object, **more: str) -> Mapping[str, object]:
    return {
        "Title": "AI generated image", "Description": PROMPT, "Software": "NovelAI",
        "Source": "NovelAI Diffusion V4.5 4BDE2A90", "Comment": content, **more,
    }  # fmt: skip


NO_LORA = {"loras": ()}
EULER = {"sampler": "euler_a", "scheduler": None}

SAMPLES = (
    Sample("A1111, PNG", "png", texts(parameters=A1111), truth(lost=("Model",))),
    Sample("A1111, iTXt", "png", texts("iTXt", parameters=A1111), truth()),
    Sample("A1111, zTXt", "png", texts("zTXt", parameters=A1111), truth()),
    Sample("A1111, JPEG", "jpg", comment(A1111), truth()),
    Sample("A1111, WebP", "webp", comment(A1111), truth()),
    Sample("A1111, AVIF", "avif", comment(A1111), truth()),
    Sample("A1111, hidden", "png", hidden(A1111), truth()),
    Sample("A1111, hidden in colours", "png", hidden(A1111, "RGB"), truth()),
    Sample("A1111 1.5", "png", texts(parameters=OLD), truth()),
    Sample("A1111, Windows", "png", texts(parameters=WINDOWS), truth()),
    Sample("A1111, one line", "png", texts(parameters=ONE_LINE), truth()),
    Sample("A1111, comment in UTF-8", "jpg", raw_comment(b"ASCII\0\0\0" + A1111.encode()), truth()),
    Sample("A1111, low byte first", "jpg",
           raw_comment(b"UNICODE\0" + A1111.encode("utf-16-le"), "<"), truth()),
    Sample("Dynamic Prompts", "png", texts(parameters=TEMPLATE), truth(lost=("Template",))),
    Sample("Forge", "png", texts(parameters=FORGE), truth(lost=("ADetailer prompt",))),
    Sample("SD.Next", "png", texts(parameters=SDNEXT), truth(scheduler=None)),
    Sample("SD.Next, JPEG", "jpg", comment(SDNEXT), truth(scheduler=None)),
    Sample("Civitai, infotext", "jpg", comment(CIVITAI),
           truth(**NO_LORA, clip_skip=2, lost=("Civitai resources",))),
    Sample("Civitai, graph", "jpg",
           comment({**graphs.plain(), "extraMetadata": json.dumps(CIVITAI_EXTRA)}),
           truth(**NO_LORA, clip_skip=2, lost=("resources",))),
    Sample("TensorArt, infotext", "png", texts(parameters=TENSORART), truth()),
    Sample("TensorArt, data", "png", texts(generation_data=TENSOR_DATA, prompt=graphs.plain()),
           truth(clip_skip=2, lost=("baseModel",))),
    Sample("SwarmUI, PNG", "png", texts(parameters=SWARM), truth(lost=("model",))),
    Sample("SwarmUI, JPEG", "jpg", raw_comment(b"UNICODE\0" + json.dumps(SWARM).encode("utf-16-le")),
           truth()),
    Sample("SwarmUI, tags", "png", texts(parameters=SWARM_TAGS),
           truth(prompt=f"{PROMPT} <neg>", lost=("<segment:face>",))),
    Sample("StableSwarmUI", "png", texts(parameters=STABLE_SWARM), truth()),
    Sample("StableSwarmUI, legacy", "jpg", fields({0x0110: json.dumps(STABLE_SWARM)}), truth()),
    Sample("Fooocus, JSON", "png", texts(parameters=FOOOCUS, fooocus_scheme="fooocus"),
           truth(lost=("Fooocus Enhance",))),
    Sample("Fooocus, JPEG", "jpg",
           fields({0x9286: json.dumps(FOOOCUS), 0x0131: "Fooocus v2.5.5", 0x927C: "fooocus"}),
           truth()),
    Sample("Fooocus, A1111 scheme", "png", texts(parameters=FOOOCUS_A1111, fooocus_scheme="a1111"),
           truth(prompt=f"{PROMPT}, cinematic", lost=("Performance",))),
    Sample("Fooocus, log", "png", texts(parameters=FOOOCUS_LOG), truth(steps=None)),
    Sample("Fooocus-MRE", "png", texts(Comment=FOOOCUS_MRE), truth(**NO_LORA, lost=("l1_w",))),
    Sample("Fooocus-MRE, JPEG", "jpg", jpeg_comment(FOOOCUS_MRE), truth(**NO_LORA, lost=("l1_w",))),
    Sample("RuinedFooocus", "png", texts(parameters=RUINED), truth(sampler="dpm++_2m_sde", clip_skip=1)),
    Sample("NovelAI 3", "png", texts(**novelai(NOVELAI_3)),
           truth(prompt=f"({PROMPT}:1.1025)", **NO_LORA)),
    Sample("NovelAI 4", "png", texts(**novelai(NOVELAI_4)),
           truth(**NO_LORA, lost=("girl, red hair",))),
    Sample("NovelAI, legacy", "png", texts(**novelai(NOVELAI_OLD)),
           truth(**NO_LORA, **EULER, size=None, lost=("strength",))),
    Sample("NovelAI, hidden", "png", hidden(novelai(json.dumps(NOVELAI_3))),
           truth(prompt=f"({PROMPT}:1.1025)", **NO_LORA)),
    Sample("NovelAI, WebP", "webp", comment(novelai(json.dumps(NOVELAI_4))), truth(**NO_LORA)),
    Sample("InvokeAI 3", "png", texts(invokeai_metadata=INVOKE_3), truth(clip_skip=1)),
    Sample("InvokeAI 5", "png", texts(invokeai_metadata=INVOKE_5), truth(clip_skip=1)),
    Sample("InvokeAI 2", "png", texts(sd_dash_metadata=INVOKE_2, Dream=DREAM),
           truth(**NO_LORA, **EULER)),
    Sample("InvokeAI 1", "png", texts(Dream=DREAM), truth(**NO_LORA, **EULER)),
    Sample("Easy Diffusion, chunks", "png",
           texts(**{name.replace(" ", "__"): text for name, text in EASY_TEXT.items()}),
           truth(scheduler=None, clip_skip=2)),
    Sample("Easy Diffusion, JSON names", "png",
           texts(**{n: v if isinstance(v, str) else f"{v}" for n, v in EASY.items()}),
           truth(scheduler=None)),
    Sample("Easy Diffusion, JPEG", "jpg", comment(EASY), truth(scheduler=None)),
    Sample("Easy Diffusion, WebP", "webp", comment(EASY), truth(scheduler=None)),
    Sample("Draw Things", "png", xmp(DRAW_THINGS), truth(lost=("strength",))),
    Sample("Draw Things, text", "png", texts(parameters=DRAW_THINGS_TEXT), truth(**NO_LORA)),
    Sample("Mochi Diffusion", "jpg", fields({0x010E: MOCHI}), truth(**NO_LORA, scheduler=None)),
    Sample("dgenerate", "png", texts(DgenerateConfig=DGENERATE), truth(**EULER)),
    Sample("diffusers, JSON", "png", texts(parameters=DIFFUSERS), truth()),
    Sample("diffusers, chunks", "png",
           texts(**{n: f"{v}" for n, v in DIFFUSERS.items() if n != "loras"}), truth(**NO_LORA)),
    Sample("ComfyUI", "png", texts(prompt=graphs.plain(), workflow=graphs.workflow()), truth()),
    Sample("ComfyUI, WebP", "webp",
           fields({0x0110: "prompt:" + json.dumps(graphs.plain()),
                   0x010F: "workflow:" + json.dumps(graphs.workflow())}), truth()),
    Sample("ComfyUI, ImageDescription", "jpg",
           fields({0x010E: "Prompt: " + json.dumps(graphs.plain())}), truth()),
    Sample("ComfyUI, empty parameters", "png", texts(parameters="", prompt=graphs.plain()), truth()),
    Sample("ComfyUI, SaveImageWithMetaData", "png",
           texts(parameters=SAVE_WITH_METADATA, prompt=graphs.plain()),
           truth(clip_skip=1, lost=("Model",))),
)  # fmt: skip
