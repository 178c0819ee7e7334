"""Samples: pictures at intervals during a training, and their contact sheet."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
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
from .sample_rendering import (
    has_pictures,
    is_whole_picture,
    pictures_fingerprint,
    render_pictures,
    reset_folder,
)


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Samples of a training. Their noise is their own, so the training does not depend on them."""

    step: Train
    """The training, as its events and its contact sheet name it."""
    base: BaseModel
    """Base model with the trained networks in place of its own."""
    model: TrainableModel
    fingerprint: str
    """Fingerprint of the training and of the pictures."""
    adapters: dict[object, Any] = field(default_factory=dict)
    """Cache of the other tokens."""

    @classmethod
    def of(
        cls, step: Train, base: BaseModel, model: TrainableModel, training_fingerprint: str
    ) -> Samples:
        """Prepare the samples of a model in training."""
        # where only a token is trained, the model's UNet may be a copy for speed
        unet = model.unet if model.base_unet else base.unet
        networks: dict[str, Any] = {"unet": unet, **model.text_encoders}
        fingerprint = pictures_fingerprint(step.samples, training_fingerprint)
        return cls(step, replace(base, **networks), model, fingerprint)

    def resume(self, done: int) -> list[Path]:
        """Keep the whole pictures of an earlier run of the training, and remove all others.

        Returns the files of the earlier run that are no whole pictures.
        """
        folder = self.step.samples[0].file.parent
        if not (done and has_pictures(folder, self.fingerprint)):
            reset_folder(folder, self.fingerprint)
            return []
        files = (_file_at(each, at) for at in self._steps(done) for each in self.step.samples)
        return [file for file in files if os.path.lexists(file) and not is_whole_picture(file)]

    def due(self, done: int) -> bool:
        """Return whether samples follow a step: the start, every interval, the last one."""
        return done == self.step.steps or done % self.step.sample_every == 0

    def render(self, done: int) -> Generator[Event, None, None]:
        """Render the missing samples of a step; raise `PromptError` if one fails."""
        wanted = tuple(each.with_file(_file_at(each, done)) for each in self.step.samples)
        missing = [each for each in wanted if not each.file.is_file()]
        if not missing:
            return
        yield from render_pictures(missing, self._loaded(), f"{self.step.name} after {done} steps")
        sheet = self.sheet(done)
        files = {file for row in sheet.rows for _, file in row.cells if file.is_file()}
        contact_sheet.save_contact_sheet(sheet, files)
        yield TrainingSampled(self.step, done, tuple(each.file for each in wanted))

    def sheet(self, done: int) -> ContactSheet:
        """Return the contact sheet: a row for each prompt, a column for each step with samples."""
        columns = [
            at
            for at in self._steps(done)
            if any(_file_at(each, at).is_file() for each in self.step.samples)
        ]
        rows = (
            SheetRow(label, tuple((f"step {at}", _file_at(each, at)) for at in columns))
            for label, each in self._labelled()
        )
        return ContactSheet(self.step.span, tuple(rows), self.step.report / "samples.png")

    def _steps(self, done: int) -> Iterator[int]:
        """Yield the steps up to one that samples follow."""
        return filter(self.due, range(done + 1))

    def _labelled(self) -> Iterator[tuple[str, Render]]:
        texts = [each.prompts.text for each in self.step.samples]
        for each, text in zip(self.step.samples, texts, strict=True):
            yield (f"{text}, seed {each.sampling.seed}" if texts.count(text) > 1 else text), each

    def _loaded(self) -> LoadedModel:
        """Return the model with empty caches, for the text encoders have changed."""
        tokens = [
            TokenEmbedding(
                name, "", {component: each.detach() for component, each in vectors.items()}
            )
            for name, vectors in self.model.tokens.items()
        ]
        encoders = LoadedModel.of(self.base).encoders
        extended = tuple(each.with_extra_embeddings(tokens) for each in encoders)
        return LoadedModel(self.base, extended, self.adapters)


def has_samples(samples: Sequence[Render], training_fingerprint: str) -> bool:
    """Return whether the samples of a training with a fingerprint were rendered."""
    fingerprint = pictures_fingerprint(samples, training_fingerprint)
    return has_pictures(samples[0].file.parent, fingerprint)


def _file_at(sample: Render, done: int) -> Path:
    """Return ``samples/step-000100-01-a-cat.png``."""
    return sample.file.with_name(f"step-{done:06}-{sample.file.name}")
