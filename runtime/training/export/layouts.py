"""A trained LoRA as a file: in the layout of kohya's tools, of diffusers, or as a folder of PEFT's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from promptlang.plan.training_config import Lora

from ...adapters import write_tensors
from ...atomic_files import replacing_folder
from ...models.loader import BaseModel
from ...models.networks import add_text_model_prefix
from ..peft_layers import ADAPTER_NAME
from ..state.fingerprint import write_record
from . import kohya

Layers = Mapping[str, BaseTunerLayer]


@dataclass(frozen=True, eq=False, slots=True)
class LoraWriter:
    """What has learned, by the part of the model."""

    method: Lora
    base: BaseModel
    networks: Mapping[str, nn.Module]
    """With PEFT's layers in them."""
    layers: Mapping[str, Layers]
    """Those, by name."""
    rows: Mapping[str, Tensor]
    """Of a token beside them, by their names in a file."""

    def write(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Whole or not at all."""
        match self.method.layout:
            case "peft":
                self._write_folder(file, metadata)
            case "diffusers":
                write_tensors(file, self._diffusers(), metadata)
            case _:
                write_tensors(file, self._kohya(), metadata)

    def _kohya(self) -> dict[str, Tensor]:
        tensors = {key: each.detach().clone() for key, each in self.rows.items()}
        for part, found in self.layers.items():
            tensors |= kohya.layer_tensors(
                kohya.module_names(self.base, part, found), found, self.method
            )
        return tensors

    def _diffusers(self) -> dict[str, Tensor]:
        """As ``load_lora_weights`` reads them. The scale is in `lora_B`, so that nobody needs to know an alpha."""
        rank, alpha = self.method.rank, self.method.alpha
        scale = alpha / (rank**0.5 if self.method.rank_stabilised else rank)
        return {
            f"{part}.{_prefixed(part, key)}": each * scale if ".lora_B." in key else each
            for part, network in self.networks.items()
            for key, each in _state(network).items()
        }

    def _write_folder(self, folder: Path, metadata: Mapping[str, str]) -> None:
        """As ``PeftModel.from_pretrained`` reads it; of several networks, a folder for each in it."""
        with replacing_folder(folder) as made:
            for part, network in self.networks.items():
                inside = made / part if len(self.networks) > 1 else made
                inside.mkdir(exist_ok=True)
                network.peft_config[ADAPTER_NAME].save_pretrained(str(inside))
                state = {f"base_model.model.{key}": each for key, each in _state(network).items()}
                save_file(state, inside / "adapter_model.safetensors", {"format": "pt"})
            write_record(made, metadata)


def _prefixed(part: str, key: str) -> str:
    """Of a text encoder the name that every version of transformers reads."""
    return key if part == "unet" else add_text_model_prefix(key)


def _state(network: nn.Module) -> dict[str, Tensor]:
    state = get_peft_model_state_dict(network, adapter_name=ADAPTER_NAME)
    return {key: each.detach().float().clone().contiguous() for key, each in state.items()}
