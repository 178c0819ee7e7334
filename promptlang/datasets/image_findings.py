"""Findings on the pictures of a data set."""

from __future__ import annotations

from collections import Counter
from typing import Final

from promptlang.datasets.image_stats import ANIMATED
from promptlang.datasets.model_size import MAX_ENLARGEMENT, enlargement
from promptlang.datasets.recommended_counts import RECOMMENDED_COUNTS
from promptlang.datasets.scan import DatasetScan
from promptlang.datasets.similar_images import common_background, group_duplicates
from promptlang.diagnostics import datasets as wrong
from promptlang.diagnostics.training_data import small_pictures
from promptlang.plan.dataset_report import Finding

MAX_CROP: Final = 1 / 3
"""The share of a picture that a crop may lose without a diagnostic."""


def check_count(scan: DatasetScan) -> Finding:
    """Return the finding on the number of pictures, compared with that for the method."""
    count, amount = len(scan.examples), RECOMMENDED_COUNTS[scan.step.method]
    shown = sum(each.repeats for each in scan.examples)
    found = f"{count}" if shown == count else f"{count}, shown {shown} times in a round"
    advice = f"{amount} for `{scan.step.method}`"
    complaint = wrong.unusual_picture_count(count, advice, amount.why, scan.step.span)
    return Finding("pictures", found, advice, () if amount.contains(count) else (complaint,))


def check_readable(scan: DatasetScan) -> Finding:
    """Return the finding on files that cannot be read."""
    found = f"{len(scan.unreadable)} cannot be read" if scan.unreadable else "all can be read"
    return Finding("files", found, "all can be read", scan.unreadable)


def check_formats(scan: DatasetScan) -> Finding:
    """Return the finding on unusual formats; only animations get a diagnostic."""
    amounts = Counter(kind for each in scan.image_stats for kind in each.kinds)
    moving = [each.example.file.name for each in scan.image_stats if ANIMATED in each.kinds]
    masked = sum(each.mask is not None for each in scan.examples)
    amounts += Counter(masked=masked)
    summary = [f"{amount} {kind}" for kind, amount in sorted(amounts.items())]
    complaints = [wrong.animated_pictures(moving, scan.step.span)] if moving else []
    stretched = [
        each.example.mask.name
        for each in scan.image_stats
        if each.mask_stretched and each.example.mask
    ]
    complaints += [wrong.mask_stretched(stretched, scan.step.span)] if stretched else []
    return Finding(
        "kinds", ", ".join(summary) or "nothing unusual", "nothing animated", tuple(complaints)
    )


def check_sizes(scan: DatasetScan) -> Finding:
    """Return the finding on sizes, and on pictures that are much too small."""
    if not scan.image_stats:
        return Finding("sizes", "not known")
    areas = sorted((each.size for each in scan.image_stats), key=lambda size: size[0] * size[1])
    ends = dict.fromkeys(f"{width}x{height}" for width, height in (areas[0], areas[-1]))
    found = " to ".join(ends)
    if scan.size is None:
        return Finding("sizes", found, "give `--size 512x512` to find those that are too small")
    scales = {
        each.example.file.name: enlargement(each.size, scan.size) for each in scan.image_stats
    }
    larger = sum(scale > 1 for scale in scales.values())
    small = tuple(name for name, scale in scales.items() if scale > MAX_ENLARGEMENT)
    complaints = (small_pictures(small, scan.size, scan.step.span),) if small else ()
    found += f", {larger} of them to be enlarged" if larger else ""
    return Finding("sizes", found, "{}x{} or larger".format(*scan.size), complaints)


def check_aspect_ratios(scan: DatasetScan) -> Finding:
    """Return the finding on pictures that lose much when they are cropped."""
    wanted = 1.0 if scan.size is None else scan.size[0] / scan.size[1]
    kept = {
        each.example.file.name: each.size[0] / each.size[1] / wanted for each in scan.image_stats
    }
    cut = [name for name, ratio in kept.items() if min(ratio, 1 / ratio) < 1 - MAX_CROP]
    shapes_found = len({round(ratio, 2) for ratio in kept.values()})
    found = "all of one shape" if shapes_found == 1 else f"{shapes_found} shapes"
    complaints = (wrong.heavily_cropped(cut, scan.step.span),) if cut else ()
    return Finding("shapes", found, "nearly square, or `--buckets`", complaints)


def check_duplicates(scan: DatasetScan) -> Finding:
    """Return the finding on pictures that are almost the same."""
    found = [
        [each.example.file.name for each in group] for group in group_duplicates(scan.image_stats)
    ]
    summary = (
        f"{sum(map(len, found))} in {len(found)} group{'s' * (len(found) != 1)}"
        if found
        else "none"
    )
    return Finding(
        "near-duplicates",
        summary,
        "none",
        tuple(wrong.near_duplicates(each, scan.step.span) for each in found),
    )


def check_backgrounds(scan: DatasetScan) -> Finding:
    """Return the finding on backgrounds; they may be alike if every picture has a mask."""
    colour = (
        None if all(each.mask for each in scan.examples) else common_background(scan.image_stats)
    )
    complaints = (wrong.same_background(colour, scan.step.span),) if colour else ()
    return Finding(
        "backgrounds",
        f"always about {colour}" if colour else "varied, or masked",
        "varied",
        complaints,
    )
