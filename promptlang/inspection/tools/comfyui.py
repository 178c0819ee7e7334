"""ComfyUI: the graph under ``prompt``, or in any other text that is one, or else the workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from promptlang.files import Json, UnreadableFileError
from promptlang.inspection import comfy
from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading


def read(texts: PictureTexts) -> Reading | None:
    """Read the first text in which something samples; graphs come before workflows."""
    failed = ""
    for name, describe in (*_named(texts, _is_graph, comfy.read), *_workflows(texts)):
        try:
            made = describe(texts.texts[name], texts.size)
        except (UnreadableFileError, comfy.NoGraphError) as error:
            failed = failed or f"the graph of ComfyUI in `{name}` cannot be read: {error}"
            continue
        info = FileInfo("picture by ComfyUI", made.rows, made.line, made.lost)
        return Reading(info, frozenset({name}))
    if failed:
        raise DamagedTextError(failed)
    return None


_Describe = Callable[[str, tuple[int, int] | None], comfy.Reading]


def _workflows(texts: PictureTexts) -> Iterator[tuple[str, _Describe]]:
    return _named(texts, _is_workflow, comfy.read_workflow)


def _named(
    texts: PictureTexts, accepts: Callable[[Mapping[str, Json]], bool], describe: _Describe
) -> Iterator[tuple[str, _Describe]]:
    yield from ((name, describe) for name, content in texts.objects() if accepts(content))


def _is_graph(content: Mapping[str, Json]) -> bool:
    """Return whether an object has a node of a type, or with inputs."""
    return any(
        isinstance(node, dict) and ("class_type" in node or isinstance(node.get("inputs"), dict))
        for node in content.values()
    )


def _is_workflow(content: Mapping[str, Json]) -> bool:
    return isinstance(content.get("nodes"), list)
