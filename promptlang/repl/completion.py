"""What may come next, from the vocabulary and from what the session has made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from promptlang.grammar import vocabulary
from promptlang.repl.commands import REPL_COMMANDS
from promptlang.source import Source
from promptlang.syntax.logical_lines import find_statement_head

CompletionChoice = tuple[str, str]
"""A word, and a line on what it is."""

_LORA = re.compile(r"<lora:([^:<>\s]*)$", re.IGNORECASE)
_OPTION = re.compile(r"(?<!\S)--([\w-]*)$")
_VALUE = re.compile(r"(?<!\S)--([\w-]+)\s+([\w-]*)$")
_SETTING = re.compile(r"^set\s+([\w-]*)$")
_MODEL = re.compile(r"^use\s+model\s+([\w-]*)$")


class PromptCompleter(Completer):
    """Completes heads, options and their named values, settings, models, LoRAs, and the REPL's commands."""

    def __init__(self, loras: Callable[[], Sequence[str]]) -> None:
        self._loras = loras

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> Iterator[Completion]:
        """The words that the text before the cursor may go on with."""
        typed, choices = self._choices(_logical_line(document.text_before_cursor))
        for word, meaning in choices:
            if word.lower().startswith(typed.lower()) and word != typed:
                yield Completion(word, -len(typed), display_meta=meaning)

    def _choices(self, line: str) -> tuple[str, Iterable[CompletionChoice]]:
        """What is typed of a word, and the words that it may become."""
        if tag := _LORA.search(line):
            return tag[1], [(name, "LoRA") for name in self._loras()]
        if option := _OPTION.search(line):
            return option[1], _documented(_options(line))
        if (value := _VALUE.search(line)) and value[1] in _options(line):
            return value[2], [(choice, "") for choice in _options(line)[value[1]].choices]
        if setting := _SETTING.match(line):
            return setting[1], _documented(vocabulary.SETTINGS)
        if model := _MODEL.match(line):
            return model[1], [(name, "base model") for name in vocabulary.BUILTIN_MODELS]
        return line, _beginnings() if line else ()


def _logical_line(text: str) -> str:
    """The last line that is not indented, with the indented ones that belong to it, up to the cursor."""
    return re.split(r"\n(?=\S)", text)[-1].lstrip()


def _options(line: str) -> dict[str, vocabulary.Option]:
    statement = find_statement_head(Source(line).span(0, len(line)))
    return vocabulary.get_options(statement if statement in vocabulary.HEADS else "prompt")


def _documented(options: dict[str, vocabulary.Option]) -> list[CompletionChoice]:
    return [(option.name, option.doc) for option in options.values() if option.available]


def _beginnings() -> list[CompletionChoice]:
    heads = [each for each in vocabulary.HEADS if each not in vocabulary.UNAVAILABLE_STATEMENTS]
    return [
        *((each, "") for each in heads),
        *((f":{name}", doc) for name, doc in REPL_COMMANDS.items()),
    ]
