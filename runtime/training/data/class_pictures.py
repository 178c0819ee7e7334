"""Pictures of others of the kind, made by the model before it learns (Ruiz et al. 2022, section 3.2)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from promptlang.plan.events import Event, Reported
from promptlang.plan.steps import Train

from ...distributed import Processes
from ...models.loader import BaseModel
from ...sampling.rendering import Loaded
from ..report.sample_rendering import begin, drawn, holds, key_of
from ..state.fingerprint import worn

_TOGETHER: Final = 8
"""Made side by side, always the same ones, for how many there are decides over the last bits."""


def make_class_pictures(step: Train, base: BaseModel, processes: Processes) -> Generator[Event, None, None]:
    """Make those that are not there yet; those of another model, another prompt or other settings go first."""
    if step.class_pictures:
        if processes.first:
            yield from _make(step, base)
        processes.wait()


def _make(step: Train, base: BaseModel) -> Generator[Event, None, None]:
    wanted = step.class_pictures
    folder, key = wanted[0].file.parent, key_of(wanted, base.identity, worn(step))
    if not holds(folder, key):
        begin(folder, key)
    loaded = Loaded.of(base)
    made = 0
    for start in range(0, len(wanted), _TOGETHER):
        together = wanted[start : start + _TOGETHER]
        if not all(each.file.is_file() for each in together):
            yield from drawn(together, loaded, f"{step.name}: pictures of {wanted[0].text}, {start} of {len(wanted)}")
            made += len(together)
    if made:
        yield Reported(f"made {made} pictures of `{wanted[0].text}`, which {step.name} is not to forget")
