"""What is wrong with a program, for whoever has it as text: the library's `check`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from promptlang import ast
from promptlang.analysis import checks
from promptlang.analysis.includes import LocatedStatement, expand_includes
from promptlang.analysis.scope import Scope, ScopedStatement, initial_scope, prompts_of, with_scopes
from promptlang.analysis.training_samples import build_training_prompts
from promptlang.analysis.world import PermissiveWorld, World
from promptlang.diagnostics import Diagnostic
from promptlang.prompts.bare_tokens import read_bare_tokens
from promptlang.source import Source


def check(
    text: str | Source, world: World | None = None, folder: Path = Path()
) -> tuple[Diagnostic, ...]:
    """All that is wrong with a program, in the order of its text.

    Without a `world` no disk is looked at: what the program names is taken to be there. With `Disk()` relative
    paths start in `folder`.
    """
    source = text if isinstance(text, Source) else Source(text)
    asked = PermissiveWorld() if world is None else world
    found: list[Diagnostic] = []
    placed = tuple(expand_includes(source, folder, asked, found))
    scope = _granted(placed, folder) if world is None else initial_scope(folder, world)
    for statement in with_scopes(placed, scope):
        found += checks.check_statement(statement, asked)
    return checks.sort_diagnostics(found, source)


def _read(placed: LocatedStatement, folder: Path) -> tuple[ast.Node, ...]:
    """A statement, and the prompts that its options are."""
    own = build_training_prompts(ScopedStatement(placed.statement, Scope(folder), ()))
    return (
        placed.statement,
        *prompts_of(placed.statement),
        *(prompt for each in own for prompt in each.prompts),
    )


def _granted(placed: Iterable[LocatedStatement], folder: Path) -> Scope:
    """Where every LoRA and every token that the program names is there."""
    nodes = [node for each in placed for top in _read(each, folder) for node in ast.walk(top)]
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
