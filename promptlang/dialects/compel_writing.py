"""The writer of compel's syntax: flat prompts, whose chunks ``.and()`` combines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from promptlang import ast
from promptlang.diagnostics import Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.amounts import format_number
from promptlang.dialects.compel_text import MINUS, PLUS
from promptlang.dialects.fitting import fit
from promptlang.dialects.weighted_spans import WeightedPhrase, flatten_phrases, round_weight
from promptlang.dialects.writing import WriteResult
from promptlang.grammar import names
from promptlang.source import Span


class CompelWriter:
    """A writer of flat prompts, whose chunks ``.and()`` combines."""

    def __init__(self, dialect: str, supported: frozenset[type]) -> None:
        self._dialect, self._supported = dialect, supported
        self._diagnostics = Diagnostics()

    def write(self, prompt: ast.Prompt) -> WriteResult:
        """Write a prompt."""
        fitted = fit(prompt, self._dialect, self._supported)
        self._diagnostics.extend(fitted.diagnostics)
        chunks: list[list[WeightedPhrase]] = [[]]
        for part in fitted.parts:
            if chunks[-1]:
                chunks[-1].append(WeightedPhrase(ast.Text(", ", span=part.span), 1.0))
            for run in flatten_phrases(part.phrases):
                if isinstance(run.phrase, ast.Break):
                    chunks.append([])
                else:
                    chunks[-1].append(run)
        whole = len(chunks) == 1
        texts = [self._chunk(chunk, strict=not whole) for chunk in chunks]
        if whole:
            return texts[0], tuple(self._diagnostics)
        quoted = ", ".join(f'"{text.strip()}"' for text in texts)
        return f"({quoted}).and()", tuple(self._diagnostics)

    def _chunk(self, chunk: Iterable[WeightedPhrase], *, strict: bool) -> str:
        out: list[str] = []
        for run in chunk:
            text = self._run(run, strict=strict)
            if out and _needs_space(out[-1], text):
                out.append(" ")
            if text:
                out.append(text)
        return "".join(out)

    def _run(self, run: WeightedPhrase, *, strict: bool) -> str:
        match run.phrase:
            case ast.Lora(name, _, unet):
                return self._lora(run.phrase, name, unet)
            case ast.Embedding(name) as token:
                return _weighted(self._token(token), self._possible(run))
            case ast.Text(value) as text:
                if not value.strip():
                    return value
                weight = self._possible(run)
                return _weighted(self._escaped(text, strict=strict or weight != 1), weight)
            case _:
                raise AssertionError(run.phrase)

    def _token(self, token: ast.Embedding) -> str:
        if re.fullmatch(names.TOKEN_NAME, token.name):
            return f"<{token.name}>"
        what = f"way to write the token `{token.name}`"
        self._cannot(what, token.span, "its name stays as words")
        return self._escaped(ast.Text(token.name, span=token.span), strict=True)

    def _possible(self, run: WeightedPhrase) -> float:
        if run.weight >= 0:
            return run.weight
        self._cannot("weights below zero", run.phrase.span, "0 is written")
        return 0.0

    def _cannot(self, what: str, span: Span, instead: str) -> None:
        self._diagnostics.add(messages.not_expressible(self._dialect, what, span, instead))

    def _lora(self, node: ast.Lora, name: str, unet: ast.Amount) -> str:
        if not re.fullmatch(r"[\w-]+", name):
            self._cannot(
                "LoRA names with other than letters, digits, `_` and `-`",
                node.span,
                "it is left out",
            )
            return ""
        if node.text_encoder != unet:
            self._cannot(
                "strength of a LoRA for the text encoder alone", node.span, "the UNet's is kept"
            )
        return (
            f"withLora({name}, {format_number(round_weight(float(unet)))})"
            if isinstance(unet, float | int)
            else ""
        )

    def _escaped(self, text: ast.Text, *, strict: bool) -> str:
        """Escape brackets and quotes in words; signs that would weight a word are reported."""
        value = re.sub(r'\\+(?=[()"]|\Z)', "", text.value)
        value = re.sub(r"(?<=\S)(?:[+-]{2,}|[+-](?=[\s()\",.=+-]|\Z))", "", value)
        if strict:
            value = re.sub(r"=|(?<!\S)[+-]+(?=[\s()\",.=]|\Z)", "", value)
        if value != text.value:
            self._cannot("way to write these signs as characters", text.span, "they are left out")
        return re.sub(r'[()"]', r"\\\g<0>", value)


def _needs_space(before: str, after: str) -> bool:
    """Return whether two texts, one of them weighted, need a space between them."""
    weighted = any(text.startswith(("(", "with", "<")) for text in (after, before.lstrip()))
    return weighted and not (before[-1].isspace() or after[:1].isspace() or after[:1] in (",", ""))


def _weighted(text: str, weight: float) -> str:
    """Put a text in brackets with its weight; white space at its ends stays outside."""
    if weight == 1:
        return text
    core = text.strip()
    start = text.index(core) if core else 0
    sign = next(
        (
            mark * count
            for mark, base in (("+", PLUS), ("-", MINUS))
            for count in (1, 2)
            if weight == base**count
        ),
        "",
    )
    operator = sign or format_number(round_weight(weight))
    return f"{text[:start]}({core}){operator}{text[start + len(core) :]}"
