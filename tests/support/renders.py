"""Renders that differ from one another in a few fields."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from promptlang.plan.steps import ImageConfig, OutputConfig, Prompts, Render, SamplingConfig

RECORDS = {
    "prompts": Prompts,
    "sampling": SamplingConfig,
    "image": ImageConfig,
    "output": OutputConfig,
}


def changed(step: Render, **changes: Any) -> Render:
    """Replace fields; each change goes to the record with a field of that name."""
    for name, record in RECORDS.items():
        own = {each.name: changes.pop(each.name) for each in fields(record) if each.name in changes}
        step = replace(step, **{name: replace(getattr(step, name), **own)})
    return replace(step, **changes)
