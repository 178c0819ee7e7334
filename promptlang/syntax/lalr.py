"""A parser that runs the LALR tables which Lark makes of a grammar.

The tokens come from a lexer that has decided all conflicts, so that no text is a syntax error. Lark
itself parses several times slower, since it prepares to report an error at each token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from lark import Lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift


class LexedToken(Protocol):
    """A token whose type is a terminal of the grammar."""

    @property
    def type(self) -> str:
        """The name of the terminal."""
        ...


_Function = Callable[..., Any]

_Action = tuple[int, int, str, _Function | None]
"""An entry of the table: the next state of a shift, or a rule's length, origin and function."""

_END = "$END"


class LalrParser:
    """The tables of a grammar, with a function for each rule that builds the rule's value."""

    def __init__(self, grammar: str, start: str, functions: Mapping[str, _Function]) -> None:
        """Build the tables; `functions` are by the rules' aliases, else by their names.

        A function takes the tokens and values of its rule in their order.
        """
        lark: Any = Lark(grammar, parser="lalr", start=start, lexer=_NoLexer)
        table = lark.parser.parser._parse_table
        self._start, self._end = table.start_states[start], table.end_states[start]
        self._rows: dict[int, dict[str, _Action]] = {
            state: {str(name): _action(entry, functions) for name, entry in row.items()}
            for state, row in table.states.items()
        }

    def parse(self, tokens: Iterable[LexedToken]) -> Any:
        """Return the value of the start rule."""
        rows = self._rows
        states, values = [self._start], list[Any]()
        for token in tokens:
            terminal = token.type
            row = rows[states[-1]]
            if row[terminal][3] is not None:
                self._reduce(terminal, states, values)
                row = rows[states[-1]]
            states.append(row[terminal][0])
            values.append(token)
        self._reduce(_END, states, values)
        return values[-1]

    def _reduce(self, terminal: str, states: list[int], values: list[Any]) -> None:
        """Apply the rules that end before a terminal."""
        rows = self._rows
        while states[-1] != self._end:
            _, size, origin, function = rows[states[-1]][terminal]
            if function is None:
                return
            if size:
                value = function(*values[-size:])
                del values[-size:], states[-size:]
            else:
                value = function()
            values.append(value)
            states.append(rows[states[-1]][origin][0])


def _action(entry: tuple[Any, Any], functions: Mapping[str, _Function]) -> _Action:
    kind, argument = entry
    if kind is Shift:
        return argument, 0, "", None
    name = str(argument.origin.name)
    return 0, len(argument.expansion), name, functions[argument.alias or name]


class _NoLexer(Lexer):
    """A lexer for a grammar whose tokens have no patterns."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, _lexer_state: Any, _parser_state: Any) -> Any:
        return iter(())
