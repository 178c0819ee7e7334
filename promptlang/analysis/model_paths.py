"""The configured folders of models and adapters: the user's, and those of other tools."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from platformdirs import user_config_path

from promptlang.files import UnreadableFileError, Yaml, expand_home, is_file, parse_yaml, read_text
from promptlang.plan.formats import (
    ADAPTER_CONFIG,
    EMBEDDING_ENDINGS,
    MODEL_INDEX,
    NETWORKS,
    WEIGHT_ENDINGS,
)

MODEL_KINDS: Final = ("loras", "embeddings", "models")

SUFFIXES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "loras": frozenset({".safetensors", ".pt", ".ckpt", ".bin"}),
        "embeddings": EMBEDDING_ENDINGS,
        "models": WEIGHT_ENDINGS,
    }
)
"""The endings of file names by kind, in lower case."""

FOLDER_MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {"models": MODEL_INDEX, "loras": ADAPTER_CONFIG}
)
"""The file that marks a folder as a model or an adapter, by kind."""

A1111_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "loras": ("models/Lora", "models/LyCORIS"),
        "embeddings": ("embeddings",),
        "models": ("models/Stable-diffusion",),
    }
)
COMFY_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "loras": ("models/loras",),
        "embeddings": ("models/embeddings",),
        "models": ("models/checkpoints", "models/diffusers"),
    }
)
"""The folders by kind, below the root of the other tool."""

EXTRA_MODEL_PATHS: Final = "extra_model_paths.yaml"
_COMFY_KEYS: Final = {"loras": "loras", "embeddings": "embeddings", "models": "checkpoints"}
"""The keys in ComfyUI's `extra_model_paths.yaml`, by kind."""


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class ModelIndex:
    """The files of a kind by name: the stem, and the path without its ending, ``style/ink``."""

    files: Mapping[str, Path] = field(default_factory=dict)
    ambiguous: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Names that several files have."""


@dataclass(frozen=True)
class ModelPaths:
    """The folders of each kind, which are searched once."""

    folders: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @cached_property
    def shelves(self) -> Mapping[str, ModelIndex]:
        """The files in the folders and all folders below them, by kind."""
        return {kind: _index_folders(kind, self.folders.get(kind, ())) for kind in MODEL_KINDS}


def _index_folders(kind: str, folders: tuple[Path, ...]) -> ModelIndex:
    named: dict[str, list[Path]] = {}
    for folder in folders:
        for file in _files(folder, kind):
            for name in {file.stem, file.relative_to(folder).with_suffix("").as_posix()}:
                named.setdefault(name, []).append(file)
    found = {name: files[0] for name, files in named.items() if len(set(files)) == 1}
    return ModelIndex(
        found, {name: tuple(files) for name, files in named.items() if name not in found}
    )


def _files(folder: Path, kind: str) -> Iterator[Path]:
    """Yield weight files, and folders in the layout of diffusers or PEFT as a whole."""
    whole = find_model_folders(folder, kind, "**/") if kind in FOLDER_MARKERS else []
    yield from whole
    for file in sorted(folder.rglob("*")):
        if (
            file.suffix.lower() in SUFFIXES[kind]
            and is_file(file)
            and not any(each in file.parents for each in whole)
        ):
            yield file


def find_model_folders(folder: Path, kind: str, where: str) -> list[Path]:
    """Return the models or adapters of a kind that are folders below `folder`.

    `where` is a glob pattern for the place. An adapter for several networks has a folder for each,
    and the folder above them is returned. Hidden folders are left out: killed processes leave them.
    """
    found = (file.parent for file in sorted(folder.glob(f"{where}{FOLDER_MARKERS[kind]}")))
    several = (
        each.parent if each.name in NETWORKS and each.parent != folder else each for each in found
    )
    return [each for each in dict.fromkeys(several) if not each.name.startswith(".")]


def config_file() -> Path:
    """Return the path of the configuration: a TOML file in the platform's usual folder."""
    return user_config_path("promptlang") / "config.toml"


def load_model_paths(file: Path | None = None) -> ModelPaths:
    """Read a configuration, by default the user's; a missing file configures no folders.

    Raises `ConfigurationError` if it, or a file that it names, cannot be read.
    """
    file = file or config_file()
    try:
        content = _toml(file)
    except (ValueError, RecursionError) as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return ModelPaths()
        raise ConfigurationError(f"`{file}` cannot be read: {error}") from error
    keys = (*MODEL_KINDS, "a1111", "comfyui")
    unknown = content.keys() - {*keys}
    if unknown:
        known = ", ".join(f"`{each}`" for each in keys)
        raise ConfigurationError(
            f"`{file}` has the unknown key `{min(unknown)}`; the keys are {known}"
        )
    return ModelPaths(
        {kind: tuple(dict.fromkeys(_folders(kind, content, file))) for kind in MODEL_KINDS}
    )


def _toml(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(read_text(file))


def _folders(kind: str, content: Mapping[str, Any], file: Path) -> Iterator[Path]:
    for key, layout in {
        kind: (".",),
        "a1111": A1111_FOLDERS[kind],
        "comfyui": COMFY_FOLDERS[kind],
    }.items():
        for root in _paths(content.get(key, []), file):
            yield from (root / each for each in layout)
            if key == "comfyui":
                yield from _extra(kind, root / EXTRA_MODEL_PATHS)


def _paths(value: Any, file: Path) -> Iterator[Path]:
    """Yield one path or the paths of a list; relative ones start in the configuration's folder."""
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, str):
            raise ConfigurationError(
                f"`{file}` has `{each}` in the place of a folder; write the folder in quotes"
            )
        yield file.parent / expand_home(each)


def _extra(kind: str, file: Path) -> Iterator[Path]:
    """Yield the folders in ComfyUI's list: several lines for each kind, below a `base_path`."""
    if not is_file(file):
        return
    try:
        content = parse_yaml(read_text(file))
    except UnreadableFileError as error:
        raise ConfigurationError(f"`{file}` cannot be read: {error}") from error
    for section in _objects(content, file):
        base, written = section.get("base_path") or "", section.get(_COMFY_KEYS[kind])
        root = file.parent / expand_home(base if isinstance(base, str) else "")
        for text in written if isinstance(written, list) else [written]:
            lines = text.splitlines() if isinstance(text, str) else ()
            yield from (root / line.strip() for line in lines if line.strip())


def _objects(content: Yaml, file: Path) -> Iterator[dict[str, Yaml]]:
    """Yield the sections of ComfyUI's list; an empty one has no folders."""
    sections = content.values() if isinstance(content, dict) else [content]
    for section in sections:
        if isinstance(section, dict):
            yield section
        elif section is not None:
            raise ConfigurationError(
                f"`{file}` cannot be read: `{str(section)[:60]}` stands in the place of a section"
            )
