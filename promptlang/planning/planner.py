"""A checked program to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby
from pathlib import Path

from promptlang import ast
from promptlang.analysis.scope import OUTPUT, Scope, ScopedStatement
from promptlang.analysis.sweeps import expand_sweep, is_flag_on
from promptlang.analysis.training_samples import build_class_prompt, build_sample_prompt
from promptlang.plan.steps import (
    ComputeConfig,
    ContactSheet,
    Plan,
    Render,
    SheetRow,
    Step,
    Train,
)
from promptlang.planning.data_planner import plan_data_check
from promptlang.planning.render_planner import plan_render
from promptlang.planning.training_planner import plan_training

MAX_SHEET_COLUMNS = 8
"""Pictures beside one another on a contact sheet of a single sweep."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Names of pictures, ``out/first-03-a-red-fox.png``, and their seed without ``--seed``."""

    name: str
    first: int = 1
    """Number of the first picture."""
    default_seed: int | None = 0
    """None for a new random seed each time."""

    def stems(self, folder: Path) -> Iterator[Path]:
        """Yield for each picture in turn the path up to the prompt's words, ``out/first-03``."""
        return (folder / OUTPUT / f"{self.name}-{number:02}" for number in count(self.first))


def build_plan(statements: Iterable[ScopedStatement], naming: Naming) -> Plan:
    """Return the steps of a program without errors."""
    return Plan(tuple(_steps(statements, naming)))


def _steps(statements: Iterable[ScopedStatement], naming: Naming) -> Iterator[Step]:
    stems: Iterator[Path] | None = None
    for scoped in statements:
        match scoped.statement:
            case ast.TrainLora() | ast.TrainDreambooth() | ast.TrainTi() as statement:
                step = _with_class_pictures(plan_training(statement, scoped.scope), scoped)
                yield _with_samples(step, scoped)
            case ast.CheckData() as statement:
                yield plan_data_check(statement, scoped.scope)
            case ast.Picture() as statement:
                stems = stems or naming.stems(scoped.scope.folder)
                yield from _pictures(statement, scoped.scope, stems, naming.default_seed)
            case _:
                pass


def _with_samples(step: Train, scoped: ScopedStatement) -> Train:
    """Add the sample pictures that ``--samples`` requests."""
    prompt = build_sample_prompt(scoped)
    if prompt is None:
        return step
    return replace(step, samples=tuple(_training_renders(prompt, step, step.report / "samples")))


def _with_class_pictures(step: Train, scoped: ScopedStatement) -> Train:
    """Add the class pictures that ``--class-count`` requests."""
    prompt, prior = build_class_prompt(scoped), step.config.prior
    if prompt is None or prior is None:
        return step
    folder = step.report / "class"
    return replace(
        step,
        config=replace(step.config, prior=replace(prior, folder=folder)),
        class_pictures=tuple(_training_renders(prompt, step, folder)),
    )


def _training_renders(prompt: ScopedStatement, step: Train, folder: Path) -> Iterator[Render]:
    """Yield pictures of the model that is trained.

    They have the training's seed, so that a resumed training resumes with the same pictures, and
    no record in their metadata: the weights they show are in no file, so no one could replay them.
    """
    if not isinstance(prompt.statement, ast.Picture):
        return
    scope = replace(prompt.scope, model=step.model)
    for number, cell in enumerate(expand_sweep(prompt.statement, scope), 1):
        render = plan_render(cell, scope, folder / f"{number:02}", step.config.seed)
        prompts, output = render.prompts, render.output
        yield replace(
            render,
            prompts=replace(
                prompts,
                embeddings=tuple(each for each in prompts.embeddings if each.file != step.file),
            ),
            output=replace(output, metadata="minimal") if output.metadata == "full" else output,
            computing=ComputeConfig(),
        )


def _pictures(
    statement: ast.Picture, scope: Scope, stems: Iterator[Path], default_seed: int | None
) -> Iterator[Render | ContactSheet]:
    """Yield each picture of a prompt, and their contact sheet if there are several."""
    cells = list(expand_sweep(statement, scope))
    renders = [plan_render(cell, scope, next(stems), default_seed) for cell in cells]
    if len(cells) == 1 or not is_flag_on(statement, scope, "grid"):
        yield from renders
        return
    yield from (
        replace(render, output=replace(render.output, sheet_position=(number, len(renders))))
        for number, render in enumerate(renders, 1)
    )
    seeded = any(cell.number for cell in cells)
    labels = [
        (*cell.labels, f"seed {render.sampling.seed}") if seeded else cell.labels
        for cell, render in zip(cells, renders, strict=True)
    ]
    rows = tuple(sheet_rows([*zip(labels, (render.file for render in renders), strict=True)]))
    first = renders[0].file
    yield ContactSheet(statement.span, rows, first.with_name(f"{first.stem}-sheet.png"))


def sheet_rows(labelled: Sequence[tuple[tuple[str, ...], Path]]) -> Iterator[SheetRow]:
    """Yield the rows of a contact sheet: the last swept value runs across, all others run down.

    The values of a single sweep are broken into rows of at most `MAX_SHEET_COLUMNS`.
    """
    for others, group in groupby(labelled, key=lambda each: each[0][:-1]):
        cells = [(labels[-1], file) for labels, file in group]
        width = len(cells) if others else min(MAX_SHEET_COLUMNS, len(cells))
        for start in range(0, len(cells), width):
            yield SheetRow(", ".join(others), tuple(cells[start : start + width]))
