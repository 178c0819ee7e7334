"""Names of files and folders by which the formats of pictures, models and adapters are known."""

from __future__ import annotations

import re
from typing import Final

RECIPE_ENDING: Final = ".pl"
"""Ending of recipes, in lower case."""

PICTURE_ENDINGS: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
)
"""Endings of pictures to train on, in lower case."""

KOHYA_FOLDER: Final = re.compile(r"(\d+)_(.+)")
"""Name of a data set's folder in kohya's layout: ``10_a cat`` for ten repeats captioned `a cat`."""

WEIGHT_ENDINGS: Final = frozenset({".safetensors", ".ckpt", ".pt", ".pth"})
"""Endings of single files with a base model's weights, in lower case."""

EMBEDDING_ENDINGS: Final = frozenset({".safetensors", ".pt", ".bin"})
"""Endings of embedding files, in lower case."""

PICKLE_STARTS: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""First bytes of pickles of the protocols 2 to 5."""

TOKEN_TEXT: Final = "sd-ti-embedding"
"""Name of the PNG text in which A1111 stores a token's vectors in a preview of it."""

MODEL_INDEX: Final = "model_index.json"
"""File that marks a folder with a whole model in diffusers' layout."""

ADAPTER_CONFIG: Final = "adapter_config.json"
"""File that marks a folder with an adapter in PEFT's layout."""

NETWORKS: Final = ("unet", "text_encoder", "text_encoder_2")
"""Networks of a model that adapters change; in PEFT's layout each of several has a folder."""
