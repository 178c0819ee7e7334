"""The library's `check`: the diagnostics of a program that is given as text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from promptlang import ast
from promptlang.analysis import checks
from promptlang.analysis.includes import LocatedStatement, expand_includes
from promptlang.analysis.negative_prompts import nested_texts, own_negatives, parse_negatives
from promptlang.analysis.scope import Scope, ScopedStatement, initial_scope, prompts_of, with_scopes
from promptlang.analysis.training_samples import build_training_prompts
from promptlang.analysis.world import PermissiveWorld, World
from promptlang.diagnostics import Diagnostic
from promptlang.prompts.bare_tokens import read_bare_tokens
from promptlang.source import Source


def check(
    text: str | Source, world: World | None = None, folder: Path = Path()
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a program, in the order of its text.

    Without a `world` the disk is not read, and every file and name of the program is taken to
    exist. With `Disk()` relative paths start in `folder`.
    """
    source = text if isinstance(text, Source) else Source(text)
    actual_world = PermissiveWorld() if world is None else world
    program = expand_includes(source, folder, actual_world)
    located = program.statements
    scope = _permissive_scope(located, folder) if world is None else initial_scope(folder, world)
    checked = with_scopes(located, scope)
    found = (
        each for statement in checked for each in checks.check_statement(statement, actual_world)
    )
    return checks.sort_diagnostics((*program.diagnostics, *found), source)


def _nodes_to_read(located: LocatedStatement, folder: Path) -> tuple[ast.Node, ...]:
    """Return a statement and the prompts in its options."""
    own = build_training_prompts(ScopedStatement(located.statement, Scope(folder), ()))
    negatives = parse_negatives(own_negatives(located.statement))
    return (
        located.statement,
        *prompts_of(located.statement),
        *negatives,
        *(each for prompt in negatives for each in nested_texts(prompt)),
        *(prompt for each in own for prompt in each.prompts),
    )


def _permissive_scope(located: Iterable[LocatedStatement], folder: Path) -> Scope:
    """Return a scope in which every LoRA and token that the program names exists."""
    nodes = [
        node for each in located for top in _nodes_to_read(each, folder) for node in ast.walk(top)
    ]
    loras = {node.name: folder for node in nodes if isinstance(node, ast.Lora)}
    tokens = (
        each
        for node in nodes
        if isinstance(node, ast.Prompt)
        for each in ast.walk(read_bare_tokens(node, ()))
    )
    embeddings = {node.name: folder for node in tokens if isinstance(node, ast.Embedding)}
    return Scope(
        folder, loras=loras, embeddings=embeddings, wildcards=folder, world=PermissiveWorld()
    )
