"""Pictures of other tools, through ``promptlang info``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import features

from promptlang import check
from promptlang.inspection.inspect_file import inspect
from tests.inspection.writers.tools import SAMPLES, Sample


def options_of(line: str) -> dict[str, str]:
    """The options of a line but the negative prompt, each of which has one word."""
    plain = re.sub(r'--negative "[^"]*"', "", line)
    return dict(re.findall(r"--([\w-]+) (\S+)", plain))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.tool)
def test_a_picture_of_a_tool_is_read(sample: Sample, tmp_path: Path) -> None:
    if sample.ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    found = inspect(sample.write(tmp_path / f"picture.{sample.ending}"))
    truth = sample.truth
    negative = f' --negative "{truth.negative}"' if truth.negative else ""
    loras = "".join(f" {lora}" for lora in truth.loras)
    head = found.line.partition(" --seed")[0].partition(" --steps")[0]
    assert head == f"{truth.prompt}{loras}{negative}"
    assert options_of(found.line) == dict(truth.options)
    for lost in truth.lost:
        assert any(lost in each for each in found.lost), (lost, found.lost)
    assert [each.code for each in check(found.line)] in ([], ["PL101"])


def test_there_are_forty_pictures() -> None:
    assert len(SAMPLES) >= 40
