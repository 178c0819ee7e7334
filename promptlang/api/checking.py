"""What is wrong with a program, for whoever has it as text: the library's `check`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from promptlang import ast
from promptlang.analysis import checks
from promptlang.analysis.includes import Placed, unfold
from promptlang.analysis.scope import Scope, Scoped, initial, prompts, scoped
from promptlang.analysis.training_samples import made
from promptlang.analysis.world import Granted, World
from promptlang.diagnostics import Diagnostic
from promptlang.prompts.bare_tokens import read_bare_tokens
from promptlang.source import Source


def check(text: str | Source, world: World | None = None, folder: Path = Path()) -> tuple[Diagnostic, ...]:
    """All that is wrong with a program, in the order of its text.

    Without a `world` no disk is looked at: what the program names is taken to be there. With `Disk()` relative
    paths start in `folder`.
    """
    source = text if isinstance(text, Source) else Source(text)
    asked = Granted() if world is None else world
    found: list[Diagnostic] = []
    placed = tuple(unfold(source, folder, asked, found))
    scope = _granted(placed, folder) if world is None else initial(folder, world)
    for statement in scoped(placed, scope):
        found += checks.check(statement, asked)
    return checks.in_order(found, source)


def _read(placed: Placed, folder: Path) -> tuple[ast.Node, ...]:
    """A statement, and the prompts that its options are."""
    own = made(Scoped(placed.statement, Scope(folder), ()))
    return (placed.statement, *prompts(placed.statement), *(prompt for each in own for prompt in each.prompts))


def _granted(placed: Iterable[Placed], folder: Path) -> Scope:
    """Where every LoRA and every token that the program names is there."""
    nodes = [node for each in placed for top in _read(each, folder) for node in ast.walk(top)]
    loras = {node.name: folder for node in nodes if isinstance(node, ast.Lora)}
    tokens = (each for node in nodes if isinstance(node, ast.Prompt) for each in ast.walk(read_bare_tokens(node, ())))
    embeddings = {node.name: folder for node in tokens if isinstance(node, ast.Embedding)}
    return Scope(folder, loras=loras, embeddings=embeddings, wildcards=folder, world=Granted())
