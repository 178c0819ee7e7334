"""Completion of a line from the vocabulary and the LoRAs of the session."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from promptlang.files import printable
from promptlang.grammar import vocabulary
from promptlang.repl.commands import REPL_COMMANDS
from promptlang.source import Source
from promptlang.syntax.logical_lines import find_statement_head


class CompletionChoice(NamedTuple):
    """A word to offer, with a line about the word and other words that it is offered for."""

    word: str
    meaning: str = ""
    aliases: tuple[str, ...] = ()

    def continues(self, typed: str) -> bool:
        """Return whether the word or one of its aliases begins with the typed text."""
        names = (self.word, *self.aliases)
        return self.word != typed and any(name.lower().startswith(typed.lower()) for name in names)


_LORA = re.compile(r"<lora:([^:<>\s]*)$", re.IGNORECASE)
_OPTION = re.compile(r"(?<!\S)--([\w-]*)$")
_VALUE = re.compile(r"(?<!\S)--([\w-]+)\s+([\w-]*)$")
_SETTING = re.compile(r"^set\s+([\w-]*)$")
_MODEL = re.compile(r"^use\s+model\s+([\w-]*)$")


class PromptCompleter(Completer):
    """Completes statements, options and named values, settings, models, LoRAs and commands."""

    def __init__(self, loras: Callable[[], Sequence[str]]) -> None:
        self._loras = loras

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> Iterator[Completion]:
        """Yield the words that the text before the cursor may go on with."""
        typed, choices = self._choices(_logical_line(document.text_before_cursor))
        for choice in choices:
            if choice.continues(typed):
                yield Completion(
                    choice.word,
                    -len(typed),
                    display=printable(choice.word),
                    display_meta=choice.meaning,
                )

    def _choices(self, line: str) -> tuple[str, Iterable[CompletionChoice]]:
        """Return the typed part of a word, and the words to choose from."""
        if tag := _LORA.search(line):
            return tag[1], [CompletionChoice(name, "LoRA") for name in self._loras()]
        if option := _OPTION.search(line):
            return option[1], _documented(vocabulary.get_options(_head(line)))
        if (value := _VALUE.search(line)) and (named := _option(_head(line), value[1])):
            return value[2], [CompletionChoice(choice) for choice in named.choices]
        if setting := _SETTING.match(line):
            return setting[1], _documented(vocabulary.SETTINGS)
        if model := _MODEL.match(line):
            models = vocabulary.BUILTIN_MODELS
            return model[1], [CompletionChoice(name, "base model") for name in models]
        return line, _beginnings() if line else ()


def _logical_line(text: str) -> str:
    """Return the last logical line: a line with the indented lines that continue it."""
    return re.split(r"\n(?=\S)", text)[-1].lstrip()


def _head(line: str) -> str:
    statement = find_statement_head(Source(line).span(0, len(line)))
    return statement if statement in vocabulary.HEADS else "prompt"


def _option(head: str, written: str) -> vocabulary.Option | None:
    """Return the option that a name or an alias stands for."""
    name = vocabulary.option_aliases(head).get(written, written)
    return vocabulary.get_options(head).get(name)


def _documented(options: Mapping[str, vocabulary.Option]) -> list[CompletionChoice]:
    return [
        CompletionChoice(option.name, option.doc, option.aliases)
        for option in options.values()
        if option.available
    ]


def _beginnings() -> list[CompletionChoice]:
    heads = [each for each in vocabulary.HEADS if each not in vocabulary.UNAVAILABLE_STATEMENTS]
    return [
        *(CompletionChoice(each) for each in heads),
        *(CompletionChoice(f":{name}", doc) for name, doc in REPL_COMMANDS.items()),
    ]
