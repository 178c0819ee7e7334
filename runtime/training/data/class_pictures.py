"""Class pictures, rendered by the base model (Ruiz et al. 2022, section 3.2)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

from promptlang.plan.events import Event, TextReported
from promptlang.plan.steps import Render

from ...atomic_files import remove
from ...distributed import Processes
from ...models.loader import BaseModel
from ...sampling.loaded_model import LoadedModel
from ..report.sample_rendering import (
    has_pictures,
    is_whole_picture,
    pictures_fingerprint,
    render_pictures,
    reset_folder,
)
from ..state.fingerprint import LoraHash

_BATCH_SIZE: Final = 8
"""Pictures of a batch, always the same ones: the batch size changes the last bits of a picture."""


@dataclass(frozen=True, eq=False, slots=True)
class ClassPictures:
    """Class pictures of a training, by one prompt."""

    training: str
    """Name of the training."""
    pictures: Sequence[Render]
    base: BaseModel
    loras: Sequence[LoraHash]
    """LoRAs that are merged into the base model."""

    def render(self, processes: Processes) -> Generator[Event, None, None]:
        """Render missing and damaged pictures, after removing those of other settings."""
        if self.pictures:
            if processes.is_main_process:
                yield from self._render_missing()
            processes.wait_for_everyone()

    def _render_missing(self) -> Generator[Event, None, None]:
        pictures, prompt = self.pictures, self.pictures[0].prompts.text
        folder = pictures[0].file.parent
        fingerprint = pictures_fingerprint(pictures, self.base.fingerprint, self.loras)
        if not has_pictures(folder, fingerprint):
            reset_folder(folder, fingerprint)
        loaded = LoadedModel.of(self.base)
        rendered = 0
        for start in range(0, len(pictures), _BATCH_SIZE):
            batch = pictures[start : start + _BATCH_SIZE]
            damaged = [each.file for each in batch if not is_whole_picture(each.file)]
            for file in damaged:
                remove(file)
            if damaged:
                title = f"{self.training}: class pictures of {prompt}, {start} of {len(pictures)}"
                yield from render_pictures(batch, loaded, title)
                rendered += len(batch)
        if rendered:
            yield TextReported(
                f"rendered {rendered} class pictures of `{prompt}` for {self.training}"
            )
