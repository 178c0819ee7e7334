"""The common writer of dialects with brackets."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable

from promptlang import ast
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.amounts import format_amount, format_moment, format_number
from promptlang.dialects.fitting import fit
from promptlang.grammar import names
from promptlang.syntax.visitor import ContainerNode, Enter, Leave, WeightedNode, visit_phrases

WriteResult = tuple[str, tuple[Diagnostic, ...]]
"""A text, and the losses."""

NUMBER_AT_END = re.compile(r":\s*(?:[+-]?[.\d]+\s*)?\Z")
"""A text that a bracket after it would read as its weight."""

_TAG = re.compile(r"<\w+:[^<>]*>")
_TOKEN_NAME = re.compile(names.TOKEN_NAME)
_LORA_NAME = re.compile(names.LORA_NAME)
_WORDS = re.compile(r"\w\w")


class PromptWriter(ABC):
    """A writer of phrases in A1111's syntax, of which a dialect overrides the parts that differ."""

    dialect: str
    supported: frozenset[type]

    def __init__(self) -> None:
        self.diagnostics = Diagnostics()
        self.out: list[str] = []
        self._last, self._searched = "", 0
        """The last text of `out` that is no tag, and the number of texts that were searched."""
        self.inside: list[ContainerNode] = []
        """The open brackets and branches, outermost first."""
        self.square_depth = 0
        """The number of open square brackets, nested or not."""
        self.branches: list[int] = []
        """The number of branches that are written, for each open schedule or alternation."""
        self.weights: dict[int, ast.Opening] = {}
        self.ranges = 0
        """The number of open brackets that cross others or are never closed."""
        self.composed = self.has_step_changes = False
        """Flags of a prompt with several parts, and of one that changes over the steps."""

    # The parts that a dialect overrides

    @abstractmethod
    def text(self, text: ast.Text) -> str:
        """Return words with escapes."""

    def leaf(self, phrase: ast.Phrase) -> str:
        """Return a tag, a token or a break."""
        match phrase:
            case ast.Break():
                return "BREAK"
            case ast.Lora(name, text_encoder, unet):
                both = (text_encoder,) if text_encoder == unet else (text_encoder, unet)
                return self.lora(phrase, f"<lora:{':'.join([name, *map(format_amount, both)])}>")
            case ast.Embedding(name):
                return self.token(phrase, f"<{name}>", _TOKEN_NAME)
            case ast.Trigger(name):
                return f"<trigger:{name}>"
            case ast.Area(left, right, top, bottom, feather):
                tail = f":feather={format_number(feather)}" if feather else ""
                return f"<area:{','.join(map(format_number, (left, right, top, bottom)))}{tail}>"
            case ast.Variant() | ast.Wildcard() | ast.Reference():
                return phrase.span.text
            case _:
                raise AssertionError(phrase)

    def token(self, token: ast.Embedding, written: str, readable: re.Pattern[str]) -> str:
        """Return a token as it is `written`, or its name as words if that is not read back."""
        if readable.fullmatch(token.name):
            return written
        self.report_unsupported(
            f"way to write the token `{token.name}`", token, "its name stays as words"
        )
        return self.text(ast.Text(token.name, span=token.span))

    def lora(self, lora: ast.Lora, written: str) -> str:
        """Return a LoRA's tag, or nothing if its name cannot stand in one."""
        if _LORA_NAME.fullmatch(lora.name):
            return written
        self.report_unsupported(f"way to write the LoRA `{lora.name}`", lora, "it is left out")
        return ""

    def brackets(self, node: ContainerNode) -> tuple[str, str]:
        """Return the brackets around a weighted phrase."""
        return ("[", "]") if isinstance(node, ast.Deemphasis) else ("(", ")")

    def weight(self, node: WeightedNode) -> str:
        """Return the text between a weighted phrase and its closing bracket."""
        if isinstance(node, ast.Deemphasis):
            return ""
        return self.bare_weight() if node.weight is None else f":{format_amount(node.weight)}"

    def bare_weight(self) -> str:
        """Return ``:1.1`` after a text that the bracket would read as its weight, otherwise ""."""
        return ":1.1" if NUMBER_AT_END.search(self.last) else ""

    def needs_nesting(self, node: ast.Schedule) -> bool:  # noqa: ARG002
        """Return whether all branches but the first become a nested schedule of the dialect."""
        return False

    def moment(self, when: ast.Moment) -> str:
        """Return the notation of a moment."""
        return format_moment(when)

    def period(self, node: ast.Alternation) -> str:
        """Return the end of an alternation."""
        return "]" if node.period is None else f":{self.moment(node.period)}]"

    def branch_separator(self, node: ast.Schedule | ast.Alternation, branch: int) -> str:
        """Return the text before a branch, counted from 0, that is not the first."""
        if isinstance(node, ast.Alternation):
            return "|"
        return ":[" if self.needs_nesting(node) and branch < len(node.branches) - 1 else ":"

    def moments(self, node: ast.Schedule) -> str:
        """Return the end of a schedule."""
        if self.needs_nesting(node):
            return "".join(f":{self.moment(each)}]" for each in reversed(node.moments))
        return f":{','.join(map(self.moment, node.moments))}]"

    def opened(self, node: ContainerNode) -> None:  # noqa: B027 most dialects need nothing here
        """Record an opening bracket."""

    # The common parts

    @property
    def last(self) -> str:
        """The last text that is no tag, since other tools remove tags before they read weights."""
        for text in self.out[self._searched :]:
            if text and not _TAG.fullmatch(text):
                self._last = text
        self._searched = len(self.out)
        return self._last

    def put(self, text: str) -> None:
        """Write a text, after a space if two words would become one."""
        if (
            text
            and self.out
            and _WORDS.fullmatch(self.out[-1][-1:] + text[:1])
            and "BREAK" in (self.out[-1], text)
        ):
            self.out.append(" ")
        if text:
            self.out.append(text)

    def report_unsupported(self, what: str, node: ast.Node, instead: str) -> None:
        """Report a feature that cannot be written."""
        self.diagnostics.add(messages.not_expressible(self.dialect, what, node.span, instead))

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """Write a prompt."""
        fitted = fit(prompt, self.dialect, self.supported)
        self.diagnostics.extend(fitted.diagnostics)
        self.composed = len(fitted.parts) > 1 and ast.Composition in self.supported
        self.has_step_changes = any(
            isinstance(node, ast.Schedule | ast.Alternation | ast.Stages | ast.Turns)
            for part in fitted.parts
            for node in ast.walk(part)
        )
        texts = [self._part(part) for part in fitted.parts]
        return self._composed(texts), tuple(self.diagnostics)

    def _composed(self, texts: list[str]) -> str:
        """Join the parts, with a space where a word would touch the ``AND``."""
        if ast.Composition not in self.supported:
            return ", ".join(text.strip() for text in texts) if len(texts) > 1 else texts[0]
        first, *others = texts
        out = [first]
        for text in others:
            out.append(" AND" if out[-1] and not out[-1][-1].isspace() else "AND")
            out.append(f" {text}" if _WORDS.fullmatch(f"D{text[:1]}") else text)
        return "".join(out)

    def _part(self, part: ast.Part) -> str:
        self.out = []
        self._last, self._searched = "", 0
        self.square_depth = 0
        self.weights = {}
        self.ranges = 0
        self.phrases(part.phrases)
        return self.finish_part("".join(self.out), part)

    def finish_part(self, text: str, part: ast.Part) -> str:
        """Return the text of a part with its weight."""
        if part.weight is not None:
            return f"{text.rstrip()} :{format_amount(part.weight)}"
        return f"{text} :1" if self.composed and self.ends_in_number(text) else text

    def ends_in_number(self, text: str) -> bool:
        """Return whether the end of a part would be read as its weight."""
        return NUMBER_AT_END.search(_TAG.sub("", text).rstrip()) is not None

    def phrases(self, phrases: Iterable[ast.Phrase]) -> None:
        """Write phrases one after the other."""
        for event in visit_phrases(phrases):
            match event:
                case Enter(node):
                    self._enter(node)
                case Leave(node):
                    self._leave(node)
                case ast.Text():
                    self.put(self.text(event))
                case ast.Opening() | ast.Closing():
                    self._range(event)
                case _:
                    self.put(self.leaf(event))

    def _enter(self, node: ContainerNode) -> None:
        match node:
            case ast.Branch():
                outer = self.inside[-1]
                assert isinstance(outer, ast.Schedule | ast.Alternation)
                branch = self.branches[-1]
                self.branches[-1] += 1
                self.out.append(self.branch_separator(outer, branch) if branch else "")
            case ast.Schedule() | ast.Alternation():
                self.out.append("[")
                self.square_depth += 1
                self.branches.append(0)
            case _:
                self.out.append(self.brackets(node)[0])
                self.square_depth += isinstance(node, ast.Deemphasis)
        self.inside.append(node)
        self.opened(node)

    def _leave(self, node: ContainerNode) -> None:
        self.inside.pop()
        match node:
            case ast.Emphasis() | ast.Deemphasis():
                self.out.append(self.weight(node) + self.brackets(node)[1])
                self.square_depth -= isinstance(node, ast.Deemphasis)
            case ast.Schedule() | ast.Alternation():
                self.out.append(
                    self.moments(node) if isinstance(node, ast.Schedule) else self.period(node)
                )
                self.square_depth -= 1
                self.branches.pop()

    def _range(self, node: ast.Opening | ast.Closing) -> None:
        match node:
            case ast.Opening(bracket, _, closes, closed):
                self.ranges += 1
                self.square_depth += bracket == "["
                self.out.append(bracket)
                if closed:
                    self.weights[closes] = node
            case ast.Closing(bracket, closes):
                self.ranges -= 1
                self.square_depth -= bracket == "]"
                weight = self.weights.pop(closes).weight
                bare = self.bare_weight() if bracket == ")" else ""
                self.out.append((bare if weight is None else f":{format_amount(weight)}") + bracket)
