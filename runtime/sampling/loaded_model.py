"""A base model in memory, with its cached text encoders and the adapters read for it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from promptlang.diagnostics.adapters import FileRef
from promptlang.diagnostics.rendering import trained_with_other_clip_skip, trained_with_other_vae
from promptlang.plan.events import DiagnosticRaised, Event, TextReported
from promptlang.plan.steps import Adapter
from promptlang.source import Span

from ..adapters import LoraAdapter, TokenEmbedding, stamp
from ..conditioning.text_encoder import CachedTextEncoder, build_vocabulary
from ..models.families import TextEncoderSpec
from ..models.loader import BaseModel

AdapterT = TypeVar("AdapterT", LoraAdapter, TokenEmbedding)


@dataclass(frozen=True, eq=False, slots=True)
class LoadedModel:
    """A base model with its caches."""

    base: BaseModel
    encoders: tuple[CachedTextEncoder, ...]
    adapters: dict[object, Any] = field(default_factory=dict)
    """LoRAs and embeddings by reader, name and the stamp of their file."""

    @classmethod
    def of(cls, base: BaseModel) -> LoadedModel:
        """Return a base model with empty caches."""
        return cls(base, tuple(_encoder(base, spec) for spec in base.family.text_encoder_specs))

    def read_adapters(
        self,
        wanted: Sequence[Adapter],
        reader: Callable[[Adapter, BaseModel, Span], AdapterT],
        span: Span,
    ) -> Generator[Event, None, list[AdapterT]]:
        """Return adapters as their files are now; read those whose files are new or have changed.

        Yields a summary of each adapter read. Raises `PromptError`.
        """
        adapters: list[AdapterT] = []
        for adapter in wanted:
            key = reader, adapter.name, stamp(FileRef(adapter.file, span))
            if key not in self.adapters:
                self.adapters[key] = reader(adapter, self.base, span)
                yield TextReported(f"{adapter.name}: {self.adapters[key].summary}")
                if getattr(self.adapters[key], "vae", None) not in (None, self.base.vae_sha256):
                    yield DiagnosticRaised(
                        trained_with_other_vae(adapter.name, self.base.name, span)
                    )
            adapters.append(self.adapters[key])
        return adapters

    def warn_clip_skip(
        self, loras: Sequence[LoraAdapter], clip_skip: int, span: Span
    ) -> Iterator[Event]:
        """Warn, once each, of LoRAs that were trained with another layer of the text encoder."""
        first = max(encoder.min_clip_skip for encoder in self.encoders)
        for lora in loras:
            key = "clip skip", lora.name, lora.sha256, clip_skip
            if max(lora.clip_skip, first) != max(clip_skip, first) and key not in self.adapters:
                self.adapters[key] = None
                yield DiagnosticRaised(
                    trained_with_other_clip_skip(lora.name, lora.clip_skip, clip_skip, span)
                )


def _encoder(base: BaseModel, spec: TextEncoderSpec) -> CachedTextEncoder:
    return CachedTextEncoder(
        getattr(base, spec.component),
        build_vocabulary(getattr(base, spec.tokenizer)),
        component=spec.component,
        min_clip_skip=spec.min_clip_skip,
        applies_final_norm=spec.applies_final_norm,
    )
