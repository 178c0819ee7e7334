"""The tokenizer: CLIP's byte-pair encoding, cut short, with a token for each caption word."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

WHEEL = "open-clip-torch==3.3.0"
"""The package (MIT) that carries CLIP's list of merges; nothing of it is run."""

MERGES = 8000
"""The number of CLIP's merges that are kept."""


def make_tokenizer(packages: Path, folder: Path, words: Iterable[str] = ()) -> CLIPTokenizer:
    """Load the tokenizer in `folder`, or make it there: a model's tokens must keep their numbers.

    CLIP's first 8,000 merges make 8,514 tokens; further merges make each of `words` one token.
    """
    if (folder / "vocab.json").exists():
        tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
        return tokenizer
    return build(with_words(_merges(packages), words), folder)


def build(merges: Sequence[str], folder: Path) -> CLIPTokenizer:
    """Make a tokenizer of merges such as ``"ca t</w>"``, with files in `folder`."""
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["".join(pair.split()) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    text = json.dumps(vocabulary, ensure_ascii=False)
    (folder / "vocab.json").write_text(text, "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    tokenizer = CLIPTokenizer(*files, model_max_length=77)
    tokenizer.save_pretrained(folder)
    return tokenizer


def with_words(merges: Sequence[str], words: Iterable[str]) -> list[str]:
    """Append the merges that join the pieces of each word, from left to right."""
    longer = list(merges)
    ranks = {tuple(merge.split()): rank for rank, merge in enumerate(longer)}
    for word in words:
        pieces = _pieces(word, ranks)
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            ranks[pair] = len(longer)
            longer.append(" ".join(pair))
            pieces = _pieces(word, ranks)
    return longer


def _pieces(word: str, ranks: dict[tuple[str, ...], int]) -> list[str]:
    """Cut a word as byte-pair encoding does: the merge of least rank first."""
    pieces = [*word[:-1], f"{word[-1]}</w>"]
    while len(pieces) > 1:
        pairs = list(pairwise(pieces))
        best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        joined: list[str] = []
        while pieces:
            if tuple(pieces[:2]) == best:
                joined.append("".join(best))
                pieces = pieces[2:]
            else:
                joined.append(pieces.pop(0))
        pieces = joined
    return pieces


def _merges(packages: Path) -> list[str]:
    wheel = next(packages.glob("open_clip_torch-*.whl"), None) or _download(packages)
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read("open_clip/bpe_simple_vocab_16e6.txt.gz")).decode()
    return text.split("\n")[1 : 1 + MERGES]


def _download(packages: Path) -> Path:
    packages.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--dest", str(packages), WHEEL], check=True)
    return next(packages.glob("open_clip_torch-*.whl"))
