"""The pictures that show, meanwhile, what a training has come to: ``--samples "a cat"``."""

from __future__ import annotations

from promptlang import ast
from promptlang.prompt_parser import parse_prompt
from promptlang.scope import Scoped, prompts, quoted


def sampled(scoped: Scoped) -> Scoped | None:
    """As a prompt below the training, in each of its variants; None where none are asked for."""
    text = quoted(scoped.statement, "samples")
    if text is None:
        return None
    options = ast.Option("every", None, span=text), ast.Option("n", ast.Number(1, span=text), span=text)
    picture = ast.Picture(parse_prompt(text)[0], options, span=text)
    return Scoped(picture, scoped.scope.after(scoped.statement), tuple(prompts(picture)))
