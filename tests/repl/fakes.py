"""A REPL whose pictures are made in no time; run as a program, on the terminal it is started in.

A prompt of `forever` is a picture that is never finished.
"""

from __future__ import annotations

import time
from collections.abc import Generator

from promptlang.plan.backend import Backend
from promptlang.plan.events import DenoisingStep, Event, PictureFinished, RenderingStarted
from promptlang.plan.steps import Plan, Render


class Painter:
    """Says that it made a picture, and writes its prompt where the picture would be."""

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        for step in plan.steps:
            assert isinstance(step, Render)
            yield RenderingStarted((step,))
            while step.prompts.text == "forever":
                time.sleep(0.02)
                yield DenoisingStep(1, step.sampling.steps)
            if step.prompts.text == "a bug":
                raise ZeroDivisionError("the latents are gone")
            step.file.parent.mkdir(parents=True, exist_ok=True)
            _white_picture(step)
            yield PictureFinished(step, step.file, 1.2)


def _white_picture(step: Render) -> None:
    from PIL import Image

    Image.new("RGB", (2, 2), (255, 255, 255)).save(step.file)


def load() -> Backend:
    return Painter()


if __name__ == "__main__":
    from promptlang.cli.main import main

    main([], load)
