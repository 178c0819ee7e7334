"""The TextMate grammar for editors: `python -m promptlang.highlighting.textmate` writes it."""

from __future__ import annotations

import json
import sys

from promptlang.highlighting.token_patterns import TOKEN_PATTERNS, TokenKind, TokenPattern

SCOPES: dict[TokenKind, str] = {
    TokenKind.ESCAPE: "constant.character.escape",
    TokenKind.COMMENT: "comment.line.number-sign",
    TokenKind.HEAD: "keyword.control",
    TokenKind.TAG: "entity.name.tag",
    TokenKind.OPTION: "variable.parameter",
    TokenKind.STRING: "string.quoted.double",
    TokenKind.KEYWORD: "keyword.operator.word",
    TokenKind.WEIGHT: "constant.numeric",
    TokenKind.BRACKET: "punctuation.section.brackets",
}


def textmate_grammar() -> str:
    """Return the grammar as JSON."""
    grammar = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "promptlang",
        "scopeName": "source.promptlang",
        "fileTypes": ["plang"],
        "patterns": [_rule(shape) for shape in TOKEN_PATTERNS],
    }
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


def _rule(shape: TokenPattern) -> dict[str, str]:
    name = f"{SCOPES[shape.kind]}.promptlang"
    if shape.end is None:
        return {"name": name, "match": shape.pattern}
    return {"name": name, "begin": shape.pattern, "end": shape.end}


if __name__ == "__main__":
    sys.stdout.write(textmate_grammar())
