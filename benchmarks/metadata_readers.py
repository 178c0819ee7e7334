"""What `promptlang info` reads in pictures of other tools, beside sd-parsers and sd-prompt-reader.

The pictures are those of the tests. A field counts as read if its value stands in what a reader
returns: prompts in the prompts, other values anywhere. Readers that are not installed are skipped.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import features

from benchmarks.measurement import Measurement
from promptlang.inspection.inspect_file import inspect
from promptlang.plan.sampler_names import parse_sampler_name
from tests.inspection.writers.containers import png, text_chunk
from tests.inspection.writers.tools import LORA, NEGATIVE, PROMPT, SAMPLES, Truth


@dataclass(frozen=True)
class Read:
    """The texts that a reader returns for a picture."""

    prompt: str = ""
    negative: str = ""
    rest: str = ""
    samplers: tuple[str, ...] = ()


def read_promptlang(file: Path) -> Read:
    found = inspect(file)
    facts = dict(found.rows)
    options = dict(re.findall(r"--([\w-]+) (\S+)", found.line))
    rest = " ".join([found.line, *(value for _name, value in found.rows)])
    samplers = (options.get("sampler", ""),)
    return Read(facts.get("prompt", ""), facts.get("negative", ""), rest, samplers)


def read_sd_parsers(file: Path) -> Read:
    from sd_parsers import ParserManager  # type: ignore[import-not-found]

    found = ParserManager().parse(file)
    if found is None:
        return Read()
    sampler = found.samplers[0] if found.samplers else None
    return Read(
        found.full_prompt,
        found.full_negative_prompt,
        f"{sampler} {found.metadata} {found.full_prompt}",
        (str(sampler.name),) if sampler else (),
    )


def read_sd_prompt_reader(file: Path) -> Read:
    from sd_prompt_reader.image_data_reader import (  # type: ignore[import-not-found]
        ImageDataReader,
    )

    found = ImageDataReader(file)
    samplers = tuple(re.findall(r"[\w+ ]+", str(found.parameter.get("sampler", ""))))
    rest = f"{found.parameter} {found.setting} {found.positive}"
    return Read(str(found.positive), str(found.negative), rest, samplers)


READERS: Mapping[str, Callable[[Path], Read]] = {
    "sd-parsers": read_sd_parsers,
    "sd-prompt-reader": read_sd_prompt_reader,
}


def fields_read(found: Read, truth: Truth) -> list[str]:
    """The names of the fields whose values are in what a reader returned."""
    options = dict(truth.options)
    spacing = options.pop("scheduler", "")
    sampler = options.pop("sampler", "")
    names = [*filter(None, map(parse_sampler_name, found.samplers))]
    spaced = spacing in found.rest.lower() or any(each.spacing == spacing for each in names)
    right = {
        "prompt": PROMPT in found.prompt,
        "negative": NEGATIVE in found.negative if truth.negative else True,
        "sampler": any(each.name == sampler for each in names) if sampler else True,
        "scheduler": spaced if spacing else True,
        "loras": bool(re.search(r"\bink\b", found.rest) and "0.7" in found.rest),
    }
    if LORA not in truth.loras:
        del right["loras"]
    for name, value in options.items():
        parts = value.split("x") if name == "size" else [value]
        right[name] = all(re.search(rf"(?<![\d.]){part}(?!\d)", found.rest) for part in parts)
    return [name for name, is_right in right.items() if is_right]


def _quietly(reader: Callable[[Path], Read], file: Path) -> Read:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return reader(file)
        except Exception:  # a reader that fails has read nothing
            return Read()


def _installed() -> dict[str, Callable[[Path], Read]]:
    modules = {"sd-parsers": "sd_parsers", "sd-prompt-reader": "sd_prompt_reader.image_data_reader"}
    found = {}
    for name, module in modules.items():
        with contextlib.suppress(ImportError):
            __import__(module)
            found[name] = READERS[name]
    return found


def measure(_: Sequence[str]) -> Iterator[Measurement]:
    installed = _installed()
    totals = dict.fromkeys(installed, 0)
    ours = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, sample in enumerate(SAMPLES):
            if sample.ending == "avif" and not features.check("avif"):
                continue
            file = sample.write(Path(folder) / f"{number}.{sample.ending}")
            found = len(fields_read(read_promptlang(file), sample.truth))
            ours += found
            yield Measurement(sample.tool, found, "fields")
            for name, reader in installed.items():
                count = len(fields_read(_quietly(reader, file), sample.truth))
                totals[name] += count
                yield Measurement(sample.tool, found, "fields", name, count)
        for name, total in totals.items():
            yield Measurement("all pictures", ours, "fields", name, total)
        yield from _times(Path(folder))


def _times(folder: Path) -> Iterator[Measurement]:
    """The time of a picture with a text of 10 MB, and of the header of a file of 7 GB."""
    text = "a word, " * 1_250_000 + "\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
    (folder / "large.png").write_bytes(png(text_chunk("tEXt", "parameters", text.encode())))
    yield Measurement("a picture with a text of 10 MB", _seconds(folder / "large.png"), "s")
    size = 7 * 10**9 // 4000
    tensors = {
        f"model.diffusion_model.blocks.{number}.weight": {
            "dtype": "F16", "shape": [size // 2],
            "data_offsets": [number * size, (number + 1) * size],
        }
        for number in range(4000)
    }  # fmt: skip
    header = json.dumps(tensors).encode()
    with (folder / "large.safetensors").open("wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.truncate(8 + len(header) + 4000 * size)
    yield Measurement("a checkpoint of 7 GB", _seconds(folder / "large.safetensors"), "s")


def _seconds(file: Path) -> float:
    start = time.perf_counter()
    inspect(file)
    return time.perf_counter() - start
