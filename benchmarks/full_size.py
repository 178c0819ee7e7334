"""Loading and rendering with Stable Diffusion 1.5 and XL of full size, as folder and as file.

    python -m benchmarks full_size -- [sd1] [sdxl]

Each model is built with random weights from its family's shipped configuration and saved in fp16
in a temporary folder, one layout at a time (SDXL: 7 GB). A process of its own loads it, renders in
bf16 and reports its peak memory. Peak memory includes pages mapped from a single file, which the
system can reclaim at any time.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import Tensor

from benchmarks.measurement import Measurement
from promptlang import Session, Source
from promptlang.plan.backend import load_backend
from promptlang.plan.events import (
    DenoisingStep,
    DiagnosticRaised,
    PictureFinished,
    RenderingStarted,
)
from promptlang.runtime.models import tokenizers
from promptlang.runtime.models.families import SD1, SDXL, Family
from promptlang.runtime.models.networks import init_empty
from tests.runtime.small import original

FAMILIES = {"sd1": SD1, "sdxl": SDXL}
LAYOUTS = {"folder": "model", "file": "model.safetensors"}
PROGRAM = 'set precision bf16\nuse model "{path}"\na fox --steps 2 --size 256x256 --cfg 5'


def random(kind: Any, folder: Path) -> Any:
    """A network in fp16 with weights that keep its numbers in their range."""
    network = init_empty(kind, folder)
    numbers = torch.randn(1_000_003, generator=torch.Generator().manual_seed(0)).half()
    state = {
        name: _weight(name, value.shape, numbers) for name, value in network.state_dict().items()
    }
    network.load_state_dict(state, assign=True)
    return network


def _weight(name: str, shape: torch.Size, numbers: Tensor) -> Tensor:
    """The same numbers again and again: to draw billions would take longer than all the rest."""
    if len(shape) == 1:
        return torch.full(shape, float(name.endswith("weight")), dtype=torch.float16)
    inputs, count = shape[1:].numel(), shape.numel()
    return numbers.repeat(-(-count // len(numbers)))[:count].view(shape) * (0.5 / inputs**0.5)


def pipeline(family: Family) -> DiffusionPipeline:
    parts = {
        reader.component: random(reader.model_class, family.config / reader.component)
        for reader in family.text_encoder_specs
    }
    parts |= {
        reader.tokenizer: tokenizers.load_clip_tokenizer(reader.pad)
        for reader in family.text_encoder_specs
    }
    parts["unet"] = random(UNet2DConditionModel, family.config / "unet")
    parts["vae"] = random(AutoencoderKL, family.config / "vae")
    parts["scheduler"] = DDIMScheduler.from_config(
        DDIMScheduler.load_config(family.config / "scheduler")
    )
    if family is SDXL:
        return StableDiffusionXLPipeline(**parts, add_watermarker=False)
    return StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def make(name: str, path: Path) -> None:
    built = pipeline(FAMILIES[name])
    if path.suffix:
        write(path, original(built))
    else:
        built.save_pretrained(path)


def write(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """A safetensors file, a tensor at a time: its library holds all of them twice."""
    header, end = {}, 0
    for name, value in tensors.items():
        kind = {torch.float16: "F16", torch.float32: "F32", torch.int64: "I64"}[value.dtype]
        header[name] = {
            "dtype": kind,
            "shape": list(value.shape),
            "data_offsets": [end, end + value.nbytes],
        }
        end += value.nbytes
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            stream.write(value.contiguous().numpy().data)


def draw(path: Path) -> None:
    """Print the seconds to load, of a denoising step, and after the last, and the peak memory."""
    plan = Session(path.parent).plan(Source(PROGRAM.format(path=path.name))).plan
    times = [perf_counter()]
    for event in load_backend().execute(plan):
        if isinstance(event, DiagnosticRaised):
            sys.exit(event.diagnostic.message)
        if isinstance(event, RenderingStarted | DenoisingStep | PictureFinished):
            times.append(perf_counter())
    began, loaded, *_, last, finished = times
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = loaded - began, last - loaded, finished - last
    print(json.dumps([*seconds, peak]))


def measure(arguments: Sequence[str]) -> Iterator[Measurement]:
    for name in arguments or FAMILIES:
        for layout in LAYOUTS:
            yield from _measure(name, layout)


def _measure(name: str, layout: str) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / LAYOUTS[layout])
        again = [sys.executable, "-m", "benchmarks.full_size"]
        subprocess.run([*again, "make", name, path], check=True)
        done = subprocess.run([*again, "draw", path], check=True, capture_output=True, text=True)
    *seconds, peak = json.loads(done.stdout.splitlines()[-1])
    for what, took in zip(
        ("load", "text and two steps", "picture and checksum"), seconds, strict=True
    ):
        yield Measurement(f"{name} as a {layout}, {what}", took, "s")
    yield Measurement(f"{name} as a {layout}, peak memory", peak, "GiB")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", name, path]:
            make(name, Path(path))
        case ["draw", path]:
            draw(Path(path))
