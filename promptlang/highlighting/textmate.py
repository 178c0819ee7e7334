"""The TextMate grammar for editors, made from the vocabulary: `python -m promptlang.highlighting.textmate`."""

from __future__ import annotations

import json
import sys

from promptlang.highlighting.shapes import SHAPES, Kind, Shape

SCOPES: dict[Kind, str] = {
    Kind.ESCAPE: "constant.character.escape",
    Kind.COMMENT: "comment.line.number-sign",
    Kind.HEAD: "keyword.control",
    Kind.TAG: "entity.name.tag",
    Kind.OPTION: "variable.parameter",
    Kind.STRING: "string.quoted.double",
    Kind.KEYWORD: "keyword.operator.word",
    Kind.WEIGHT: "constant.numeric",
    Kind.BRACKET: "punctuation.section.brackets",
}


def textmate_grammar() -> str:
    """The grammar's JSON."""
    grammar = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "promptlang",
        "scopeName": "source.promptlang",
        "fileTypes": ["plang"],
        "patterns": [_rule(shape) for shape in SHAPES],
    }
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


def _rule(shape: Shape) -> dict[str, str]:
    name = f"{SCOPES[shape.kind]}.promptlang"
    if shape.end is None:
        return {"name": name, "match": shape.pattern}
    return {"name": name, "begin": shape.pattern, "end": shape.end}


if __name__ == "__main__":
    sys.stdout.write(textmate_grammar())
