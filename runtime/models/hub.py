"""Models of a hub: huggingface_hub's cache, and the network where it is allowed."""

from __future__ import annotations

from pathlib import Path

from diffusers import DiffusionPipeline
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.models import hub_unavailable
from promptlang.plan.formats import MODEL_INDEX
from promptlang.source import Span

from .networks import silence_libraries


def fetch_model_folder(name: str, span: Span) -> Path:
    """The folder that holds a model, `org/name`, fetched if need be; raises `PromptError` where it cannot be.

    `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_ENDPOINT` and `HF_TOKEN` mean what they mean to huggingface_hub.
    """
    return _cached(name) or _fetched(name, span)


def _cached(name: str) -> Path | None:
    """Diffusers' own fetching takes what a pipeline needs, and so what is there of one is taken for whole."""
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if (folder / MODEL_INDEX).is_file() else None


def _fetched(name: str, span: Span) -> Path:
    if constants.HF_HUB_OFFLINE:
        raise PromptError([hub_unavailable(name, "`HF_HUB_OFFLINE` forbids to fetch it", span)])
    try:
        with silence_libraries():
            return Path(DiffusionPipeline.download(name, use_safetensors=True))
    except (RepositoryNotFoundError, GatedRepoError) as error:
        raise PromptError(
            [hub_unavailable(name, "the hub has no such model, or not for you", span)]
        ) from error
    except (OSError, ValueError) as error:
        raise PromptError([hub_unavailable(name, "the hub cannot be reached", span)]) from error
