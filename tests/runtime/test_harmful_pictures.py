"""Pictures that are programs: trainings, initial pictures and sheets start none."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from PIL import Image

from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.files import UnreadableFileError
from promptlang.plan.steps import ContactSheet, SheetRow
from promptlang.runtime.adapters.picture_embeddings import read_picture_embedding
from promptlang.runtime.output.contact_sheet import draw_contact_sheet
from promptlang.runtime.sampling.initial_latents import open_rgb
from promptlang.runtime.training.data.image_loading import load_image
from promptlang.source import Source

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
SPAN = Source("a fox").span(0, 5)


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
def test_no_reader_of_pictures_starts_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "gs"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/log"\nexit 1\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    file = tmp_path / "a.png"
    file.write_bytes(EPS)
    trained = load_image(Example(file, ("a",)), SPAN, alpha_mask=True)
    assert isinstance(trained, Diagnostic)
    assert trained.message == "the picture `a.png` cannot be read: it is not a picture"
    masked = load_image(Example(file, ("a",), mask=file), SPAN, alpha_mask=False)
    assert isinstance(masked, Diagnostic)
    with pytest.raises(PromptError, match="it is not a picture"):
        open_rgb(file, SPAN)
    with pytest.raises(UnreadableFileError):
        read_picture_embedding(file)
    Image.new("RGB", (32, 32)).save(tmp_path / "b.png")
    row = SheetRow("", (("", file), ("", tmp_path / "b.png")))
    draw_contact_sheet(ContactSheet(SPAN, (row,), file), {file, tmp_path / "b.png"})
    assert not (tmp_path / "log").exists()
