"""What there is to say of a training when it is over: on the screen, and in ``NAME.report/report.txt``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor

from ..peft_layers import ADAPTER_NAME
from ..state.metrics import Metrics

OVERFIT_RISE: Final = 1.05
"""Times the lowest validation loss; less is noise, for there are few pictures."""

OVERFIT_GAP: Final = 0.5
"""How much further the loss of the pictures learned from has fallen than that of the others, to be called by heart."""


def assess_overfitting(metrics: Metrics, kept: str = "last") -> Iterator[str]:
    """Whether pictures were learned by heart: by how far the losses of both kinds have come from where they were.

    The kinds themselves are not compared: one may just be harder.
    """
    losses, own = metrics.series("validation"), metrics.series("own")
    if not losses or not own:
        yield "whether it learned its pictures by heart cannot be told: let it, with `--hold-out 10%`"
        return
    (_, first), (last, end), (step, best) = (
        losses[0],
        losses[-1],
        min(losses, key=lambda look: look[1]),
    )
    summary = f"validation loss {first:.4f} at first, {end:.4f} at the end; over its own pictures {_fall(own)}"
    if end > best * OVERFIT_RISE:
        remedy = "what was kept is from before it" if kept == "best" else "try `--keep best`"
        yield f"{summary}; lowest, {best:.4f}, at step {step} of {last}: a rise is learning by heart; {remedy}"
    elif own[-1][1] / own[0][1] < end / first * OVERFIT_GAP:
        yield f"{summary}: it knows its own pictures by heart, and the others have not suffered from it so far"
    else:
        yield f"{summary}: no sign of learning by heart"


def _fall(losses: Sequence[tuple[int, float]]) -> str:
    return f"{losses[0][1]:.4f} and {losses[-1][1]:.4f}"


@torch.no_grad()
def effective_strength(layers: Mapping[str, Mapping[str, BaseTunerLayer]]) -> str:
    """How long each part's changes are beside its weights, in the Frobenius norm, at strength 1."""
    return "; ".join(
        f"{part.replace('_', ' ')}: {_lengths(found)}" for part, found in layers.items() if found
    )


def _lengths(layers: Mapping[str, BaseTunerLayer]) -> str:
    shares = {}
    for name, layer in layers.items():
        weight = layer.get_base_layer().weight.float()
        shares[name] = float((_changed(layer, weight) - weight).norm() / weight.norm())
    strongest = max(shares, key=lambda name: shares[name])
    mean = sum(shares.values()) / len(shares)
    return f"weights change by {mean:.2%} of their length, at most by {shares[strongest]:.2%} ({strongest})"


def _changed(layer: BaseTunerLayer, weight: Tensor) -> Tensor:
    """A layer's weight with what was learned; in DoRA at the length that was (Liu et al. 2024, eq. 5)."""
    whole = weight + layer.get_delta_weight(ADAPTER_NAME).float()
    lengths = getattr(layer, "lora_magnitude_vector", {})
    if ADAPTER_NAME not in lengths:
        return whole
    shape = [-1, *[1] * (whole.dim() - 1)]
    return whole * (
        lengths[ADAPTER_NAME].weight.float().reshape(shape)
        / whole.flatten(1).norm(dim=1).reshape(shape)
    )


def describe_cost(seconds: float, steps: int, device: torch.device) -> str:
    """Time and memory."""
    summary = f"{seconds / max(1, steps):.3f} s a step"
    peak = _peak(device)
    return summary if peak is None else f"{summary}; the process has held {peak:.1f} GB at most"


def _peak(device: torch.device) -> float | None:
    """In GB; of a GPU's memory where it was trained on one. None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
