"""DreamBooth: a copy of the whole UNet learns, and of the text encoder if it is to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path

from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn

from promptlang.plan import Train
from promptlang.teaching import Dreambooth

from ..files import replacing_folder
from ..models import BaseModel
from .adapters import learning
from .identity import RECORD
from .learner import Learner
from .texts import states


@contextmanager
def learner(step: Train, method: Dreambooth, base: BaseModel) -> Iterator[Learner]:  # noqa: ARG001
    """Copies of the networks that learn; the model itself is never touched."""
    unet = deepcopy(base.unet).requires_grad_(True)
    text_encoder = deepcopy(base.text_encoder).requires_grad_(True) if method.text_encoder else None
    yield Learner(
        unet=unet,
        write=partial(_write, base, unet, text_encoder),
        learned=learning(unet),
        text_learned=learning(text_encoder) if text_encoder else {},
        encode=partial(states, text_encoder) if text_encoder else None,
        base=partial(nullcontext, base.unet),
    )


def _write(
    base: BaseModel,
    unet: UNet2DConditionModel,
    text_encoder: nn.Module | None,
    folder: Path,
    metadata: Mapping[str, str],
) -> None:
    """A folder in diffusers' layout, whole or not at all: the base's, but for what has learned."""
    learned = ["unet", *(["text_encoder"] if text_encoder else [])]
    with replacing_folder(folder) as made:
        _copy(base.folder, made, learned)
        unet.save_pretrained(made / "unet")
        if text_encoder is not None:
            _write_text_encoder(base.folder / "text_encoder", text_encoder, made / "text_encoder")
        (made / RECORD).write_text(json.dumps(dict(sorted(metadata.items())), indent=1), "utf-8")


def _copy(base: Path, made: Path, learned: list[str]) -> None:
    """The index, and every part that it names but for those that have learned."""
    index = json.loads((base / "model_index.json").read_text("utf-8"))
    shutil.copyfile(base / "model_index.json", made / "model_index.json")
    for part in index:
        if part not in learned and (base / part).is_dir():
            shutil.copytree(base / part, made / part)


def _write_text_encoder(base: Path, text_encoder: nn.Module, folder: Path) -> None:
    """With the names that every version of transformers reads: from 5.6 on it writes others itself."""
    folder.mkdir()
    shutil.copyfile(base / "config.json", folder / "config.json")
    found = text_encoder.state_dict()
    tensors = {f"text_model.{name.removeprefix('text_model.')}": value.contiguous() for name, value in found.items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
