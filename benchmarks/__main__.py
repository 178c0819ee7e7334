"""Run benchmarks: ``python -m benchmarks parse startup --json results.json``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measurement import Measurement

BENCHMARKS = {
    "startup": "import time beside lark and rich",
    "parse": "reading and resolving prompts beside compel and Dynamic Prompts",
    "metadata_readers": "what is read in pictures of other tools beside two readers",
    "against": "reading and resolving prompts beside another checkout of promptlang",
    "overhead": "the share of a step outside the UNet",
    "rendering": "pictures and LoRA changes beside diffusers' pipelines",
    "training": "training steps beside the loops of diffusers' scripts",
    "waiting": "a picture with sleeping and with spinning idle threads, machine idle and busy",
    "full_size": "loading and drawing with SD 1.5 and SDXL of full size, random weights",
    "taught_style": "what the style recipes teach, over things that were not shown",
    "taught_subject": "what the subject recipes teach, over moods that were not shown",
}
"""Each benchmark's module and subject."""

LIBRARIES = ("promptlang-diffusers", "torch", "diffusers", "transformers", "peft", "lark")


def main() -> None:
    """Run the benchmarks of the command line and print, or also write, their figures."""
    listed = "\n".join(f"  {name:15} {subject}" for name, subject in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Without a name, the benchmarks are listed.",
        epilog=f"benchmarks:\n{listed}\n\nArguments after -- go to the benchmark itself.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []])
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    words = [*sys.argv[1:], "--"]
    end = words.index("--")
    chosen, passed = parser.parse_args(words[:end]), words[end + 1 : -1]
    if not chosen.names:
        parser.print_help()
        return
    results = {name: _run(name, passed) for name in chosen.names}
    if chosen.json:
        figures = {name: [each.to_json() for each in found] for name, found in results.items()}
        chosen.json.write_text(json.dumps({**_circumstances(), "figures": figures}, indent=1))


def _run(name: str, arguments: Sequence[str]) -> list[Measurement]:
    found = []
    for measurement in import_module(f"benchmarks.{name}").measure(arguments):
        print(measurement, flush=True)
        found.append(measurement)
    return found


def _circumstances() -> dict[str, object]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": load,
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
