"""Tokenizers: a model's own, or CLIP's, which all families share and single files lack."""

from __future__ import annotations

import gzip
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from promptlang.files import UnreadableFileError, is_file, is_folder

from .families.family import CONFIGS

BEGIN: Final = "<|startoftext|>"
END: Final = "<|endoftext|>"


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load the tokenizer in a folder.

    Raises `UnreadableFileError` if the folder holds a pipe or another file that never ends.
    """
    for file in folder.iterdir():
        if not (is_file(file) or is_folder(file)):
            raise UnreadableFileError(f"`{file.name}` is not a file")
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    return tokenizer


@cache
def load_clip_tokenizer(pad: str) -> CLIPTokenizer:
    """Build CLIP's tokenizer of 49,408 tokens from its merges.

    Radford et al. 2021, https://arxiv.org/abs/2103.00020
    """
    merges = gzip.decompress((CONFIGS / "merges.txt.gz").read_bytes()).decode()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "merges.txt").write_text(merges, "utf-8")
        (folder / "vocab.json").write_text(json.dumps(_vocabulary(merges)), "utf-8")
        files = str(folder / "vocab.json"), str(folder / "merges.txt")
        return CLIPTokenizer(*files, model_max_length=77, pad_token=pad)


def _vocabulary(merges: str) -> dict[str, int]:
    """Return token ids: bytes as letters, the same at a word's end, merges, and the two marks."""
    letters = sorted(ByteLevel.alphabet())
    pairs = merges.splitlines()[1:]
    tokens = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        *(pair.replace(" ", "") for pair in pairs),
    ]
    return {token: number for number, token in enumerate([*tokens, BEGIN, END])}
