"""The scope at a place in a program: the settings, the base model, and adapters by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from promptlang import ast
from promptlang.analysis.includes import LocatedStatement
from promptlang.analysis.negative_prompts import (
    negatives_in_force,
    nested_texts,
    own_negatives,
    parse_negatives,
    unused_settings,
)
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.versioned_map import with_entry
from promptlang.analysis.world import PermissiveWorld, World
from promptlang.diagnostics import Severity
from promptlang.files import expand_home
from promptlang.plan.formats import WEIGHT_ENDINGS
from promptlang.plan.steps import EMOJI, Model
from promptlang.prompts.bare_tokens import read_bare_tokens
from promptlang.prompts.expansion import LetDefinition, Library
from promptlang.source import Span
from promptlang.syntax.prompt_parser import parse_prompt

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")

ADAPTERS = "adapters"
"""The folder beside a recipe with its LoRAs, trained or copied there."""

EMBEDDINGS = "embeddings"
"""The folder beside a recipe with its tokens, trained or copied there."""

MODELS = "models"
"""The folder beside a recipe with the models that it trains."""

OUTPUT = "out"
"""The folder beside a recipe for its pictures."""


def makes_lora(statement: ast.TrainDreambooth) -> bool:
    """Return whether a DreamBooth training makes a LoRA: ``--as lora``."""
    return OptionValues("train dreambooth", {}, statement.options).text("as") == "lora"


def companion_token(values: OptionValues) -> str | None:
    """Return the name of the token in ``--with-ti``, None without the option."""
    given = values.given("with-ti")
    return given.value.strip("<>") if isinstance(given, ast.Word) else None


def parse_active_loras(statement: ast.Statement) -> ast.Prompt | None:
    """Return ``--under``, the LoRAs that are applied during a training, as a prompt."""
    text = quoted_text(statement, "under")
    return None if text is None else parse_prompt(text, divided=False)[0]


def quoted_text(statement: ast.Statement, name: str) -> Span | None:
    """Return the text inside the quotes of a training's option, None if it is not given."""
    if not isinstance(statement, ast.Training):
        return None
    given = [option.value for option in statement.options if option.name == name]
    return given[-1].inside if given and isinstance(given[-1], ast.String) else None


@dataclass(frozen=True, slots=True)
class Scope:
    """The names and settings that the statements above have established."""

    folder: Path
    """The folder in which relative paths start."""
    model: Model = EMOJI
    settings: Mapping[str, ast.Value] = field(default_factory=dict)
    loras: Mapping[str, Path] = field(default_factory=dict)
    embeddings: Mapping[str, Path] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)
    """The models that have a name: trained above, or in the configured folders."""
    lets: Mapping[str, LetDefinition] = field(default_factory=dict)
    wildcards: Path | None = None
    """The folder in which ``__animal__`` is looked up."""
    has_rendered: bool = False
    """True after a prompt: its pictures will exist when the next statement runs."""
    world: World = field(default_factory=PermissiveWorld)

    def path(self, operand: ast.Word | ast.String) -> Path:
        """Return the path of a file or folder that the program names."""
        return self.folder / expand_home(operand.value)

    def after(self, statement: ast.Statement) -> Scope:
        """Return the scope of the statements that follow."""
        match statement:
            case ast.UseModel(reference, options):
                return replace(self, model=_predicting(self.find_model(reference), options))
            case ast.UseVae(reference):
                return replace(self, model=replace(self.model, vae=self.path(reference)))
            case ast.Set(key, value):
                return replace(self, settings={**self.settings, key.value: value})
            case ast.TrainLora() | ast.TrainDreambooth() | ast.TrainTi():
                return self._with_trained(statement)
            case ast.UseLora(reference, name):
                path = self.path(reference)
                return self._with_lora(name.value if name else path.stem, path)
            case _:
                return self._with_names(statement)

    def _with_trained(self, statement: ast.Training) -> Scope:
        name, file = statement.name.value, self.file(statement)
        match statement:
            case ast.TrainTi():
                return replace(self, embeddings=with_entry(self.embeddings, name, file))
            case ast.TrainDreambooth() if not makes_lora(statement):
                return replace(self, models=with_entry(self.models, name, file))
            case _:
                token = companion_token(OptionValues("train lora", {}, statement.options))
                tokens = with_entry(self.embeddings, token, file) if token else self.embeddings
                return replace(self._with_lora(name, file), embeddings=tokens)

    def _with_lora(self, name: str, file: Path) -> Scope:
        return replace(self, loras=with_entry(self.loras, name, file))

    def _with_names(self, statement: ast.Statement) -> Scope:
        match statement:
            case ast.UseTi(reference, name):
                path = self.path(reference)
                token = name.value if name else path.stem
                return replace(self, embeddings=with_entry(self.embeddings, token, path))
            case ast.Picture():
                return replace(self, has_rendered=True)
            case ast.UseWildcards(folder):
                return replace(self, wildcards=self.path(folder))
            case ast.Let(name, parameters, body):
                definition = LetDefinition(parameters, body, self.lets)
                return replace(self, lets=with_entry(self.lets, name.value, definition))
            case _:
                return self

    @property
    def library(self) -> Library:
        """The library in which templates look up names."""
        return Library(self.lets, self._lines)

    def _lines(self, pattern: str) -> Sequence[str]:
        return self.world.lines(self.wildcards, pattern) if self.wildcards is not None else ()

    def embedding(self, name: str) -> Path | None:
        """Return the file of a token, or that of a LoRA which contains the token, else None."""
        if name in self.embeddings:
            return self.embeddings[name]
        return next((file for file in self.loras.values() if name in self.world.tokens(file)), None)

    def with_tokens(self, prompt: ast.Prompt) -> ast.Prompt:
        """Return the prompt with bare names read as tokens under ``set bare-embeddings on``."""
        if not OptionValues("prompt", self.settings, ()).flag("bare-embeddings"):
            return prompt
        return read_bare_tokens(prompt, self.embeddings)

    def triggers(self, prompt: ast.Prompt) -> dict[str, str]:
        """Return the trigger words of the LoRAs that the prompt's trigger tags name."""
        names = {node.name for node in ast.walk(prompt) if isinstance(node, ast.Trigger)}
        return {name: self.world.triggers(self.loras[name]) for name in names if name in self.loras}

    @property
    def severity_of_missing(self) -> Severity | None:
        """The severity of an unknown adapter by ``set missing``, None for ``ignore``."""
        match self.settings.get("missing"):
            case ast.Word("warn"):
                return Severity.WARNING
            case ast.Word("ignore"):
                return None
            case _:
                return Severity.ERROR

    def find_model(self, reference: ast.Word | ast.String) -> Model:
        """Return the built-in model, a model of a folder or file, or else one of the hub.

        ``models/sd`` is a path if there is a folder `models`, whatever it holds.
        """
        if isinstance(reference, ast.Word) and reference.value == EMOJI.name:
            return EMOJI
        if reference.value in self.models:
            return Model(reference.value, self.models[reference.value])
        path = self.path(reference)
        if _HUB_ID.fullmatch(reference.value) and not (
            self.world.is_model(path) or self.world.is_folder(path.parent)
        ):
            return Model(reference.value, hub=True)
        return Model(path.stem if path.suffix.lower() in WEIGHT_ENDINGS else path.name, path)

    def optional_path(self, value: ast.Value | None) -> Path | None:
        """Return the path of the file or folder that an option names, else None."""
        return self.path(value) if isinstance(value, ast.Word | ast.String) else None

    def file(self, statement: ast.Training) -> Path:
        """Return the result of a training: a file, or the folder of a model."""
        name = statement.name.value
        match statement:
            case ast.TrainTi():
                return self.folder / EMBEDDINGS / f"{name}.safetensors"
            case ast.TrainDreambooth() if not makes_lora(statement):
                return self.folder / MODELS / name
            case _:
                is_folder = (
                    OptionValues("train lora", {}, statement.options).text("format") == "peft"
                )
                return self.folder / ADAPTERS / (name if is_folder else f"{name}.safetensors")


@dataclass(frozen=True, slots=True)
class ScopedStatement:
    """A statement with its scope."""

    statement: ast.Statement
    scope: Scope
    prompts: tuple[ast.Prompt, ...]
    """The prompts of the statement, and the texts of their variants, each read as a prompt."""
    negatives: tuple[ast.Prompt, ...] = ()
    """The negative prompts with which it renders, which are among `prompts`, too."""


def initial_scope(folder: Path, world: World) -> Scope:
    """Return the scope before the first statement, with the adapters and models that exist."""
    return Scope(
        folder,
        loras={**world.shelf("loras").files, **world.loras(folder / ADAPTERS)},
        embeddings={**world.shelf("embeddings").files, **world.embeddings(folder / EMBEDDINGS)},
        models={**world.shelf("models").files, **world.trained(folder / MODELS)},
        world=world,
    )


def with_scopes(statements: Iterable[LocatedStatement], scope: Scope) -> Iterator[ScopedStatement]:
    """Yield each statement with its scope."""
    located = list(statements)
    unused = unused_settings([each.statement for each in located])
    for index, placed in enumerate(located):
        here = replace(scope, folder=placed.folder)
        yield with_prompts(placed.statement, here, unused=index in unused)
        scope = replace(here.after(placed.statement), folder=scope.folder)


def with_prompts(
    statement: ast.Statement, scope: Scope, *, unused: bool = False
) -> ScopedStatement:
    """Return a statement with its prompts and the negative prompts in force.

    A ``set negative`` has a prompt of its own only if it is `unused` by the statements below.
    """
    texts = own_negatives(statement) if unused else negatives_in_force(statement, scope.settings)
    negatives = parse_negatives(texts)
    nested = (each for prompt in negatives for each in nested_texts(prompt))
    prompts = (*prompts_of(statement), *negatives, *nested)
    return ScopedStatement(statement, scope, prompts, negatives)


def prompts_of(statement: ast.Statement) -> Iterator[ast.Prompt]:
    """Yield the parts of a statement that are read as prompts."""
    under = parse_active_loras(statement)
    if under is not None:
        yield under
    if isinstance(statement, ast.Picture | ast.Let):
        yield statement.prompt
        yield from nested_texts(statement.prompt)


def _predicting(model: Model, options: tuple[ast.Option, ...]) -> Model:
    """Return a model with the prediction that ``use model x --prediction v`` states."""
    match OptionValues("use model", {}, options).given("prediction"):
        case ast.Word(prediction):
            return replace(model, prediction=prediction)
        case _:
            return model
