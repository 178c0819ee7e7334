"""Models of a hub, from the cache of huggingface_hub or from the network."""

from __future__ import annotations

from pathlib import Path

from diffusers import DiffusionPipeline
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.models import hub_unavailable
from promptlang.files import is_file
from promptlang.plan.formats import MODEL_INDEX
from promptlang.source import Span

from .networks import silence_libraries


def fetch_model_folder(name: str, span: Span) -> Path:
    """Return the folder of the model `org/name`, and download the model if it is not in the cache.

    huggingface_hub obeys `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_ENDPOINT` and `HF_TOKEN`.
    Raises `PromptError` if the model cannot be had.
    """
    return _find_cached(name) or _download(name, span)


def _find_cached(name: str) -> Path | None:
    """Return the folder in the cache; a pipeline there is taken to be whole, as by diffusers."""
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None
    return folder if is_file(folder / MODEL_INDEX) else None


def _download(name: str, span: Span) -> Path:
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
    except Exception as error:  # diffusers raises nearly anything on an odd `model_index.json`
        reason = "what the hub has is not a model in diffusers' layout"
        raise PromptError([hub_unavailable(name, reason, span)]) from error
