"""Turns a checked ``train …`` statement into a step of the plan, every default filled in."""

from __future__ import annotations

from typing import Final

from promptlang import ast
from promptlang.analysis.scope import Scope, parse_active_loras
from promptlang.plan.prompt import ActiveLora
from promptlang.plan.steps import Adapter, Train
from promptlang.planning.config_builder import TrainStatement, build_config, request_training
from promptlang.prompts.resolver import resolve_prompt

DEFAULT_SAMPLE_ROUNDS: Final = 4
"""The number of times that samples are rendered after the first step without `--sample-every`."""


def plan_training(statement: TrainStatement, scope: Scope) -> Train:
    """Return the step that the statement stands for."""
    request = request_training(statement, scope)
    values, config = request.values, build_config(request)
    on, uses = values.given("on"), _active_loras(statement)
    rounds = -(-config.optimisation.steps // DEFAULT_SAMPLE_ROUNDS)
    return Train(
        span=statement.span,
        model=scope.find_model(on) if isinstance(on, ast.Word | ast.String) else scope.model,
        name=statement.name.value,
        file=scope.file(statement),
        config=config,
        force=values.flag("force"),
        device=values.text("device"),
        active_loras=uses,
        adapters=tuple(Adapter(use.name, scope.loras[use.name]) for use in uses),
        embeddings=_caption_tokens(scope, request.token),
        option_spans=(
            ("from", statement.data.span),
            *((each.name, each.span) for each in statement.options),
        ),
        sample_every=int(values.number("sample-every", otherwise=rounds)),
    )


def _caption_tokens(scope: Scope, own: str | None) -> tuple[Adapter, ...]:
    """Return the tokens that captions may name, without the one that is trained."""
    others = {name: file for name, file in scope.embeddings.items() if name != own}
    return tuple(Adapter(name, file) for name, file in sorted(others.items()))


def _active_loras(statement: TrainStatement) -> tuple[ActiveLora, ...]:
    """Return the LoRAs of ``--under``."""
    prompt = parse_active_loras(statement)
    return resolve_prompt(prompt, 1).parts[0].intervals[0].loras if prompt else ()
