"""A logical line that is a statement, by grammar/statements.lark."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.statements import unclosed_string, unexpected_text
from promptlang.grammar import vocabulary
from promptlang.source import Span
from promptlang.syntax import numbers
from promptlang.syntax.prompt_parser import parse_prompt


def parse_rule(rule: str, span: Span) -> tuple[Any, tuple[Diagnostic, ...]]:
    """Parse a span by a rule of the grammar; return None and a diagnostic if it does not match."""
    try:
        tree = _grammar().parse(span.text, start=rule)
    except UnexpectedInput as error:
        return None, (_syntax_diagnostic(error, span),)
    return _Statements(span).transform(tree), ()


_LET = re.compile(r"let\s+(?P<name>[^\W\d][\w-]*)\s*(?:\((?P<parameters>[^)]*)\))?\s*=\s*")

_PARAMETER = re.compile(
    r"\s*(?P<name>[^\W\d][\w-]*)\s*(?:=\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^,\"]*?)))?\s*"
)


def parse_let(line: Span) -> tuple[ast.Let | None, tuple[Diagnostic, ...]]:
    """Parse ``let hero(light="soft") = …``; the text after the equals sign is a prompt."""
    match = _LET.match(line.source.text, line.start, line.end)
    assert match is not None
    parameters = []
    for written in match["parameters"].split(",") if (match["parameters"] or "").strip() else []:
        parameter = _PARAMETER.fullmatch(written)
        if parameter is None:
            place = line.source.span(*match.span("parameters"))
            return None, (unexpected_text(written.strip(), ["a parameter"], place),)
        default = parameter["quoted"] if parameter["quoted"] is not None else parameter["bare"]
        parameters.append(ast.Parameter(parameter["name"], default, span=line))
    prompt, diagnostics = parse_prompt(line.source.span(match.end(), line.end))
    name = ast.Word(match["name"], span=line.source.span(*match.span("name")))
    return ast.Let(name, tuple(parameters), prompt, span=line), diagnostics


_READABLE = {
    "FLAG": "an option such as `--seed 7`",
    "FROM": "`from`",
    "KEY": "a setting",
    "LORA": "`lora`",
    "NAME": "a name",
    "NUMBER": "a number",
    "SIZE": "a size",
    "STRING": 'a "text"',
    "$END": "the end of the line",
}


def _syntax_diagnostic(error: UnexpectedInput, span: Span) -> Diagnostic:
    if isinstance(error, UnexpectedToken):
        at_end = error.token.type == "$END"
        start = span.end if at_end else span.start + (error.token.start_pos or 0)
        place = span.source.span(start, start + (0 if at_end else len(error.token)))
        expected = set(error.accepts or error.expected)
    else:
        assert isinstance(error, UnexpectedCharacters)
        start = span.start + (error.pos_in_stream or 0)
        if span.source.text[start] == '"':
            return unclosed_string(span.source.span(start, span.end))
        place = span.source.span(start, start + 1)
        expected = set(error.allowed or ())
    readable = [words for terminal, words in _READABLE.items() if terminal in expected]
    return unexpected_text(place.text, readable or ["something else"], place)


@cache
def _grammar() -> Lark:
    grammar = resources.files("promptlang.grammar").joinpath("statements.lark").read_text("utf-8")
    starts = [head.replace(" ", "_") for head in vocabulary.HEADS if head != "let"]
    return Lark(grammar, parser="lalr", start=[*starts, "options"], maybe_placeholders=True)


@v_args(inline=True)
class _Statements(Transformer[Token, Any]):
    """A method for each rule of grammar/statements.lark, in the order of the file."""

    def __init__(self, line: Span) -> None:
        super().__init__()
        self._line = line

    def _span(self, token: Token) -> Span:
        assert token.start_pos is not None
        assert token.end_pos is not None
        return self._line.source.span(
            self._line.start + token.start_pos, self._line.start + token.end_pos
        )

    def use_model(self, reference: ast.Operand, *options: ast.Option) -> ast.UseModel:
        return ast.UseModel(reference, options, span=self._line)

    def use_vae(self, reference: ast.Operand) -> ast.UseVae:
        return ast.UseVae(reference, span=self._line)

    def use_lora(self, reference: ast.Operand, name: Token | None) -> ast.UseLora:
        return ast.UseLora(reference, self.word(name) if name else None, span=self._line)

    def use_ti(self, reference: ast.Operand, name: Token | None) -> ast.UseTi:
        return ast.UseTi(reference, self._token(name) if name else None, span=self._line)

    def use_wildcards(self, folder: ast.Operand) -> ast.UseWildcards:
        return ast.UseWildcards(folder, span=self._line)

    def train_lora(self, name: Token, data: ast.Operand, *options: ast.Option) -> ast.TrainLora:
        return ast.TrainLora(self.word(name), data, options, span=self._line)

    def train_dreambooth(
        self, name: Token, data: ast.Operand, *options: ast.Option
    ) -> ast.TrainDreambooth:
        return ast.TrainDreambooth(self.word(name), data, options, span=self._line)

    def train_ti(self, name: Token, data: ast.Operand, *options: ast.Option) -> ast.TrainTi:
        return ast.TrainTi(self._token(name), data, options, span=self._line)

    def set(self, key: Token, value: ast.Value) -> ast.Set:
        return ast.Set(self.word(key), value, span=self._line)

    def merge_lora(self, name: Token, *rest: Any) -> ast.Merge:
        return ast.Merge("lora", self.word(name), *self._mixture(rest), span=self._line)

    def merge_ti(self, name: Token, *rest: Any) -> ast.Merge:
        return ast.Merge("ti", self._token(name), *self._mixture(rest), span=self._line)

    def _mixture(self, rest: Any) -> tuple[tuple[ast.Ingredient, ...], tuple[ast.Option, ...]]:
        options = tuple(each for each in rest if isinstance(each, ast.Option))
        return tuple(self._ingredient(each) for each in rest if isinstance(each, Token)), options

    def _ingredient(self, written: Token) -> ast.Ingredient:
        match = re.fullmatch(r"(.+?)(?::([+-]?(?:\d+\.?\d*|\.\d+)))?", written)
        assert match is not None
        name = ast.Word(match[1].strip("<>"), span=self._span(written))
        return ast.Ingredient(name, float(match[2] or 1), span=self._span(written))

    def extract_lora(self, name: Token, model: ast.Operand, *options: ast.Option) -> ast.Extract:
        return ast.Extract(self.word(name), model, options, span=self._line)

    def convert(self, name: ast.Operand, target: Token, *options: ast.Option) -> ast.Convert:
        return ast.Convert(name, self.word(target), options, span=self._line)

    def caption(self, data: ast.Operand, *options: ast.Option) -> ast.Caption:
        return ast.Caption(data, options, span=self._line)

    def check_data(self, data: ast.Operand, *options: ast.Option) -> ast.CheckData:
        return ast.CheckData(data, options, span=self._line)

    def validate(self, name: ast.Operand, *options: ast.Option) -> ast.Validate:
        return ast.Validate(name, options, span=self._line)

    def plot(self, name: ast.Operand, *options: ast.Option) -> ast.Plot:
        return ast.Plot(name, options, span=self._line)

    def include(self, file: ast.Operand) -> ast.Include:
        return ast.Include(ast.String(file.value, span=file.span), span=self._line)

    def options(self, *options: ast.Option) -> tuple[ast.Option, ...]:
        return options

    def option(self, flag: Token, value: ast.Value | None) -> ast.Option:
        span = self._span(flag)
        negated = flag.startswith("--no-") and value is None
        name = flag[5:] if negated else flag[2:]
        return ast.Option(name, value, negated, span=span.to(value.span) if value else span)

    def value(self, *values: ast.Single) -> ast.Value:
        return (
            values[0]
            if len(values) == 1
            else ast.List(values, span=values[0].span.to(values[-1].span))
        )

    def number(self, token: Token) -> ast.Number:
        return ast.Number(_number(token), span=self._span(token))

    def percentage(self, token: Token) -> ast.Percentage:
        return ast.Percentage(float(token[:-1]) / 100, span=self._span(token))

    def range(self, token: Token) -> ast.Range:
        first, last = token.split("..")
        last, _, count = last.partition("/")
        return ast.Range(
            _number(first), _number(last), int(count) if count else None, span=self._span(token)
        )

    def size(self, token: Token) -> ast.Size:
        width, height = token.split("x")
        return ast.Size(int(width), int(height), span=self._span(token))

    def scheduled(self, token: Token) -> ast.Scheduled | ast.Word:
        amount = numbers.parse_amount(self._span(token))
        return (
            ast.Scheduled(amount, span=self._span(token))
            if isinstance(amount, ast.Node)
            else self.word(token)
        )

    def string(self, token: Token) -> ast.String:
        quotes = 3 if token.startswith('"""') else 1
        return ast.String(token[quotes:-quotes], span=self._span(token))

    def word(self, token: Token) -> ast.Word:
        return ast.Word(str(token), span=self._span(token))

    def _token(self, token: Token) -> ast.Word:
        """Return the name of a token, ``<style>``, without its angle brackets."""
        return ast.Word(token.removeprefix("<").removesuffix(">"), span=self._span(token))


def _number(text: str) -> int | float:
    if any(mark in text for mark in ".eE"):
        return float(text)
    return int(text) if len(text) <= 40 else float(text)
