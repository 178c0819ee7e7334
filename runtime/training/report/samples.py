"""Pictures of what has been learned so far, at intervals; training itself knows nothing of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promptlang.plan.events import Event, TrainingSampled
from promptlang.plan.steps import ContactSheet, Render, SheetRow, Train

from ...adapters import TokenEmbedding
from ...models.loader import BaseModel
from ...output import contact_sheet
from ...sampling.loaded_model import LoadedModel
from ..trainable import TrainableModel
from .sample_rendering import has_pictures, pictures_fingerprint, render_pictures, reset_folder


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """What a training shows of itself. Its pictures, like all others, have noise of their own."""

    step: Train
    model: BaseModel
    """The base, but for what learns."""
    learner: TrainableModel
    key: str
    """Of the training and of the pictures."""
    adapters: dict[object, Any] = field(default_factory=dict)
    """Other tokens, as they were read."""

    @classmethod
    def of(cls, step: Train, base: BaseModel, learner: TrainableModel, fingerprint: str) -> Samples:
        """Of a learner at work."""
        unet = (
            learner.unet if learner.base_unet else base.unet
        )  # else a token learns, beside a copy for speed
        model = replace(base, unet=unet, **learner.text_encoders)
        return cls(step, model, learner, pictures_fingerprint(step.samples, fingerprint))

    @staticmethod
    def kept(step: Train, fingerprint: str) -> bool:
        """Whether there are pictures of this very training."""
        return has_pictures(
            step.samples[0].file.parent, pictures_fingerprint(step.samples, fingerprint)
        )

    def resume(self, done: int) -> None:
        """Go on after a step with the pictures that are there; with none of another training, or of other prompts."""
        folder = self.step.samples[0].file.parent
        if not (done and has_pictures(folder, self.key)):
            reset_folder(folder, self.key)

    def due(self, done: int) -> bool:
        """Whether to look after a step: also before the first, and after the last."""
        return done == self.step.steps or done % self.step.sample_every == 0

    def render(self, done: int) -> Generator[Event, None, None]:
        """Make the pictures that are not there yet; raises `PromptError` where one cannot be made."""
        wanted = tuple(each.with_file(_after(each, done)) for each in self.step.samples)
        missing = [each for each in wanted if not each.file.is_file()]
        if not missing:
            return
        yield from render_pictures(missing, self._loaded(), f"{self.step.name} after {done} steps")
        sheet = self.sheet(done)
        contact_sheet.save_contact_sheet(
            sheet, {file for row in sheet.rows for _, file in row.cells if file.is_file()}
        )
        yield TrainingSampled(self.step, done, tuple(each.file for each in wanted))

    def sheet(self, done: int) -> ContactSheet:
        """A row for each picture, from left to right what it was after each look."""
        looks = [
            at
            for at in range(done + 1)
            if self.due(at) and any(_after(each, at).is_file() for each in self.step.samples)
        ]
        rows = (
            SheetRow(label, tuple((f"step {at}", _after(each, at)) for at in looks))
            for label, each in self._labelled()
        )
        return ContactSheet(self.step.span, tuple(rows), self.step.report / "samples.png")

    def _labelled(self) -> Iterator[tuple[str, Render]]:
        texts = [each.prompts.text for each in self.step.samples]
        for each, text in zip(self.step.samples, texts, strict=True):
            yield (f"{text}, seed {each.sampling.seed}" if texts.count(text) > 1 else text), each

    def _loaded(self) -> LoadedModel:
        """With memories of nothing, for what the text encoder says has changed."""
        tokens = [
            TokenEmbedding(name, "", {part: each.detach() for part, each in rows.items()})
            for name, rows in self.learner.tokens.items()
        ]
        loaded = LoadedModel.of(self.model)
        return LoadedModel(
            self.model,
            tuple(each.with_extra_embeddings(tokens) for each in loaded.encoders),
            self.adapters,
        )


def _after(sample: Render, done: int) -> Path:
    """``samples/step-000100-01-a-cat.png``"""
    return sample.file.with_name(f"step-{done:06}-{sample.file.name}")
