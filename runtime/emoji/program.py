"""The program that makes the emoji model, stage by stage; each stage resumes where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import MappingProxyType

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from transformers import CLIPTokenizer

from promptlang.plan.events import Event, TaskProgress, TextReported

from . import (
    adapting,
    autoencoder,
    captioner,
    card,
    checks,
    dataset,
    denoiser,
    drawings,
    figures,
    pipeline,
    sheets,
    words,
)
from .composer import Composer, Range, full_range
from .dataset import Dataset, Shard
from .device import Device, move
from .parallel import ParallelComposer, compose
from .perception import Features
from .rendering import Renderer
from .state import FILE, saved_step
from .things import Thing
from .training import SAVE_STEPS
from .variants import VARIANTS, Variant


@dataclass(frozen=True, slots=True)
class Resources:
    """Length and parallelism of a run."""

    steps: int = 1500
    """Steps in which the learning rate of a copy of the denoiser falls to zero."""
    workers: int = 0
    """Processes that compose pictures beside this one."""
    scale: int = 1
    """The factor that multiplies the denoiser's batch and divides its steps."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the program: a folder that keeps everything, a variant by its name, a device."""

    folder: Path
    name: str
    device: Device
    resources: Resources = field(default=Resources())

    @property
    def variant(self) -> Variant:
        """The variant that the run makes."""
        return VARIANTS[self.name]

    @property
    def own(self) -> Path:
        """The folder of what belongs to this variant alone."""
        return self.folder / self.name

    @property
    def best(self) -> Path:
        """The folder of the best denoiser there is: brought down, if that was done."""
        folder = self.own / "denoiser"
        return denoiser.annealed(folder) or folder

    def tokenizer(self) -> CLIPTokenizer:
        """Make the tokenizer, in which each word of a caption is one token."""
        packages = self.folder / "packages"
        return words.make_tokenizer(packages, self.own / "tokenizer", captioner.vocabulary())

    def composer(self, held_out: bool = False) -> Composer:
        """Return the sampler of pictures of this variant's size."""
        drawn_from: Range = full_range(held_out)
        kept = tuple(name for name in drawn_from.filters if name not in self.variant.without)
        drawn = drawings.load(self.folder, drawings.RENDERED)
        chosen = replace(drawn_from, filters=kept, things=self.things())
        return Composer(drawn, chosen, self.variant.sizes.size)

    def things(self) -> list[Thing]:
        """List the things that are shown."""
        chosen = self.variant.things
        return [each for each in figures.known_things() if not chosen or each.words in chosen]

    def autoencoder(self) -> AutoencoderKL:
        """Load the trained autoencoder, its latents normalised: once, and then as they are."""
        source = self.own / "vae"
        if self.variant.autoencoder is None:
            source = pipeline.MODEL / "vae"
        elif not source.exists():
            trained = autoencoder.trained(self.variant.sizes, self.own / "autoencoder")
            pictures, _ = compose(self.composer(), range(512))
            autoencoder.normalised(trained, dataset.as_tensor(pictures)).save_pretrained(source)
        vae: AutoencoderKL = AutoencoderKL.from_pretrained(source, torch_dtype=torch.float32)
        move(vae, self.device)
        return vae.eval().requires_grad_(False)

    def decoder(self) -> AutoencoderKL:
        """Load the autoencoder with the decoder that was trained last, if one was."""
        vae = self.autoencoder()
        file = self.own / "decoder" / FILE
        if file.exists():
            state = torch.load(file, weights_only=True, map_location="cpu")
            vae.load_state_dict(state["vae"])
        return vae

    def dataset(self) -> Dataset:
        """Return the training set, whose shards are drawn when they are needed."""
        vae, plan = self.autoencoder(), self.variant.shards
        composer = ParallelComposer(self.composer, self.resources.workers, plan.size)

        def draw(number: int) -> Shard:
            pictures, shown = composer.shard(number)
            return Shard(dataset.encode(vae, pictures, self.device), shown)

        return Dataset(self.own / "shards", plan, draw)

    def plan(self) -> denoiser.Plan:
        """Return what the denoiser's training is."""
        schedule = self.variant.denoiser.scaled(self.resources.scale)
        return denoiser.Plan(self.variant.sizes, self.tokenizer(), schedule)

    def training_data(self) -> denoiser.TrainingData:
        """Return what the denoiser is trained with."""
        fresh = self.variant.autoencoder is not None
        start = None if fresh else denoiser.start_from(pipeline.MODEL)
        return denoiser.TrainingData(self.dataset(), captioner.captioner(), self.device, start)

    def model(self) -> denoiser.Denoiser:
        """Load the best denoiser there is."""
        return denoiser.averaged(self.tokenizer(), self.variant.sizes, self.best)

    def evaluation(self) -> figures.Evaluation:
        """Load the best denoiser there is with what it is measured by."""
        model = self.model().to(self.device.name)
        renderer = Renderer(model, self.decoder(), self.device)
        drawn = drawings.load(self.folder, drawings.RENDERED)
        features = Features().to(self.device.name)
        return figures.Evaluation(renderer, drawn, features, self.things())


def draw_artwork(run: Run) -> Iterator[Event]:
    """Fetch and render the icon sets."""
    yield from _progress("artwork", drawings.prepare(run.folder))


def draw_sheets(run: Run) -> Iterator[Event]:
    """Write the sheets to look at: things in all sets, filters, and composed pictures."""
    drawn = drawings.load(run.folder, 64)
    folder = run.folder / "sheets"
    for file in sheets.concept_sheets(drawn, folder):
        yield TextReported(f"things in all sets: {file}")
    for file in sheets.data_sheets(run.composer(), folder):
        yield TextReported(f"pictures to learn from: {file}")


def train_autoencoder(run: Run) -> Iterator[Event]:
    """Train the autoencoder, and check what it carries."""
    schedule = run.variant.autoencoder
    if schedule is None:
        return
    data = autoencoder.TrainingData(run.composer(), schedule, run.device)
    steps = autoencoder.train(data, run.variant.sizes, run.own / "autoencoder")
    yield from _losses("autoencoder", steps, schedule.steps)
    yield from check_autoencoder(run)


def check_autoencoder(run: Run) -> Iterator[Event]:
    """Measure what the autoencoder carries, style by style."""
    composer = run.composer()
    found = autoencoder.quality(
        run.autoencoder(), lambda word: autoencoder.in_style(composer, word), run.device
    )
    _keep(run.own / "autoencoder.json", found)
    listed = ", ".join(f"{word} {value:.1f}" for word, value in found.items())
    yield TextReported(f"autoencoder, dB by style: {listed}")
    yield from _verdicts(checks.AUTOENCODER, found)


def train_denoiser(run: Run) -> Iterator[Event]:
    """Train text encoder and UNet."""
    plan = run.plan()
    steps = denoiser.train(run.training_data(), plan, run.own / "denoiser")
    yield from _losses("denoiser", steps, plan.schedule.steps)


def anneal_denoiser(run: Run) -> Iterator[Event]:
    """Bring a copy of the denoiser down, to see what it is worth."""
    length = run.resources.steps
    steps = denoiser.anneal(run.training_data(), run.plan(), run.own / "denoiser", length)
    yield from _losses("annealed", steps, length)


def train_decoder(run: Run) -> Iterator[Event]:
    """Train the decoder further, on latents as a denoiser makes them."""
    schedule = run.variant.decoder
    data = autoencoder.TrainingData(run.composer(), schedule, run.device)
    steps = autoencoder.sharpen(run.autoencoder(), data, run.own / "decoder")
    yield from _losses("decoder", steps, schedule.steps)


def save_pipeline(run: Run) -> Iterator[Event]:
    """Put the parts together as a pipeline, beside the checkpoints."""
    target = run.own / "pipeline"
    pipeline.save(run.model(), run.decoder(), run.tokenizer(), target)
    yield TextReported(f"pipeline: {target}")


def measure(run: Run) -> Iterator[Event]:
    """Take all figures of the best denoiser there is, and write them down."""
    evaluation = run.evaluation()
    step = saved_step(run.best)
    found: dict[str, float] = {"steps": step, "pictures": run.plan().schedule.seen(step)}
    for group, values in figures.every_figure(evaluation):
        found |= values
        yield TextReported(f"{group}: {_listed(values)}")
    found |= _pair_losses(run, evaluation)
    yield TextReported(f"loss: {_listed({k: found[k] for k in ('shown', 'held out')})}")
    _keep(run.own / "figures.json", found)
    yield from _verdicts(checks.DENOISER, found)
    sheets.contact_sheet(evaluation.renderer, run.own / "sheet.png")
    sums = run.own / "pipeline" / "SHA256SUMS"
    checksums = sums.read_text("utf-8") if sums.exists() else ""
    (run.own / "README.md").write_text(card.text(run.variant, found, checksums), "utf-8")
    yield TextReported(f"card and contact sheet: {run.own}")


def measure_adapting(run: Run) -> Iterator[Event]:
    """Teach the best denoiser there is a style that it never saw."""
    evaluation = run.evaluation()
    gallery = evaluation.gallery()
    examples = adapting.blueprint_examples(evaluation)
    found: dict[str, float] = {}
    for step, adapted in adapting.train_copy(evaluation, examples):
        pictures = adapting.asked_pictures(adapted)
        found = dict(adapting.blueprint_figures(adapted, gallery, pictures))
        sheets.grid(pictures, len(pictures)).save(run.own / f"blueprint-{step}.png")
        yield TextReported(f"blueprint LoRA, {step} steps: {_listed(found)}")
    yield from _verdicts(checks.BLUEPRINT, found)


def _pair_losses(run: Run, evaluation: figures.Evaluation, count: int = 512) -> Mapping[str, float]:
    """Compare pairs that were held out with pictures that were not, both new."""
    both = []
    for held_out in (False, True):
        composer = run.composer(held_out).narrowed(varied=0.0, filtered=True)
        pictures, shown = compose(composer, range(10**9, 10**9 + count))
        chance = Random(0)
        captions = [captioner.captioner().caption(each, chance) for each in shown]
        both.append((evaluation.encode(list(pictures)), captions))
    return figures.pair_losses(evaluation, *both)


Stage = Callable[[Run], Iterator[Event]]

STAGES: Mapping[str, Stage] = {
    "artwork": draw_artwork,
    "sheets": draw_sheets,
    "autoencoder": train_autoencoder,
    "autoencoder-check": check_autoencoder,
    "denoiser": train_denoiser,
    "anneal": anneal_denoiser,
    "decoder": train_decoder,
    "pipeline": save_pipeline,
    "measure": measure,
    "adapting": measure_adapting,
}
"""Every stage by its name."""

WHOLE = ("artwork", "sheets", "autoencoder", "denoiser", "decoder", "pipeline", "measure")
"""The stages that make the model, in order; the others look at it on the way."""


def make(
    folder: Path,
    stages: Sequence[str] = WHOLE,
    variant: str = "continued",
    device: str = "cpu",
    resources: Mapping[str, int] = MappingProxyType({}),
) -> Generator[Event, None, None]:
    """Carry out stages in order, keeping artwork and checkpoints in `folder`.

    `resources` has the fields of `Resources` that are not as usual.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder, variant, Device(device), Resources(**resources))
    for stage in stages:
        yield from STAGES[stage](run)


def _progress(task: str, counts: Iterable[tuple[int, int]]) -> Iterator[Event]:
    for done, total in counts:
        yield TaskProgress(task, done, total)


def _losses(task: str, steps: Iterable[tuple[int, float]], total: int) -> Iterator[Event]:
    mean: float | None = None
    for step, loss in steps:
        mean = loss if mean is None else 0.98 * mean + 0.02 * loss
        yield TaskProgress(task, step + 1, total, f"loss {mean:.4f}")
        if (step + 1) % SAVE_STEPS == 0:
            yield TextReported(f"{task}: {step + 1} steps, loss {mean:.4f}")


def _verdicts(required: Sequence[checks.Check], found: Mapping[str, float]) -> Iterator[Event]:
    for line in checks.verdicts(required, found):
        yield TextReported(line)


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def _keep(file: Path, found: Mapping[str, float]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
