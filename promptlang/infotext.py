"""The `parameters` text of a picture, as A1111 writes it and galleries read it."""

from __future__ import annotations

import json
from collections.abc import Mapping


def write(prompt: str, negative: str, fields: Mapping[str, str]) -> str:
    """Prompt, negative prompt if any, and a line of ``Steps: 20, Sampler: DDIM, …``."""
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items())
    lines = [prompt, f"Negative prompt: {negative}" if negative else "", settings]
    return "\n".join(line for line in lines if line)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value
