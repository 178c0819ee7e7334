"""The program that makes the emoji model, stage by stage; each stage resumes where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import MappingProxyType

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from promptlang.events import Event, Progressed, Reported

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
from .crew import Crew, compose
from .dataset import Dataset, Shard
from .device import Device
from .perception import Features
from .rendering import Renderer
from .routes import ROUTES, Route
from .state import FILE, saved_step
from .things import Thing


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done at once, and for how long."""

    steps: int = 1500
    """How long a copy of the denoiser is brought down."""
    workers: int = 0
    """Processes that compose pictures beside this one."""
    scale: int = 1
    """How many times larger the denoiser's batches are, its steps being as many times fewer."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where the program works: a folder that keeps everything, a route by its name, a device."""

    folder: Path
    name: str
    device: Device
    effort: Effort = field(default=Effort())

    @property
    def route(self) -> Route:
        """What is made."""
        return ROUTES[self.name]

    @property
    def own(self) -> Path:
        """The folder of what belongs to this route alone."""
        return self.folder / self.name

    @property
    def best(self) -> Path:
        """The folder of the best denoiser there is: brought down, if that was done."""
        annealed = self.own / "denoiser" / "annealed"
        return annealed if (annealed / FILE).exists() else self.own / "denoiser"

    def tokenizer(self) -> CLIPTokenizer:
        """Make the tokenizer, in which each word of a caption is one token."""
        packages = self.folder / "packages"
        return words.make_tokenizer(packages, self.own / "tokenizer", captioner.vocabulary())

    def composer(self, held_out: bool = False) -> Composer:
        """Return the sampler of pictures of this route's size."""
        drawn_from: Range = full_range(held_out)
        kept = tuple(name for name in drawn_from.filters if name not in self.route.without)
        drawn = drawings.load(self.folder, drawings.RENDERED)
        chosen = replace(drawn_from, filters=kept, things=self.things())
        return Composer(drawn, chosen, self.route.sizes.size)

    def things(self) -> list[Thing]:
        """List the things that are shown."""
        chosen = self.route.things
        return [each for each in figures.known_things() if not chosen or each.words in chosen]

    def autoencoder(self) -> AutoencoderKL:
        """Load the trained autoencoder, its latents normalised."""
        if self.route.autoencoder is None:
            source = pipeline.MODEL / "vae"
            vae = AutoencoderKL.from_pretrained(source, torch_dtype=torch.float32).eval()
        else:
            vae = autoencoder.trained(self.route.sizes, self.own / "autoencoder")
            pictures, _ = compose(self.composer(), range(512))
            vae = autoencoder.normalised(vae, dataset.as_tensor(pictures))
        return vae.requires_grad_(False).to(self.device.name)

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
        vae, plan = self.autoencoder(), self.route.shards
        crew = Crew(self.composer, self.effort.workers, plan.size)

        def draw(number: int) -> Shard:
            pictures, shown = crew.shard(number)
            return Shard(dataset.encode(vae, pictures, self.device), shown)

        return Dataset(self.own / "shards", plan, draw)

    def plan(self) -> denoiser.Plan:
        """Return what the denoiser's training is."""
        schedule = self.route.denoiser.scaled(self.effort.scale)
        return denoiser.Plan(self.route.sizes, self.tokenizer(), schedule)

    def lessons(self) -> denoiser.Lessons:
        """Return what the denoiser is trained with."""
        fresh = self.route.autoencoder is not None
        start = None if fresh else denoiser.start_from(pipeline.MODEL)
        return denoiser.Lessons(self.dataset(), captioner.captioner(), self.device, start)

    def model(self) -> denoiser.Denoiser:
        """Load the best denoiser there is."""
        return denoiser.averaged(self.tokenizer(), self.route.sizes, self.best)

    def bench(self) -> figures.Bench:
        """Put the best denoiser on the bench."""
        model = self.model().to(self.device.name)
        renderer = Renderer(model, self.decoder(), self.device)
        drawn = drawings.load(self.folder, drawings.RENDERED)
        features = Features().to(self.device.name)
        return figures.Bench(renderer, drawn, features, self.things())


def draw_artwork(place: Workplace) -> Iterator[Event]:
    """Fetch and render the icon sets."""
    yield from _progress("artwork", drawings.prepare(place.folder))


def draw_sheets(place: Workplace) -> Iterator[Event]:
    """Write the sheets to look at: things in all sets, filters, and composed pictures."""
    drawn = drawings.load(place.folder, 64)
    folder = place.folder / "sheets"
    for file in sheets.concept_sheets(drawn, folder):
        yield Reported(f"things in all sets: {file}")
    for file in sheets.data_sheets(place.composer(), folder):
        yield Reported(f"pictures to learn from: {file}")


def train_autoencoder(place: Workplace) -> Iterator[Event]:
    """Train the autoencoder, and check what it carries."""
    schedule = place.route.autoencoder
    if schedule is None:
        return
    lessons = autoencoder.Lessons(place.composer(), schedule, place.device)
    steps = autoencoder.train(lessons, place.route.sizes, place.own / "autoencoder")
    yield from _losses("autoencoder", steps, schedule.steps)
    yield from check_autoencoder(place)


def check_autoencoder(place: Workplace) -> Iterator[Event]:
    """Measure what the autoencoder carries, style by style."""
    composer = place.composer()
    found = autoencoder.quality(
        place.autoencoder(), lambda word: autoencoder.in_style(composer, word), place.device
    )
    _keep(place.own / "autoencoder.json", found)
    listed = ", ".join(f"{word} {value:.1f}" for word, value in found.items())
    yield Reported(f"autoencoder, dB by style: {listed}")
    yield from _verdicts(checks.AUTOENCODER, found)


def train_denoiser(place: Workplace) -> Iterator[Event]:
    """Train text encoder and UNet."""
    plan = place.plan()
    steps = denoiser.train(place.lessons(), plan, place.own / "denoiser")
    yield from _losses("denoiser", steps, plan.schedule.steps)


def anneal_denoiser(place: Workplace) -> Iterator[Event]:
    """Bring a copy of the denoiser down, to see what it is worth."""
    length = place.effort.steps
    steps = denoiser.anneal(place.lessons(), place.plan(), place.own / "denoiser", length)
    yield from _losses("annealed", steps, length)


def train_decoder(place: Workplace) -> Iterator[Event]:
    """Train the decoder further, on latents as a denoiser makes them."""
    schedule = place.route.decoder
    lessons = autoencoder.Lessons(place.composer(), schedule, place.device)
    steps = autoencoder.sharpen(place.autoencoder(), lessons, place.own / "decoder")
    yield from _losses("decoder", steps, schedule.steps)


def save_pipeline(place: Workplace) -> Iterator[Event]:
    """Put the parts together as a pipeline, beside the checkpoints."""
    target = place.own / "pipeline"
    pipeline.save(place.model(), place.decoder(), place.tokenizer(), target)
    yield Reported(f"pipeline: {target}")


def measure(place: Workplace) -> Iterator[Event]:
    """Take all figures of the best denoiser there is, and write them down."""
    bench = place.bench()
    step = saved_step(place.best)
    found: dict[str, float] = {"steps": step, "pictures": place.plan().schedule.seen(step)}
    for group, values in figures.every_figure(bench):
        found |= values
        yield Reported(f"{group}: {_listed(values)}")
    found |= _pair_losses(place, bench)
    yield Reported(f"loss: {_listed({k: found[k] for k in ('shown', 'held out')})}")
    _keep(place.own / "figures.json", found)
    yield from _verdicts(checks.DENOISER, found)
    sheets.contact_sheet(bench.renderer, place.own / "sheet.png")
    sums = place.own / "pipeline" / "SHA256SUMS"
    checksums = sums.read_text("utf-8") if sums.exists() else ""
    (place.own / "README.md").write_text(card.text(place.route, found, checksums), "utf-8")
    yield Reported(f"card and contact sheet: {place.own}")


def measure_adapting(place: Workplace) -> Iterator[Event]:
    """Teach the best denoiser there is a style that it never saw."""
    bench = place.bench()
    gallery = bench.gallery()
    lessons = adapting.blueprint_lessons(bench)
    found: dict[str, float] = {}
    for step, pupil in adapting.taught(bench, lessons):
        pictures = adapting.asked_pictures(pupil)
        found = dict(adapting.blueprint_figures(pupil, gallery, pictures))
        sheets.grid(pictures, len(pictures)).save(place.own / f"blueprint-{step}.png")
        yield Reported(f"blueprint LoRA, {step} steps: {_listed(found)}")
    yield from _verdicts(checks.BLUEPRINT, found)


def _pair_losses(place: Workplace, bench: figures.Bench, count: int = 512) -> Mapping[str, float]:
    """Compare pairs that were held out with pictures that were not, both new."""
    both = []
    for held_out in (False, True):
        composer = place.composer(held_out).narrowed(varied=0.0)
        pictures, shown = compose(composer, range(10**9, 10**9 + count))
        chance = Random(0)
        captions = [captioner.captioner().caption(each, chance) for each in shown]
        both.append((bench.encode(list(pictures)), captions))
    return figures.pair_losses(bench, *both)


Stage = Callable[[Workplace], Iterator[Event]]

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
    route: str = "continued",
    device: str = "cpu",
    effort: Mapping[str, int] = MappingProxyType({}),
) -> Generator[Event, None, None]:
    """Carry out stages in order, keeping artwork and checkpoints in `folder`.

    `effort` has the fields of `Effort` that are not as usual.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = Workplace(folder, route, Device(device), Effort(**effort))
    for stage in stages:
        yield from STAGES[stage](place)


def _progress(task: str, counts: Iterable[tuple[int, int]]) -> Iterator[Event]:
    for done, total in counts:
        yield Progressed(task, done, total)


def _losses(task: str, steps: Iterable[tuple[int, float]], total: int) -> Iterator[Event]:
    mean: float | None = None
    for step, loss in steps:
        mean = loss if mean is None else 0.98 * mean + 0.02 * loss
        yield Progressed(task, step + 1, total, f"loss {mean:.4f}")


def _verdicts(required: Sequence[checks.Check], found: Mapping[str, float]) -> Iterator[Event]:
    for line in checks.verdicts(required, found):
        yield Reported(line)


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def _keep(file: Path, found: Mapping[str, float]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
