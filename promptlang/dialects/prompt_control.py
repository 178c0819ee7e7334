"""The dialect of comfyui-prompt-control: ComfyUI's, with changes at fractions of the steps."""

from __future__ import annotations

import re
from dataclasses import replace

from promptlang import ast
from promptlang.dialects import prompt_control_reading
from promptlang.dialects.amounts import format_amount, format_moment, to_constant
from promptlang.dialects.comfy import ComfyWriter
from promptlang.dialects.writing import WriteResult
from promptlang.syntax.visitor import WeightedNode

read = prompt_control_reading.read

_TOKEN_NAME = re.compile(r"[^:<>]+")
_TAG = re.compile(r"<\w+:")

ASSUMED_STEPS = 20
"""The number of steps by which a step is converted to a fraction."""


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for ``PC: Schedule Prompt`` and ``PC: Schedule LoRAs``."""
    return _PromptControlWriter().write(prompt)


class _PromptControlWriter(ComfyWriter):
    dialect = "prompt-control"
    supported = frozenset(
        {
            ast.Embedding,
            ast.Schedule,
            ast.Alternation,
            ast.Composition,
            ast.Break,
            ast.Lora,
            ast.Area,
            ast.Stages,
        }
    )

    def text(self, text: ast.Text) -> str:
        value = re.sub(r"\\(?=[\\\[\]:#()])|[()\[\]#]", r"\\\g<0>", text.value)
        value = value.replace(":", r"\:") if self.square_depth else value
        if "|" in value and self.square_depth:
            self.report_unsupported(
                "way to write `|` inside square brackets", text, "it is left out"
            )
            value = value.replace("|", "")
        if _TAG.search(text.value):
            self.report_unsupported("way to write a tag as text", text, "a space divides it")
            value = re.sub(r"<(?=\w)", "< ", value)
        if re.search(r"\b(?:AND|BREAK)\b", value):
            self.report_unsupported(
                "way to write `AND` or `BREAK` as words", text, "they are written small"
            )
            value = re.sub(r"\b(?:AND|BREAK)\b", lambda word: word.group().lower(), value)
        return self.escaped(text, value)

    def leaf(self, phrase: ast.Phrase) -> str:
        match phrase:
            case ast.Lora(name, text_encoder, unet):
                return self._lora(phrase, name, text_encoder, unet)
            case ast.Embedding(name):
                return self.token(phrase, f"<emb:{name}>", _TOKEN_NAME)
            case ast.Area(left, right, top, bottom, feather):
                if feather:
                    self.report_unsupported(
                        "feathering in fractions of the picture", phrase, "the edge is sharp"
                    )
                width = f"{format_amount(left)} {format_amount(right)}"
                return f"MASK({width}, {format_amount(top)} {format_amount(bottom)})"
            case _:
                return super().leaf(phrase)

    def _lora(self, node: ast.Lora, name: str, text_encoder: ast.Amount, unet: ast.Amount) -> str:
        """Write a LoRA: the UNet's strength first, and a schedule of tags for one that changes."""
        changing = next(
            (each for each in (unet, text_encoder) if isinstance(each, ast.Stages)), None
        )
        if changing is None:
            return self.lora(node, _tag(name, unet, text_encoder))
        strengths = [self._strengths(each, changing, node) for each in (unet, text_encoder)]
        tags = (_tag(name, *pair) for pair in zip(*strengths, strict=True))
        moments = ",".join(format_moment(self._fraction(each)) for each in changing.moments)
        return self.lora(node, f"[{':'.join(tags)}:{moments}]")

    def _strengths(self, amount: ast.Amount, like: ast.Stages, node: ast.Lora) -> tuple[float, ...]:
        if isinstance(amount, ast.Stages) and amount.moments == like.moments:
            return amount.values
        if amount != to_constant(amount):
            self.report_unsupported(
                "LoRA whose two strengths change at different moments",
                node,
                f"{to_constant(amount)} is kept",
            )
        return (to_constant(amount),) * len(like.values)

    def weight(self, node: WeightedNode) -> str:
        if isinstance(node, ast.Emphasis) and isinstance(node.weight, ast.Stages):
            moments = tuple(self._fraction(each) for each in node.weight.moments)
            inside = self.factors[-1]
            self.factors[-1] = (
                replace(inside, moments=moments) if isinstance(inside, ast.Stages) else inside
            )
        return super().weight(node)

    def needs_nesting(self, node: ast.Schedule) -> bool:
        return len(node.branches) > 3

    def moment(self, when: ast.Moment) -> str:
        return format_moment(self._fraction(when))

    def _fraction(self, when: ast.Moment) -> ast.Moment:
        """Convert a step to a fraction of `ASSUMED_STEPS`."""
        if when.fraction:
            return when
        self.report_unsupported(
            "moments counted in steps",
            when,
            f"{when.value / ASSUMED_STEPS:g} is right for {ASSUMED_STEPS} steps",
        )
        return replace(when, value=when.value / ASSUMED_STEPS, fraction=True)

    def period(self, node: ast.Alternation) -> str:
        if node.period is not None:
            return f":{self.moment(node.period)}]"
        self.report_unsupported(
            "alternation by steps",
            node,
            f"{1 / ASSUMED_STEPS:g} is right for {ASSUMED_STEPS} steps",
        )
        return f":{1 / ASSUMED_STEPS:g}]"

    def branch_separator(self, node: ast.Schedule | ast.Alternation, branch: int) -> str:
        """Return the separator; an empty choice has to be a space."""
        space = " " if isinstance(node, ast.Alternation) and self.last in ("|", "[") else ""
        return space + super().branch_separator(node, branch)


def _tag(name: str, unet: ast.Amount, text_encoder: ast.Amount) -> str:
    both = [unet] if unet == text_encoder else [unet, text_encoder]
    return f"<lora:{name}:{':'.join(map(format_amount, both))}>"
