"""The tensors of a file or folder, and an account of which of them have been used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.source import Span

from .leftovers import telling_kind, unexplained
from .quantisation import Quantisation, QuantisedError, check_plain, find_quantisation
from .stored_weights import Places, StoredWeight


@dataclass(frozen=True, eq=False, slots=True)
class TensorStore:
    """The tensors of a model's file, or of the files of a component."""

    path: Path
    """The file or the component's folder, as messages name it."""
    tensors: Mapping[str, Tensor]
    quantisation: Quantisation
    span: Span
    used: set[str] = field(default_factory=set)
    """The keys that a network has taken, or that belong to a part that is not needed."""

    @classmethod
    def of(
        cls, path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], span: Span
    ) -> TensorStore:
        """Return a store; raises `PromptError` for a quantisation that is not read."""
        try:
            return cls(path, tensors, find_quantisation(tensors, metadata), span)
        except QuantisedError as error:
            raise PromptError([complaints.model_quantised(path, str(error), span)]) from error

    def take(self, places: Places) -> dict[str, StoredWeight]:
        """Return a network's weights by their names there; those that are not held are left out.

        Raises `PromptError` for a weight whose numbers are not read.
        """
        found: dict[str, StoredWeight] = {}
        try:
            for name, place in places.items():
                tensor = self.tensors.get(place.key)
                if tensor is None:
                    continue
                check_plain(place.key, tensor)
                scale = self.quantisation.scale(place.key, tensor)
                found[name] = StoredWeight(tensor, scale, place.third, place.transposed)
                self.used.add(place.key)
        except QuantisedError as error:
            raise PromptError(
                [complaints.model_quantised(self.path, str(error), self.span)]
            ) from error
        return found

    def pass_over(self, prefix: str) -> None:
        """Count the tensors of a part that is not needed as used."""
        self.used.update(key for key in self.tensors if key.startswith(prefix))

    def refuse_leftovers(self, kind: str | None, families: Collection[str]) -> None:
        """Raise `PromptError` for tensors that were not used and are not known to be harmless.

        `kind` names the model that does not take them, None for a component of a folder;
        `families` are the usable families.
        """
        scales = {scale for key, (scale, _) in self.quantisation.scales.items() if key in self.used}
        left = [key for key in self.tensors if key not in self.used and key not in scales]
        unused = list(unexplained(left))
        if not unused:
            return
        telling = next((found for key in unused if (found := telling_kind(key))), None)
        raise PromptError(
            [complaints.unsupported_model_family(self.path, telling, families, self.span)]
            if telling
            else [complaints.part_left_over(self.path, unused, self.span)]
            if kind is None
            else [complaints.tensors_left_over(self.path, unused, kind, self.span)]
        )
