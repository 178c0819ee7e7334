"""Facts about statements that several checks need."""

from __future__ import annotations

from promptlang import ast

STATEMENT_HEADS: dict[type[ast.Statement], str] = {
    ast.UseModel: "use model",
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
    """Return the name of a statement in the vocabulary, None for one without options."""
    return (
        f"merge {statement.kind}"
        if isinstance(statement, ast.Merge)
        else STATEMENT_HEADS.get(type(statement))
    )


def statement_options(statement: ast.Statement) -> tuple[ast.Option, ...]:
    """Return the options that the program writes."""
    found: tuple[ast.Option, ...] = getattr(statement, "options", ())
    return found


def each_of(value: ast.Value | None) -> tuple[ast.Single, ...]:
    """Return the values of a list, a single value, or nothing."""
    match value:
        case None:
            return ()
        case ast.List(values):
            return values
        case single:
            return (single,)


def parameters(statement: ast.Statement) -> frozenset[str]:
    """Return the names of the parameters of a `let`."""
    return (
        frozenset(each.name for each in statement.parameters)
        if isinstance(statement, ast.Let)
        else frozenset()
    )
