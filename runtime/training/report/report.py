"""Report at the end of a training, on the screen and in ``NAME.report/report.txt``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import torch
from torch import Tensor

from ..peft_layers import ADAPTER_NAME, PeftLayer
from ..state.metrics import Metrics

OVERFIT_RISE: Final = 1.05
"""Final over lowest validation loss from which on the rise is not noise of a small set."""

OVERFIT_GAP: Final = 0.5
"""Relative fall of the training pictures' loss, over that of the validation loss, below which
the training pictures count as memorised."""


def assess_overfitting(metrics: Metrics, kept: str = "last") -> Iterator[str]:
    """Yield a line on overfitting, from the changes of the losses over both sets of pictures.

    The losses of the two sets are not compared with each other: one set may just be harder.
    """
    losses, own = metrics.series("validation"), metrics.series("own")
    if not losses or not own:
        yield ("without validation pictures overfitting cannot be measured; add `--hold-out 10%`")
        return
    (_, first), (last, end) = losses[0], losses[-1]
    step, best = min(losses, key=itemgetter(1))
    summary = (
        f"validation loss {first:.4f} at the first step, {end:.4f} at the last; "
        f"on training pictures {_first_and_last(own)}"
    )
    if end > best * OVERFIT_RISE:
        remedy = "the result is from that step" if kept == "best" else "try `--keep best`"
        yield (
            f"{summary}; lowest {best:.4f} at step {step} of {last}: "
            f"a rise means overfitting; {remedy}"
        )
    elif own[-1][1] / own[0][1] < end / first * OVERFIT_GAP:
        yield (
            f"{summary}: the training pictures are memorised, "
            "without harm to the validation loss so far"
        )
    else:
        yield f"{summary}: no sign of overfitting"


def _first_and_last(losses: Sequence[tuple[int, float]]) -> str:
    return f"{losses[0][1]:.4f} and {losses[-1][1]:.4f}"


@torch.no_grad()
def effective_strength(layers: Mapping[str, Mapping[str, PeftLayer]]) -> str:
    """Return a line on the weights' relative change in each network, at strength 1."""
    return "; ".join(
        f"{component.replace('_', ' ')}: {_relative_changes(found)}"
        for component, found in layers.items()
        if found
    )


def _relative_changes(layers: Mapping[str, PeftLayer]) -> str:
    """Return mean and maximum over layers of ‖ΔW‖ / ‖W‖, in the Frobenius norm."""
    shares = {}
    for name, layer in layers.items():
        weight: Any = layer.get_base_layer().weight
        weight = weight.float()
        shares[name] = float((_adapted_weight(layer, weight) - weight).norm() / weight.norm())
    strongest = max(shares, key=lambda name: shares[name])
    mean = sum(shares.values()) / len(shares)
    return (
        f"weights change by {mean:.2%} of their norm, "
        f"at most by {shares[strongest]:.2%} ({strongest})"
    )


def _adapted_weight(layer: PeftLayer, weight: Tensor) -> Tensor:
    """Return the weight with its adapter; DoRA's has a magnitude (Liu et al. 2024, eq. 5)."""
    delta: Tensor = layer.get_delta_weight(ADAPTER_NAME).float()
    adapted = weight + delta
    magnitudes = getattr(layer, "lora_magnitude_vector", {})
    if ADAPTER_NAME not in magnitudes:
        return adapted
    shape = [-1, *[1] * (adapted.dim() - 1)]
    magnitude: Tensor = magnitudes[ADAPTER_NAME].weight.float().reshape(shape)
    length: Tensor = adapted.flatten(1).norm(dim=1).reshape(shape)
    return adapted * (magnitude / length)


def describe_cost(seconds: float, steps: int, device: torch.device) -> str:
    """Return a line on seconds per step and peak memory."""
    summary = f"{seconds / max(1, steps):.3f} s per step"
    peak = _peak_memory(device)
    return summary if peak is None else f"{summary}; peak memory {peak:.1f} GB"


def _peak_memory(device: torch.device) -> float | None:
    """Return the peak memory of the GPU, or of the process, in GB; None where it is not known."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
