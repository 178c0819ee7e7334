"""Pictures of others of the kind, made by the model before it learns (Ruiz et al. 2022, section 3.2)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from promptlang.plan.events import Event, TextReported
from promptlang.plan.steps import Train

from ...distributed import Processes
from ...models.loader import BaseModel
from ...sampling.loaded_model import LoadedModel
from ..report.sample_rendering import (
    has_pictures,
    pictures_fingerprint,
    render_pictures,
    reset_folder,
)
from ..state.fingerprint import active_lora_hashes

_TOGETHER: Final = 8
"""Made side by side, always the same ones, for how many there are decides over the last bits."""


def make_class_pictures(
    step: Train, base: BaseModel, processes: Processes
) -> Generator[Event, None, None]:
    """Make those that are not there yet; those of another model, another prompt or other settings go first."""
    if step.class_pictures:
        if processes.is_main_process:
            yield from _make(step, base)
        processes.wait_for_everyone()


def _make(step: Train, base: BaseModel) -> Generator[Event, None, None]:
    wanted = step.class_pictures
    folder, key = (
        wanted[0].file.parent,
        pictures_fingerprint(wanted, base.fingerprint, active_lora_hashes(step)),
    )
    if not has_pictures(folder, key):
        reset_folder(folder, key)
    loaded = LoadedModel.of(base)
    made = 0
    for start in range(0, len(wanted), _TOGETHER):
        together = wanted[start : start + _TOGETHER]
        if not all(each.file.is_file() for each in together):
            yield from render_pictures(
                together,
                loaded,
                f"{step.name}: pictures of {wanted[0].prompts.text}, {start} of {len(wanted)}",
            )
            made += len(together)
    if made:
        yield TextReported(
            f"made {made} pictures of `{wanted[0].prompts.text}`, which {step.name} is not to forget"
        )
