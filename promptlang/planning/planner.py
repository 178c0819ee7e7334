"""A checked program to a plan: defaults filled in, names looked up, weights multiplied out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, groupby
from pathlib import Path

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import OUTPUT, Scope, ScopedStatement
from promptlang.analysis.sweeps import SweepCell, expand_sweep, is_flag_on
from promptlang.analysis.training_samples import build_class_prompt, build_sample_prompt
from promptlang.diagnostics.names import unknown_lora
from promptlang.plan.sampler_names import SamplerName, parse_sampler_name
from promptlang.plan.steps import (
    Adapter,
    CheckData,
    ComputeConfig,
    ContactSheet,
    Interval,
    Plan,
    Render,
    Resolved,
    SheetRow,
    Step,
    Train,
)
from promptlang.planning.training_planner import plan_training
from promptlang.prompts.expansion import sample_expansion
from promptlang.prompts.resolver import resolve
from promptlang.prompts.step_timing import number_at
from promptlang.source import Source, Span
from promptlang.syntax.prompt_parser import parse_prompt

MAX_SHEET_COLUMNS = 8
"""Pictures beside one another on a contact sheet of a single sweep."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How pictures are called: ``out/first-03-a-red-fox.png``."""

    stem: str
    first: int = 1

    def files(self, folder: Path) -> Iterator[Callable[[str], Path]]:
        """For each picture in turn, what makes a file's name of its prompt."""
        return (partial(self._file, folder / OUTPUT, number) for number in count(self.first))

    def _file(self, folder: Path, number: int, text: str) -> Path:
        return folder / f"{self.stem}-{number:02}-{_slug(text)}.png"


def _slug(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:40].strip("-") or "picture"


def build_plan(
    statements: Iterable[ScopedStatement], naming: Naming, seed: Callable[[], int]
) -> Plan:
    """The steps of a program without errors; `seed` gives one to each prompt that has none."""
    return Plan(tuple(_steps(statements, naming, seed)))


def _steps(
    statements: Iterable[ScopedStatement], naming: Naming, seed: Callable[[], int]
) -> Iterator[Step]:
    files: Iterator[Callable[[str], Path]] | None = None
    for scoped in statements:
        match scoped.statement:
            case ast.TrainLora() | ast.TrainDreambooth() | ast.TrainTi() as statement:
                yield _with_samples(
                    _with_class(plan_training(statement, scoped.scope), scoped), scoped
                )
            case ast.CheckData() as statement:
                yield _check_data(statement, scoped.scope)
            case ast.Picture() as statement:
                files = files or naming.files(scoped.scope.folder)
                yield from _pictures(statement, scoped.scope, files, seed)
            case _:
                pass


def _check_data(statement: ast.CheckData, scope: Scope) -> CheckData:
    values = OptionValues("check data", {}, statement.options)
    size = values.given("size")
    return CheckData(
        span=statement.data.span,
        source=scope.path(statement.data),
        model=scope.model,
        method=values.text("method"),
        size=(size.width, size.height) if isinstance(size, ast.Size) else None,
        token=values.text("token"),
        template=values.optional_text("prompt"),
    )


def _with_samples(step: Train, scoped: ScopedStatement) -> Train:
    """The training, and the pictures that are made meanwhile, where they are asked for."""
    shown = build_sample_prompt(scoped)
    if shown is None or not isinstance(shown.statement, ast.Picture):
        return step
    return replace(
        step, samples=_training_renders(shown.statement, shown.scope, step, step.report / "samples")
    )


def _with_class(step: Train, scoped: ScopedStatement) -> Train:
    """The training, and the pictures that are made before it, where they are asked for."""
    shown, prior = build_class_prompt(scoped), step.config.prior
    if shown is None or not isinstance(shown.statement, ast.Picture) or prior is None:
        return step
    folder = step.report / "class"
    made = _training_renders(shown.statement, shown.scope, step, folder)
    return replace(
        step, config=replace(step.config, prior=replace(prior, folder=folder)), class_pictures=made
    )


def _training_renders(
    statement: ast.Picture, scope: Scope, step: Train, folder: Path
) -> tuple[Render, ...]:
    """With the model that is trained, and its seed: a training that goes on goes on with its pictures."""
    scope = replace(scope, model=step.model)
    files = (partial(_file, folder, number) for number in count(1))
    cells = zip(expand_sweep(statement, scope), files, strict=False)
    return tuple(
        _with_minimal_metadata(_render(cell, scope, file, lambda: step.config.seed), step)
        for cell, file in cells
    )


def _file(folder: Path, number: int, text: str) -> Path:
    return folder / f"{number:02}-{_slug(text)}.png"


def _with_minimal_metadata(render: Render, step: Train) -> Render:
    """What it shows is in no file yet, so nobody could make it again."""
    return replace(
        render,
        embeddings=tuple(each for each in render.embeddings if each.file != step.file),
        metadata="minimal" if render.metadata == "full" else render.metadata,
        computing=ComputeConfig(),
    )


def _pictures(
    statement: ast.Picture,
    scope: Scope,
    files: Iterator[Callable[[str], Path]],
    seed: Callable[[], int],
) -> Iterator[Render | ContactSheet]:
    """All that a prompt asks for, and where that is more than one picture, their contact sheet."""
    cells = list(expand_sweep(statement, scope))
    renders = [_render(cell, scope, next(files), seed) for cell in cells]
    if len(cells) == 1 or not is_flag_on(statement, scope, "grid"):
        yield from renders
        return
    yield from (
        replace(render, sheet_position=(at, len(renders))) for at, render in enumerate(renders, 1)
    )
    seeded = any(cell.number for cell in cells)
    labels = [
        (*cell.labels, f"seed {render.seed}") if seeded else cell.labels
        for cell, render in zip(cells, renders, strict=True)
    ]
    rows = tuple(sheet_rows([*zip(labels, (render.file for render in renders), strict=True)]))
    yield ContactSheet(
        statement.span, rows, renders[0].file.with_name(f"{renders[0].file.stem}-sheet.png")
    )


def sheet_rows(labelled: Sequence[tuple[tuple[str, ...], Path]]) -> Iterator[SheetRow]:
    """The last thing that is swept across, all others down; a single one in lines of at most `MAX_SHEET_COLUMNS`."""
    for others, group in groupby(labelled, key=lambda each: each[0][:-1]):
        cells = [(labels[-1], file) for labels, file in group]
        width = len(cells) if others else min(MAX_SHEET_COLUMNS, len(cells))
        for start in range(0, len(cells), width):
            yield SheetRow(", ".join(others), tuple(cells[start : start + width]))


def _cfg_by_step(given: ast.Value | None, steps: int) -> tuple[float, ...]:
    match given:
        case ast.Scheduled(value):
            return tuple(number_at(value, step, steps) for step in range(1, steps + 1))
        case _:
            return ()


def _loras(prompt: Resolved) -> dict[str, None]:
    """The names of the LoRAs in use at any step, each once."""
    intervals = (interval for part in prompt.parts for interval in part.intervals)
    return {use.name: None for interval in intervals for use in interval.loras}


def _without_missing_loras(resolved: Resolved, scope: Scope, written: Span) -> Resolved:
    """Without the LoRAs that are missing; those that only a variant names are spoken of here."""
    missing = [name for name in _loras(resolved) if name not in scope.loras]
    if not missing:
        return resolved
    parts = tuple(
        replace(part, intervals=tuple(_with_known_loras(each, scope) for each in part.intervals))
        for part in resolved.parts
    )
    severity = scope.severity_of_missing
    found = [
        unknown_lora(name, scope.loras, written, severity)
        for name in missing
        if severity is not None
    ]
    return Resolved(parts, (*resolved.diagnostics, *found))


def _embeddings(scope: Scope, *prompts: ast.Prompt) -> Iterator[Adapter]:
    """The tokens that prompts name, each once."""
    names = (
        node.name
        for prompt in prompts
        for node in ast.walk(prompt)
        if isinstance(node, ast.Embedding)
    )
    for name in dict.fromkeys(names):
        file = scope.embedding(name)
        if file is not None:
            yield Adapter(name, file)


def _with_known_loras(interval: Interval, scope: Scope) -> Interval:
    return replace(interval, loras=tuple(use for use in interval.loras if use.name in scope.loras))


def _compute_config(values: OptionValues) -> ComputeConfig:
    return ComputeConfig(
        values.optional_text("precision"), values.text("device"), values.text("memory")
    )


def _sampler(values: OptionValues) -> SamplerName:
    """``--scheduler`` counts more than what the sampler's name says."""
    written = values.text("sampler")
    found = parse_sampler_name(written) or SamplerName(written)
    return found._replace(spacing=None) if values.given("scheduler") else found


def _render(
    cell: SweepCell, scope: Scope, file: Callable[[str], Path], seed: Callable[[], int]
) -> Render:
    statement = cell.statement
    values = OptionValues("prompt", scope.settings, statement.options)
    steps = values.integer("steps")
    number = (values.integer("seed") if values.given("seed") else seed()) + cell.number
    filled = sample_expansion(statement.prompt, number, scope.library)
    written = scope.with_tokens(filled.prompt)
    prompt = replace(
        resolve(written, steps, scope.triggers(written)),
        diagnostics=(*cell.diagnostics, *filled.diagnostics),
    )
    prompt = _without_missing_loras(prompt, scope, cell.span)
    negative = values.text("negative")
    negative_prompt = parse_prompt(
        Source(negative, "<negative>").span(0, len(negative)), divided=False
    )[0]
    negative_prompt = sample_expansion(negative_prompt, number, scope.library, divided=False).prompt
    negative_prompt = scope.with_tokens(negative_prompt)
    size = values.given("size")
    sampler = _sampler(values)
    return Render(
        span=statement.span,
        model=scope.model,
        text=filled.prompt.span.text,
        negative_text=negative,
        prompt=prompt,
        negative=resolve(negative_prompt, steps, scope.triggers(negative_prompt)),
        adapters=tuple(Adapter(name, scope.loras[name]) for name in _loras(prompt)),
        embeddings=tuple(_embeddings(scope, written, negative_prompt)),
        seed=number,
        steps=steps,
        cfg=values.number("cfg"),
        cfg_by_step=_cfg_by_step(values.given("cfg"), steps),
        size=(size.width, size.height) if isinstance(size, ast.Size) else None,
        sampler=sampler.name,
        scheduler=sampler.spacing or values.text("scheduler"),
        emphasis=values.text("emphasis"),
        clip_skip=values.integer("clip-skip"),
        eta=values.number("eta"),
        init=scope.optional_path(values.given("init")),
        mask=scope.optional_path(values.given("mask")),
        strength=values.number("strength"),
        hires=values.number("hires"),
        metadata=values.text("metadata"),
        computing=_compute_config(values),
        file=file(" ".join(segment.text for segment in prompt.parts[0].intervals[0].segments)),
    )
