"""What kind of statement each is, and the prompts in it: what several rules ask."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.prompt_parser import parse_prompt

HEADS: dict[type[ast.Statement], str] = {
    ast.UseVae: "use vae",
    ast.UseTi: "use ti",
    ast.TrainLora: "train lora",
    ast.TrainDreambooth: "train dreambooth",
    ast.TrainTi: "train ti",
    ast.Extract: "extract lora",
    ast.Convert: "convert",
    ast.Caption: "caption",
    ast.CheckData: "check data",
    ast.Validate: "validate",
    ast.Plot: "plot",
    ast.Include: "include",
    ast.Picture: "prompt",
}


def head(statement: ast.Statement) -> str | None:
    """What a statement is called, in the vocabulary; None where it takes no options and is always there."""
    return f"merge {statement.kind}" if isinstance(statement, ast.Merge) else HEADS.get(type(statement))


def options(statement: ast.Statement) -> tuple[ast.Option, ...]:
    """The options that are written."""
    found: tuple[ast.Option, ...] = getattr(statement, "options", ())
    return found


def prompts(statement: ast.Statement) -> Iterator[ast.Prompt]:
    """The prompts of a statement, and each text of their variants as a prompt."""
    if isinstance(statement, ast.Picture | ast.Let):
        yield statement.prompt
        for node in ast.walk(statement.prompt):
            if isinstance(node, ast.Choice | ast.Argument):
                yield parse_prompt(node.span)[0]


def parameters(statement: ast.Statement) -> frozenset[str]:
    """The names that only the body of a `let` knows."""
    return frozenset(each.name for each in statement.parameters) if isinstance(statement, ast.Let) else frozenset()
