"""What a data set's pictures look like."""

from __future__ import annotations

from collections import Counter
from typing import Final

from promptlang.datasets.image_stats import ANIMATED
from promptlang.datasets.model_size import MOST_ENLARGED, enlarged
from promptlang.datasets.recommended_counts import AMOUNTS
from promptlang.datasets.scan import Seen
from promptlang.datasets.similar_images import background, groups
from promptlang.diagnostics import data_sets as wrong
from promptlang.diagnostics.training import small_pictures
from promptlang.plan.dataset_report import Finding

MOST_CUT: Final = 1 / 3
"""Of a picture, what may be lost before it is complained of."""


def number(seen: Seen) -> Finding:
    """How many there are, beside what the method wants."""
    count, amount = len(seen.found), AMOUNTS[seen.step.method]
    shown = sum(each.repeats for each in seen.found)
    found = f"{count}" if shown == count else f"{count}, shown {shown} times in a round"
    advice = f"{amount} for `{seen.step.method}`"
    complaint = wrong.unusual_number(count, advice, amount.why, seen.step.span)
    return Finding("pictures", found, advice, () if amount.holds(count) else (complaint,))


def readable(seen: Seen) -> Finding:
    """Whether all files are pictures."""
    found = f"{len(seen.broken)} cannot be read" if seen.broken else "all can be read"
    return Finding("files", found, "all can be read", seen.broken)


def kinds(seen: Seen) -> Finding:
    """Which files are of an unusual kind; all but an animation come to what they show."""
    amounts = Counter(kind for each in seen.looks for kind in each.kinds)
    moving = [each.example.file.name for each in seen.looks if ANIMATED in each.kinds]
    masked = sum(each.mask is not None for each in seen.found)
    amounts += Counter(masked=masked)
    told = [f"{amount} {kind}" for kind, amount in sorted(amounts.items())]
    complaints = [wrong.only_first(moving, seen.step.span)] if moving else []
    stretched = [each.example.mask.name for each in seen.looks if each.stretched and each.example.mask]
    complaints += [wrong.mask_stretched(stretched, seen.step.span)] if stretched else []
    return Finding("kinds", ", ".join(told) or "nothing unusual", "nothing animated", tuple(complaints))


def sizes(seen: Seen) -> Finding:
    """How large they are, and which would have to be enlarged much."""
    if not seen.looks:
        return Finding("sizes", "not known")
    areas = sorted((each.size for each in seen.looks), key=lambda size: size[0] * size[1])
    ends = dict.fromkeys(f"{width}x{height}" for width, height in (areas[0], areas[-1]))
    found = " to ".join(ends)
    if seen.size is None:
        return Finding("sizes", found, "say `--size 512x512` to know which are too small")
    scales = {each.example.file.name: enlarged(each.size, seen.size) for each in seen.looks}
    larger = sum(scale > 1 for scale in scales.values())
    small = tuple(name for name, scale in scales.items() if scale > MOST_ENLARGED)
    complaints = (small_pictures(small, seen.size, seen.step.span),) if small else ()
    found += f", {larger} of them to be enlarged" if larger else ""
    return Finding("sizes", found, "{}x{} or larger".format(*seen.size), complaints)


def shapes(seen: Seen) -> Finding:
    """Which lose much when they are cut to the model's shape."""
    wanted = 1.0 if seen.size is None else seen.size[0] / seen.size[1]
    kept = {each.example.file.name: each.size[0] / each.size[1] / wanted for each in seen.looks}
    cut = [name for name, ratio in kept.items() if min(ratio, 1 / ratio) < 1 - MOST_CUT]
    shapes_found = len({round(ratio, 2) for ratio in kept.values()})
    found = "all of one shape" if shapes_found == 1 else f"{shapes_found} shapes"
    complaints = (wrong.much_cut_off(cut, seen.step.span),) if cut else ()
    return Finding("shapes", found, "nearly square, or `--buckets`", complaints)


def alike(seen: Seen) -> Finding:
    """Which are almost the same."""
    found = [[each.example.file.name for each in group] for group in groups(seen.looks)]
    told = f"{sum(map(len, found))} in {len(found)} group{'s' * (len(found) != 1)}" if found else "none"
    return Finding("near-duplicates", told, "none", tuple(wrong.look_alikes(each, seen.step.span) for each in found))


def backgrounds(seen: Seen) -> Finding:
    """Whether what is around them varies; where a mask covers each, it does not matter."""
    colour = None if all(each.mask for each in seen.found) else background(seen.looks)
    complaints = (wrong.same_background(colour, seen.step.span),) if colour else ()
    return Finding("backgrounds", f"always about {colour}" if colour else "varied, or masked", "varied", complaints)
