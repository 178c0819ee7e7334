"""What kind of statement each is: what several rules ask."""

from __future__ import annotations

from promptlang import ast

STATEMENT_HEADS: dict[type[ast.Statement], str] = {
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


def statement_head(statement: ast.Statement) -> str | None:
    """What a statement is called, in the vocabulary; None where it takes no options and is always there."""
    return (
        f"merge {statement.kind}"
        if isinstance(statement, ast.Merge)
        else STATEMENT_HEADS.get(type(statement))
    )


def statement_options(statement: ast.Statement) -> tuple[ast.Option, ...]:
    """The options that are written."""
    found: tuple[ast.Option, ...] = getattr(statement, "options", ())
    return found


def each_of(value: ast.Value | None) -> tuple[ast.Single, ...]:
    """The values of a list, or a single one; none where there is none."""
    match value:
        case None:
            return ()
        case ast.List(values):
            return values
        case single:
            return (single,)


def parameters(statement: ast.Statement) -> frozenset[str]:
    """The names that only the body of a `let` knows."""
    return (
        frozenset(each.name for each in statement.parameters)
        if isinstance(statement, ast.Let)
        else frozenset()
    )
