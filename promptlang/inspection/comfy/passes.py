"""The options of a recipe's line for sampling passes: the first one, and a hires fix."""

from __future__ import annotations

from typing import Final

from promptlang.diagnostics.dialects import unknown_sampler
from promptlang.files import Json
from promptlang.grammar import vocabulary
from promptlang.inspection.comfy.evaluation import describe
from promptlang.inspection.comfy.graph import show
from promptlang.inspection.comfy.line import Line, decimal
from promptlang.inspection.comfy.loras import clip_of
from promptlang.inspection.comfy.prompt_parts import shown_text
from promptlang.inspection.comfy.reading import Made
from promptlang.inspection.comfy.values import Pass
from promptlang.inspection.file_info import describe_losses
from promptlang.plan.sampler_names import parse_sampler_name
from promptlang.source import Source

MAX_LATER: Final = 16
"""Later sampling passes that are named; of more their number is."""

MAX_HIRES: Final = 8
"""The largest factor of ``--hires``."""


def write_passes(line: Line, made: Made, size: tuple[int, int] | None) -> None:
    """Add the options of all passes, and what they cannot say."""
    first = made.passes[0]
    _write_first(line, first, size)
    later = made.passes[1:]
    if len(later) == 1 and write_hires(line, first, later[0]):
        return
    for each in later[:MAX_LATER]:
        prompt = shown_text(each.guider.positive)
        more = f", with the prompt `{show(prompt)}`" if prompt != _prompt(first) else ""
        line.lose(f"without the later sampling pass of {describe(each.node)}{more}")
    if len(later) > MAX_LATER:
        line.lose(f"without {len(later) - MAX_LATER:,} more sampling passes")


def _prompt(each: Pass) -> str:
    return shown_text(each.guider.positive)


def _write_first(line: Line, first: Pass, size: tuple[int, int] | None) -> None:
    for name, value in (
        ("seed", first.seed),
        ("steps", first.sigmas.steps),
        ("cfg", first.guider.cfg),
    ):
        line.option(name, value)
    _write_sampler(line, first)
    if size is None:
        line.lose("without the size, which the graph does not say")
    else:
        line.words.append("--size {}x{}".format(*size))
    clip = clip_of(first)
    if clip is not None and clip.skip is not None and clip.skip != 1:
        line.option("clip-skip", clip.skip)
    sigmas = first.sigmas
    if sigmas.denoise not in (None, 1):
        line.lose(f"without denoise {show(sigmas.denoise)}: `--strength` is for initial pictures")
    if sigmas.first or (sigmas.last is not None and first.sigmas.steps != sigmas.last):
        last = sigmas.last if sigmas.last is not None else "the end"
        line.lose(f"without the range of steps of {first.node}: {sigmas.first} to {last}")
    if first.batch not in (None, 1):
        line.lose(f"without batch_size {show(first.batch)}: a line makes the batch's first picture")


def _write_sampler(line: Line, first: Pass) -> None:
    """Add the sampler and the spacing of noise levels that promptlang has, too."""
    # ComfyUI named samplers `sample_euler` in its first weeks.
    sampler = parse_sampler_name(first.sampler.removeprefix("sample_"))
    spacing = first.sigmas.scheduler
    if sampler is not None:
        line.words.append(f"--sampler {sampler.name}")
    elif first.sampler:
        source = Source(first.sampler)
        for loss in describe_losses([unknown_sampler(show(first.sampler), source.span(0, 0))]):
            line.lose(loss)
    else:
        line.lose("without the sampler")
    if not spacing or spacing == "normal":
        return
    if spacing not in vocabulary.SCHEDULERS:
        line.lose(f"without the scheduler `{show(spacing)}`, which is none of promptlang's")
    elif (
        sampler is None
        or spacing == "sgm_uniform"
        or sampler.name not in vocabulary.FIXED_SPACING_SAMPLERS
    ):
        line.words.append(f"--scheduler {spacing}")
    else:
        line.lose(f"without the scheduler `{spacing}`, which `{sampler.name}` does not support")


def write_hires(line: Line, first: Pass, second: Pass) -> bool:
    """Add a hires fix if the second pass is one; return whether it is.

    The second pass of promptlang has the steps, scale, sampler and prompts of the first.
    """
    strength = _strength(second)
    factor = _factor(first, second)
    if strength is None or factor is None or second.seed is None:
        return False
    line.words.append(f"--hires {decimal(factor)}")
    line.words.append(f"--strength {decimal(strength)}")
    steps, ran = first.sigmas.steps, _steps(second)
    differing: dict[str, tuple[Json, Json]] = {
        "seed": (first.seed, second.seed),
        "steps": (round(steps * strength) if isinstance(steps, int) else None, ran),
        "cfg": (first.guider.cfg, second.guider.cfg),
        "sampler": (first.sampler, second.sampler),
        "scheduler": (first.sigmas.scheduler, second.sigmas.scheduler),
        "prompt": (_prompt(first), _prompt(second)),
        "negative": (shown_text(first.guider.negative), shown_text(second.guider.negative)),
        "model": (_model(first), _model(second)),
        "LoRAs": (_loras(first), _loras(second)),
    }
    changed = [f"{name} {show(new)}" for name, (old, new) in differing.items() if old != new]
    if changed:
        line.lose(f"without the second pass's own {', '.join(changed)}")
    return True


def _model(each: Pass) -> str:
    return each.guider.model.file if each.guider.model else ""


def _loras(each: Pass) -> str:
    model = each.guider.model
    chain = model.loras.chain() if model and model.loras else ()
    return ", ".join(f"{lora.file} {lora.model_strength}" for lora in chain)


def _steps(each: Pass) -> int | None:
    """Return the number of steps that a pass runs."""
    steps = each.sigmas.steps
    return steps - each.sigmas.first if isinstance(steps, int) else None


def _strength(second: Pass) -> float | None:
    """Return the share of the noise levels that the second pass runs."""
    sigmas = second.sigmas
    if sigmas.last is not None:
        return None
    if sigmas.first and isinstance(sigmas.steps, int):
        share = 1 - sigmas.first / sigmas.steps
        return round(share, 6) if 0 < share < 1 else None
    if isinstance(sigmas.denoise, int | float) and 0 < sigmas.denoise <= 1:
        return sigmas.denoise
    return 1 if sigmas.denoise is None else None


def _factor(first: Pass, second: Pass) -> float | None:
    """Return the factor of enlargement, with few digits, if it is the same for both sides."""
    if first.size is None or second.size is None:
        return None
    whole = sum(second.size) / sum(first.size)
    if not 1 < whole <= MAX_HIRES:
        return None
    for factor in (*(round(whole, digits) for digits in range(5)), whole):
        if factor > 1 and second.size == _enlarged(first.size, factor):
            return factor
    return None


def _enlarged(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Return a size times a factor in whole latents of 8 pixels, as a hires fix rounds it."""
    width, height = (round(side * factor / 8) * 8 for side in size)
    return width, height
