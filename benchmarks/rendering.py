"""Rendering beside diffusers' own pipeline on the built-in model: seconds, ratios, peak memory.

Both do equal work. Each pair is measured in turns in one process, and the best of several turns
counts, because another process on the machine makes a turn slower, never faster. Peak memory is
measured in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

import torch
from diffusers import StableDiffusionPipeline

from benchmarks.measurement import Measurement
from promptlang import Session, Source
from promptlang.plan.backend import load_backend
from promptlang.runtime.adapters import Attachments, LowRank, write_lora
from promptlang.runtime.models.loader import BUILT_IN

TURNS = 3
STEPS = 25
CFG = 5.0
PROMPTS = ("a fox", "a panda, blue background", "a guitar, noto style", "a pizza, red background")
SEEDS = range(1, 9)


class Ours:
    """A session and a runtime, as in the REPL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backend = load_backend()

    def run(self, program: str) -> None:
        """Check, plan and carry out."""
        planned = Session(self._folder).plan(Source(program))
        assert not planned.failed, planned.diagnostics
        for _ in self._backend.execute(planned.plan):
            pass

    def one(self) -> None:
        """A picture."""
        self.run(f"{PROMPTS[0]} --seed 1 --steps {STEPS} --cfg {CFG}")

    def sweep(self) -> None:
        """Each prompt with each seed."""
        every = "|".join(PROMPTS)
        self.run(
            f"{{{every}}} --every --seed {SEEDS[0]}..{SEEDS[-1]}"
            f" --steps {STEPS} --cfg {CFG} --no-grid"
        )


class Theirs:
    """The pipeline, called for a picture at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.pipeline = StableDiffusionPipeline.from_pretrained(
            str(BUILT_IN), safety_checker=None
        ).to(torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)

    def picture(self, prompt: str, seed: int) -> None:
        """A picture, saved."""
        generator = torch.Generator().manual_seed(seed)
        made = self.pipeline(
            prompt, num_inference_steps=STEPS, guidance_scale=CFG, generator=generator
        )
        made.images[0].save(self._folder / f"{seed}.png")

    def one(self) -> None:
        """A picture."""
        self.picture(PROMPTS[0], 1)

    def sweep(self) -> None:
        """Each prompt with each seed."""
        for prompt in PROMPTS:
            for seed in SEEDS:
                self.picture(prompt, seed)


def best(*jobs: Callable[[], object]) -> list[float]:
    """Seconds of each job, the best of `TURNS`, after one that does not count."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for turn in range(TURNS + 1):
        for job, found in zip(jobs, seconds, strict=True):
            began = perf_counter()
            job()
            if turn:
                found.append(perf_counter() - began)
    return [min(found) for found in seconds]


def lora(pipeline: StableDiffusionPipeline, seed: int) -> dict[str, LowRank]:
    """A LoRA on all of the UNet's attention, rank 8."""
    draw = torch.Generator().manual_seed(seed)
    return {
        name: LowRank(
            down=torch.randn(8, layer.in_features, generator=draw),
            up=torch.randn(layer.out_features, 8, generator=draw),
            alpha=8.0,
        )
        for name, layer in pipeline.unet.named_modules()
        if name.endswith((".to_q", ".to_k", ".to_v", ".to_out.0"))
    }


def switching(folder: Path, pipeline: StableDiffusionPipeline) -> list[float]:
    """Measure the seconds to switch from one LoRA to another.

    promptlang's LoRAs are read once and kept, as in a session.
    """
    both = [lora(pipeline, seed) for seed in (1, 2)]
    files = [folder / f"ink{at}.safetensors" for at in range(len(both))]
    for changes, file in zip(both, files, strict=True):
        write_lora(file, changes, {})
    with Attachments(pipeline.unet) as attachments:

        def ours() -> None:
            for changes in both:
                attachments.set_loras(((changes, 0.8),))

        def theirs() -> None:
            for file in files:
                pipeline.load_lora_weights(str(file))
                pipeline.unload_lora_weights()

        return best(ours, theirs)


def peak(which: str) -> float:
    """Megabytes that a process takes up at most, rendering the sweep."""
    command = [sys.executable, "-m", "benchmarks.rendering", which]
    return (
        int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
        / 1024
    )


def measure(_: Sequence[str]) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Ours(Path(name)), Theirs(Path(name))
        sweep = f"{len(PROMPTS)} prompts x {len(SEEDS)} seeds"
        for what, seconds in (
            ("one picture", best(ours.one, theirs.one)),
            (sweep, best(ours.sweep, theirs.sweep)),
            ("two LoRAs in turn", switching(Path(name), theirs.pipeline)),
        ):
            yield Measurement(what, seconds[0], "s", "diffusers", seconds[1])
    yield Measurement(f"peak memory, {sweep}", peak("ours"), "MB", "diffusers", peak("theirs"))


def sweep_alone(which: str) -> None:
    """Render the sweep once and print the peak memory of this process in kB."""
    with tempfile.TemporaryDirectory() as name:
        (Ours if which == "ours" else Theirs)(Path(name)).sweep()
        print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    sweep_alone(sys.argv[1])
