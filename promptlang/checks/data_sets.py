"""What is trained on is a folder with pictures in it; what is used is there."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, missing_file, missing_folder, no_pictures
from promptlang.scope import Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``train lora ink from "no/such/folder"``"""
    match scoped.statement:
        case ast.TrainLora(_, data):
            folder = scoped.scope.path(data)
            if not world.is_folder(folder):
                yield missing_folder(data.value, data.span)
            elif not world.has_pictures(folder):
                yield no_pictures(data.value, data.span)
        case ast.UseTi(reference):
            if not world.is_file(scoped.scope.path(reference)):
                yield missing_file(reference.value, reference.span)
        case ast.UseLora(reference) | ast.UseVae(reference):
            path = scoped.scope.path(reference)
            if not world.is_file(path) and not world.is_folder(path):
                yield missing_file(reference.value, reference.span)
        case ast.UseWildcards(folder):
            if not world.is_folder(scoped.scope.path(folder)):
                yield missing_folder(folder.value, folder.span)
