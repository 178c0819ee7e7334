"""The tokenizer: CLIP's own byte-pair encoding, cut to its first merges."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

WHEEL = "open-clip-torch==3.3.0"
"""The package (MIT) that carries CLIP's list of merges; nothing of it is run."""

MERGES = 8000


def make_tokenizer(packages: Path, folder: Path) -> CLIPTokenizer:
    """The tokenizer of 8,514 tokens, also written to `folder` as vocab.json and merges.txt."""
    merges = _merges(packages)
    letters = sorted(ByteLevel.alphabet())
    tokens = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        *("".join(pair.split()) for pair in merges),
    ]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False), "utf-8"
    )
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def _merges(packages: Path) -> list[str]:
    wheel = next(packages.glob("open_clip_torch-*.whl"), None) or _download(packages)
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read("open_clip/bpe_simple_vocab_16e6.txt.gz")).decode()
    return text.split("\n")[1 : 1 + MERGES]


def _download(packages: Path) -> Path:
    packages.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(packages),
        WHEEL,
    ]
    subprocess.run(command, check=True)
    return next(packages.glob("open_clip_torch-*.whl"))
