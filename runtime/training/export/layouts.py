"""File layouts of a trained LoRA: kohya's, diffusers', and PEFT's, which is a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from promptlang.plan.training_config import Lora

from ...adapters import write_tensors
from ...atomic_files import replacing_folder
from ...models.loader import BaseModel
from ...models.networks import add_text_model_prefix
from ..peft_layers import ADAPTER_NAME, PeftLayer
from ..state.stored_result import write_record
from . import kohya

Layers = Mapping[str, PeftLayer]


@dataclass(frozen=True, eq=False, slots=True)
class LoraWriter:
    """Writer of a trained LoRA."""

    method: Lora
    base: BaseModel
    networks: Mapping[str, nn.Module]
    """Networks with PEFT's layers in them, by component."""
    layers: Mapping[str, Layers]
    """PEFT's layers by component, then by name."""
    token: Mapping[str, Tensor]
    """Vectors of a token that was trained beside the LoRA, by their keys in a file."""

    def write(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Write the LoRA in the method's layout, atomically."""
        match self.method.layout:
            case "peft":
                self._write_folder(file, metadata)
            case "diffusers":
                write_tensors(file, self._diffusers(), metadata)
            case _:
                write_tensors(file, self._kohya(), metadata)

    def _kohya(self) -> dict[str, Tensor]:
        tensors = {key: each.detach().clone() for key, each in self.token.items()}
        for component, layers in self.layers.items():
            names = kohya.module_names(self.base, component, layers)
            tensors |= kohya.layer_tensors(names, layers, self.method)
        return tensors

    def _diffusers(self) -> dict[str, Tensor]:
        """Return the tensors that ``load_lora_weights`` reads, with the scale in `lora_B`.

        The file has no alpha, so readers do not scale again.
        """
        rank, alpha = self.method.rank, self.method.alpha
        scale = alpha / (rank**0.5 if self.method.rank_stabilised else rank)
        return {
            f"{component}.{_prefixed(component, key)}": each * scale if ".lora_B." in key else each
            for component, network in self.networks.items()
            for key, each in _state(network).items()
        }

    def _write_folder(self, folder: Path, metadata: Mapping[str, str]) -> None:
        """Write a folder for ``PeftModel.from_pretrained``; several networks have subfolders."""
        with replacing_folder(folder) as made:
            for component, network in self.networks.items():
                inside = made / component if len(self.networks) > 1 else made
                inside.mkdir(exist_ok=True)
                peft_config: Any = network.peft_config
                peft_config[ADAPTER_NAME].save_pretrained(str(inside))
                state = {f"base_model.model.{key}": each for key, each in _state(network).items()}
                save_file(state, inside / "adapter_model.safetensors", {"format": "pt"})
            write_record(made, metadata)


def _prefixed(component: str, key: str) -> str:
    """Return a key that all versions of transformers read in a text encoder."""
    return key if component == "unet" else add_text_model_prefix(key)


def _state(network: nn.Module) -> dict[str, Tensor]:
    state = get_peft_model_state_dict(network, adapter_name=ADAPTER_NAME)
    return {key: each.detach().float().clone().contiguous() for key, each in state.items()}
