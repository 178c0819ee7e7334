"""What the writers of dialects with brackets share: round ones weigh, square ones change or weigh less."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as said
from promptlang.dialects.amounts import format_amount, format_moment, format_number
from promptlang.dialects.fitting import fit
from promptlang.syntax.visitor import ContainerNode, Enter, Leave, WeightedNode, visit_phrases

WriteResult = tuple[str, tuple[Diagnostic, ...]]
"""A text, and what of the prompt it does not say."""

NUMBER_AT_END = re.compile(r":\s*(?:[+-]?[.\d]+\s*)?\Z")
"""What a bracket that follows would take for its weight."""

_TAG = re.compile(r"<\w+:[^<>]*>")
_WORDS = re.compile(r"\w\w")


class PromptWriter(ABC):
    """Writes phrases one after the other, as A1111 does where a dialect says nothing else."""

    dialect: str
    supported: frozenset[type]

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.out: list[str] = []
        self.inside: list[ContainerNode] = []
        """What is open, outermost first."""
        self.square_depth = 0
        """How many square brackets are open, nested or not."""
        self.branches: list[int] = []
        """For each that is nested, how many branches are written."""
        self.weights: dict[int, ast.Opening] = {}
        self.ranges = 0
        """How many brackets are open that cross others or are never closed."""
        self.composed = self.has_step_changes = False
        """Whether the prompt has several parts, and whether anything in it changes over the steps."""

    # What a dialect writes in its own way

    @abstractmethod
    def text(self, text: ast.Text) -> str:
        """Words, with what would be misread escaped."""

    def leaf(self, phrase: ast.Phrase) -> str:
        """A tag, a token, a break."""
        match phrase:
            case ast.Break():
                return "BREAK"
            case ast.Lora(name, text_encoder, unet):
                both = (text_encoder,) if text_encoder == unet else (text_encoder, unet)
                return f"<lora:{':'.join([name, *map(format_amount, both)])}>"
            case ast.Embedding(name):
                return f"<{name}>"
            case ast.Trigger(name):
                return f"<trigger:{name}>"
            case ast.Area(left, right, top, bottom, feather):
                tail = f":feather={format_number(feather)}" if feather else ""
                return f"<area:{','.join(map(format_number, (left, right, top, bottom)))}{tail}>"
            case ast.Variant() | ast.Wildcard() | ast.Reference():
                return phrase.span.text
            case _:
                raise AssertionError(phrase)

    def brackets(self, node: ContainerNode) -> tuple[str, str]:
        """What a weight stands in."""
        return ("[", "]") if isinstance(node, ast.Deemphasis) else ("(", ")")

    def weight(self, node: WeightedNode) -> str:
        """What stands between a phrase and the bracket that closes it."""
        if isinstance(node, ast.Deemphasis):
            return ""
        return self.bare_weight() if node.weight is None else f":{format_amount(node.weight)}"

    def bare_weight(self) -> str:
        """The same for a bracket without a number: one has to be written after what would be taken for it."""
        return ":1.1" if NUMBER_AT_END.search(self.last) else ""

    def needs_nesting(self, node: ast.Schedule) -> bool:  # noqa: ARG002
        """Whether it has more phases than the dialect allows, so that all but the first are one of their own."""
        return False

    def moment(self, when: ast.Moment) -> str:
        """When something changes."""
        return format_moment(when)

    def period(self, node: ast.Alternation) -> str:
        """The end of an alternation."""
        return "]" if node.period is None else f":{self.moment(node.period)}]"

    def branch_separator(self, node: ast.Schedule | ast.Alternation, branch: int) -> str:
        """What stands before a branch, counted from 0, that is not the first."""
        if isinstance(node, ast.Alternation):
            return "|"
        return ":[" if self.needs_nesting(node) and branch < len(node.branches) - 1 else ":"

    def moments(self, node: ast.Schedule) -> str:
        """The end of a schedule."""
        if self.needs_nesting(node):
            return "".join(f":{self.moment(each)}]" for each in reversed(node.moments))
        return f":{','.join(map(self.moment, node.moments))}]"

    def opened(self, node: ContainerNode) -> None:  # noqa: B027 most dialects need nothing here
        """A bracket opens."""

    # What they share

    @property
    def last(self) -> str:
        """What was written last, but for tags, which other tools cut out before they look."""
        return next((text for text in reversed(self.out) if text and not _TAG.fullmatch(text)), "")

    def put(self, text: str) -> None:
        """Write, with a space where two words would become one."""
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
        """Note that something cannot be written."""
        self.found.append(said.not_expressible(self.dialect, what, node.span, instead))

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """All of a prompt."""
        fitted = fit(prompt, self.dialect, self.supported)
        self.found += fitted.diagnostics
        self.composed = len(fitted.parts) > 1 and ast.Composition in self.supported
        self.has_step_changes = any(
            isinstance(node, ast.Schedule | ast.Alternation | ast.Stages | ast.Turns)
            for part in fitted.parts
            for node in ast.walk(part)
        )
        texts = [self._part(part) for part in fitted.parts]
        return self._composed(texts), tuple(self.found)

    def _composed(self, texts: list[str]) -> str:
        """The parts, with a space where a word would touch the ``AND``."""
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
        self.square_depth = 0
        self.weights = {}
        self.ranges = 0
        self.phrases(part.phrases)
        return self.finish_part("".join(self.out), part)

    def finish_part(self, text: str, part: ast.Part) -> str:
        """A part with its weight."""
        if part.weight is not None:
            return f"{text.rstrip()} :{format_amount(part.weight)}"
        return f"{text} :1" if self.composed and self.ends_in_number(text) else text

    def ends_in_number(self, text: str) -> bool:
        """Whether the end of a part would be taken for its weight."""
        return NUMBER_AT_END.search(_TAG.sub("", text).rstrip()) is not None

    def phrases(self, phrases: Iterable[ast.Phrase]) -> None:
        """Each in turn."""
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
