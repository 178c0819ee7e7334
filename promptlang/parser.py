"""Text to syntax tree. Every text parses: what cannot be read is left out, and a diagnostic says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer

from promptlang import ast, diagnostics
from promptlang.diagnostics import Diagnostic
from promptlang.lexer import Lexeme, lex
from promptlang.lines import after_word, head, logical_lines, near_head, split_options
from promptlang.source import Source, Span


@dataclass(frozen=True, slots=True)
class Parsed:
    """A program, and what is wrong with how it is written."""

    program: ast.Program
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source) -> Parsed:
    """The program in a source."""
    statements: list[ast.Statement] = []
    found: list[Diagnostic] = []
    for line in logical_lines(source):
        statement = _line(line, found)
        if statement is not None:
            statements.append(statement)
    program = ast.Program(tuple(statements), span=source.span(0, len(source.text)))
    return Parsed(program, tuple(found))


def parse_prompt(span: Span, *, divided: bool = True) -> tuple[ast.Prompt, tuple[Diagnostic, ...]]:
    """The prompt in a stretch of source; ``AND`` is a word where it is not `divided`, as in a negative prompt."""
    lexemes, found = lex(span, divided=divided)
    read: Any = _prompt_grammar().parse(lexemes)
    phrases, _ = read[0]
    return ast.Prompt(phrases if len(read) == 1 else (_composition(span, read),), span=span), tuple(found)


def _composition(span: Span, read: list[Any]) -> ast.Composition:
    """Parts and the ANDs between them; each part goes from one to the next."""
    ands = [each.span for each in read[1::2]]
    starts = [span.start, *(each.end for each in ands)]
    ends = [*(each.start for each in ands), span.end]
    parts = (
        ast.Part(phrases, None if weight is None else weight.node, span=span.source.span(start, end))
        for (phrases, weight), start, end in zip(read[::2], starts, ends, strict=True)
    )
    return ast.Composition(tuple(parts), span=span)


def incomplete(text: str) -> bool:
    '''Whether a reader should wait for more: an open ``"""`` or bracket, or a statement without its end.

    An empty last line says that no more is coming.
    '''
    if text.count('"""') % 2:
        return True
    if not text.strip() or (not text.rpartition("\n")[2].strip() and "\n" in text):
        return False
    line = list(logical_lines(Source(text)))[-1:]
    found: list[Diagnostic] = []
    for last in line:
        _line(last, found)
    return any(each.code == "PL001" or (each.code == "PL005" and not each.span.text) for each in found)


def _line(line: Span, found: list[Diagnostic]) -> ast.Statement | None:
    match head(line):
        case "use model":
            return _statement("use_model", line, found)
        case "train lora":
            return _statement("train_lora", line, found)
        case "set":
            return _statement("set", line, found)
        case "render":
            return _picture(line, after_word(line), found)
        case _:
            near = near_head(line)
            if near is None:
                return _picture(line, line, found)
            written, meant = near
            length = line.text.index(written.split()[1]) + len(written.split()[1])
            found.append(diagnostics.near_miss(written, meant, line.source.span(line.start, line.start + length)))
            return None


def _picture(line: Span, content: Span, found: list[Diagnostic]) -> ast.Picture:
    prompt_span, option_span = split_options(content)
    prompt, complaints = parse_prompt(prompt_span)
    found += complaints
    options = _read("options", option_span, found) or ()
    return ast.Picture(prompt, options, span=line)


def _statement(rule: str, line: Span, found: list[Diagnostic]) -> ast.Statement | None:
    statement: ast.Statement | None = _read(rule, line, found)
    return statement


def _read(rule: str, span: Span, found: list[Diagnostic]) -> Any:
    """What a rule of statements.lark makes of a text; None, and a diagnostic, where it makes nothing."""
    try:
        tree = _statement_grammar().parse(span.text, start=rule)
    except UnexpectedInput as error:
        found.append(_complaint(error, span))
        return None
    return _Statements(span).transform(tree)


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


def _complaint(error: UnexpectedInput, span: Span) -> Diagnostic:
    if isinstance(error, UnexpectedToken):
        at_end = error.token.type == "$END"
        start = span.end if at_end else span.start + (error.token.start_pos or 0)
        place = span.source.span(start, start + (0 if at_end else len(error.token)))
        expected = set(error.accepts or error.expected)
    else:
        assert isinstance(error, UnexpectedCharacters)
        start = span.start + (error.pos_in_stream or 0)
        if span.source.text[start] == '"':
            return diagnostics.unclosed_string(span.source.span(start, span.end))
        place = span.source.span(start, start + 1)
        expected = set(error.allowed or ())
    readable = [words for terminal, words in _READABLE.items() if terminal in expected]
    return diagnostics.unexpected(place.text, readable or ["something else"], place)


class _Lexed(Lexer):
    """Hands Lark the tokens that `lex` has made."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, data: Any) -> Any:  # type: ignore[override]
        return iter(data)


@cache
def _prompt_grammar() -> Lark:
    grammar = resources.files("promptlang.grammar").joinpath("prompt.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start="prompt", lexer=_Lexed, transformer=_Phrases(), maybe_placeholders=True)


@cache
def _statement_grammar() -> Lark:
    grammar = resources.files("promptlang.grammar").joinpath("statements.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start=["use_model", "train_lora", "set", "options"], maybe_placeholders=True)


@v_args(inline=True)
class _Phrases(Transformer[Lexeme, "list[Any]"]):
    """One method a rule of grammar/prompt.lark, in its order."""

    def prompt(self, *rest: Any) -> list[Any]:
        return list(rest)

    def part(self, *rest: Any) -> tuple[tuple[ast.Phrase, ...], Lexeme | None]:
        *phrases, weight = rest
        return _present(phrases), weight

    def text(self, text: Lexeme) -> ast.Text:
        return ast.Text(str(text), span=text.span)

    def emphasis(self, opening: Lexeme, *rest: Any) -> ast.Emphasis:
        *phrases, weight, closing = rest
        number = None if weight is None else weight.node
        return ast.Emphasis(_present(phrases), number, span=opening.span.to(closing.span))

    def deemphasis(self, opening: Lexeme, *rest: Any) -> ast.Deemphasis:
        *phrases, closing = rest
        return ast.Deemphasis(_present(phrases), span=opening.span.to(closing.span))

    def range(self, mark: Lexeme) -> Any:
        return mark.node

    def schedule(self, opening: Lexeme, *rest: Any) -> ast.Schedule:
        tail = next(at for at, each in enumerate(rest) if isinstance(each, Lexeme) and each.type == "TAIL")
        *moments, closing = rest[tail + 1 :]
        branches = _branches([opening, *rest[: tail + 1]])
        return ast.Schedule(branches, tuple(each.node for each in moments), span=opening.span.to(closing.span))

    def alternation(self, opening: Lexeme, *rest: Any) -> ast.Alternation:
        *fields, tail, moment, closing = rest
        branches = _branches([opening, *fields, closing if tail is None else tail])
        period = None if moment is None else moment.node
        return ast.Alternation(branches, period, span=opening.span.to(closing.span))

    def branch(self, *phrases: ast.Phrase | None) -> tuple[ast.Phrase, ...]:
        return _present(phrases)

    def break_(self, word: Lexeme) -> ast.Break:
        return ast.Break(span=word.span)

    def tag(self, tag: Lexeme) -> Any:
        return tag.node


def _branches(fields: list[Any]) -> tuple[ast.Branch, ...]:
    """Every other field is a branch, and goes from the mark before it to the mark after it."""
    marked = zip(fields[::2], fields[1::2], fields[2::2], strict=False)
    return tuple(ast.Branch(phrases, span=_between(before, after)) for before, phrases, after in marked)


def _between(before: Lexeme, after: Lexeme) -> Span:
    return before.span.source.span(before.span.end, after.span.start)


def _present(phrases: Any) -> tuple[ast.Phrase, ...]:
    """The phrases without tags that stand for nothing."""
    return tuple(phrase for phrase in phrases if phrase is not None)


@v_args(inline=True)
class _Statements(Transformer[Token, Any]):
    """One method a rule of grammar/statements.lark, in its order."""

    def __init__(self, line: Span) -> None:
        super().__init__()
        self._line = line

    def _span(self, token: Token) -> Span:
        assert token.start_pos is not None
        assert token.end_pos is not None
        return self._line.source.span(self._line.start + token.start_pos, self._line.start + token.end_pos)

    def use_model(self, reference: Token) -> ast.UseModel:
        return ast.UseModel(self._operand(reference), span=self._line)

    def train_lora(self, name: Token, data: Token, *options: ast.Option) -> ast.TrainLora:
        return ast.TrainLora(self.word(name), self._operand(data), options, span=self._line)

    def set(self, key: Token, value: ast.Value) -> ast.Set:
        return ast.Set(self.word(key), value, span=self._line)

    def options(self, *options: ast.Option) -> tuple[ast.Option, ...]:
        return options

    def option(self, flag: Token, value: ast.Value | None) -> ast.Option:
        span = self._span(flag)
        return ast.Option(flag[2:], value, span=span.to(value.span) if value else span)

    def number(self, token: Token) -> ast.Number:
        whole = not any(mark in token for mark in ".eE")
        return ast.Number(int(token) if whole else float(token), span=self._span(token))

    def size(self, token: Token) -> ast.Size:
        width, height = token.split("x")
        return ast.Size(int(width), int(height), span=self._span(token))

    def string(self, token: Token) -> ast.String:
        quotes = 3 if token.startswith('"""') else 1
        return ast.String(token[quotes:-quotes], span=self._span(token))

    def word(self, token: Token) -> ast.Word:
        return ast.Word(str(token), span=self._span(token))

    def _operand(self, token: Token) -> ast.Word | ast.String:
        return self.string(token) if token.type == "STRING" else self.word(token)
