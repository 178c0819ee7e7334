"""The pictures that a training renders itself.

``--samples "a cat"`` shows the progress of the training; ``--class "a cat" --class-count 100``
makes the class pictures of prior preservation.
"""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement, quoted_text, with_prompts
from promptlang.syntax.prompt_parser import parse_prompt


def build_sample_prompt(scoped: ScopedStatement) -> ScopedStatement | None:
    """Return ``--samples`` as a prompt below the training with all variants, else None."""
    text = quoted_text(scoped.statement, "samples")
    if text is None:
        return None
    options = (
        ast.Option("every", None, span=text),
        ast.Option("n", ast.Number(1, span=text), span=text),
    )
    picture = ast.Picture(parse_prompt(text)[0], options, span=text)
    return with_prompts(picture, scoped.scope.after(scoped.statement))


def build_class_prompt(scoped: ScopedStatement) -> ScopedStatement | None:
    """Return ``--class`` as a prompt above the training for its base model, else None."""
    statement = scoped.statement
    text = quoted_text(statement, "class")
    if text is None or not isinstance(statement, ast.Training):
        return None
    counts = [option.value for option in statement.options if option.name == "class-count"]
    if (
        not counts
        or not isinstance(counts[-1], ast.Number)
        or not isinstance(counts[-1].value, int)
    ):
        return None
    options = (ast.Option("n", counts[-1], span=text),)
    picture = ast.Picture(parse_prompt(text)[0], options, span=text)
    return with_prompts(picture, scoped.scope)


def build_training_prompts(scoped: ScopedStatement) -> Iterator[ScopedStatement]:
    """Yield the sample prompt and the class prompt of a training."""
    yield from (
        each
        for each in (build_sample_prompt(scoped), build_class_prompt(scoped))
        if each is not None
    )
