"""State of the interpreter between programs: a recipe runs in one session, the REPL keeps one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from promptlang import ast
from promptlang.analysis.checks import check_statement, sort_diagnostics
from promptlang.analysis.includes import expand_includes
from promptlang.analysis.scope import ScopedStatement, initial_scope, with_scopes
from promptlang.analysis.world import Disk, World
from promptlang.diagnostics import Diagnostic, has_errors
from promptlang.grammar import vocabulary
from promptlang.plan.steps import Model, Plan, Render, Train
from promptlang.planning.planner import Naming, build_plan
from promptlang.source import Source


@dataclass(frozen=True, slots=True)
class Planned:
    """Plan of a program with its diagnostics; the plan is empty where there is an error."""

    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    statements: int
    """Number of statements, prompts included."""

    @property
    def failed(self) -> bool:
        """Return whether any of the diagnostics is an error."""
        return has_errors(self.diagnostics)


class Session:
    """Settings, model and adapters that hold from one program to the next."""

    def __init__(
        self,
        folder: Path,
        name: str = "picture",
        *,
        fresh_seeds: bool = False,
        world: World | None = None,
    ) -> None:
        """Resolve relative paths in `folder`, and begin the names of pictures with `name`.

        Without `--seed` a prompt has seed 0, so that a recipe gives the same pictures each time, or
        with `fresh_seeds` a random one.
        """
        self.folder = folder
        self._world = world or Disk()
        self._scope = initial_scope(folder, self._world)
        self._former: tuple[Model, ...] = ()
        self._naming = Naming(name, default_seed=None if fresh_seeds else 0)

    def plan(self, source: Source) -> Planned:
        """Parse, check and plan a program; one with an error leaves the session unchanged."""
        program = expand_includes(source, self.folder, self._world)
        statements = tuple(with_scopes(program.statements, self._scope))
        diagnostics = [
            *program.diagnostics,
            *(each for one in statements for each in check_statement(one, self._world)),
        ]
        if has_errors(diagnostics):
            return Planned(Plan(()), sort_diagnostics(diagnostics, source), len(statements))
        plan = build_plan(statements, self._naming)
        pictures = [step for step in plan.steps if isinstance(step, Render)]
        samples = [each for step in plan.steps if isinstance(step, Train) for each in step.samples]
        diagnostics += (
            each
            for one in [*pictures, *samples]
            for each in (*one.prompts.prompt.diagnostics, *one.prompts.negative.diagnostics)
        )
        planned = Planned(plan, sort_diagnostics(diagnostics, source), len(statements))
        if planned.failed:
            return replace(planned, plan=Plan(()))
        self._advance(statements)
        self._naming = replace(self._naming, first=self._naming.first + len(pictures))
        return planned

    def _advance(self, statements: tuple[ScopedStatement, ...]) -> None:
        if statements:
            last = statements[-1]
            before = self._scope.model
            self._scope = replace(last.scope.after(last.statement), folder=self.folder)
            if self._scope.model != before:
                self._former = (*self._former, before)

    def leave(self, model: Model) -> None:
        """Return to the model before `model`, which could not be loaded."""
        while self._scope.model == model and self._former:
            *former, last = self._former
            self._scope, self._former = replace(self._scope, model=last), tuple(former)

    def loras(self) -> list[str]:
        """Return the names of the LoRAs that a prompt may use."""
        return sorted(self._scope.loras)

    def describe(self) -> list[tuple[str, str]]:
        """Return the current model, settings, LoRAs and tokens, by name."""
        settings = [
            (name, self._setting(name))
            for name, option in vocabulary.SETTINGS.items()
            if option.available
        ]
        loras = ", ".join(self.loras()) or "none"
        tokens = " ".join(f"<{name}>" for name in sorted(self._scope.embeddings)) or "none"
        return [("model", self._scope.model.name), *settings, ("LoRAs", loras), ("tokens", tokens)]

    def _setting(self, name: str) -> str:
        match self._scope.settings.get(name):
            case None:
                option = vocabulary.SETTINGS[name]
                if option.default is None:
                    return option.default_doc or "none"
                return _setting_text(option.default)
            case ast.Number(value):
                return _setting_text(value)
            case ast.String(value) | ast.Word(value):
                return _setting_text(value)
            case other:
                return other.span.text


def _setting_text(value: float | str) -> str:
    match value:
        case str():
            return value or "none"
        case int():
            return str(value)
        case _:
            return f"{value:.15g}"
