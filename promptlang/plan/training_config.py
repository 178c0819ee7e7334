"""The configuration of a training in resolved numbers: method, data, objective, optimizer.

A field that an option fills takes its default from the option's declaration in `promptlang.grammar`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from promptlang.grammar import vocabulary

UNUSED_GAMMA: Final = 5.0
"""The γ of an objective that weights all timesteps the same."""


def _declared(path: str, head: str = "train lora") -> Any:
    """Return the default that a statement's options declare for the field at `path`."""
    (option,) = vocabulary.field_options(path, head)
    return option.plain_default()


@dataclass(frozen=True, slots=True)
class Lora:
    """Small matrices beside a network's own (Hu et al. 2021, https://arxiv.org/abs/2106.09685), and their kin."""

    rank: int = _declared("method.rank")
    alpha: float = float(_declared("method.rank"))
    targets: str = _declared("method.targets")
    """Which layers: ``qv``, ``attn``, ``attn+ff`` or ``all``, or a regular expression that their names hold."""
    algo: str = _declared("method.algo")
    """``lora``, ``dora``, ``loha`` or ``lokr``."""
    rank_stabilised: bool = _declared("method.rank_stabilised")
    """alpha / √rank instead of alpha / rank (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732)."""
    text_encoder: bool = _declared("method.text_encoder")
    """Whether the text encoder learns, too."""
    layout: str = _declared("method.layout")
    """Of the file: ``kohya``, ``diffusers`` or ``peft``, which is a folder."""
    token: TextualInversion | None = None
    """What learns beside it at first, and is kept in its file: pivotal tuning, after Roich et al. 2021
    (https://arxiv.org/abs/2106.05744)."""


@dataclass(frozen=True, slots=True)
class Dreambooth:
    """The whole UNet (Ruiz et al. 2022, https://arxiv.org/abs/2208.12242)."""

    text_encoder: bool = _declared("method.text_encoder")
    """Whether the text encoder learns, too."""
    targets: str = _declared("method.targets", "train dreambooth")
    """Which layers learn, named as a LoRA's are; norms and biases are in none but ``all``."""


@dataclass(frozen=True, slots=True)
class TextualInversion:
    """Vectors for a new word, and nothing else (Gal et al. 2022, https://arxiv.org/abs/2208.01618)."""

    token: str
    """Without its angle brackets."""
    vectors: int = _declared("token.vectors")
    init: str = _declared("token.init")
    """The word to start from; its first vectors, again from the first where there are too few."""
    until: float = _declared("token.until", "train ti")
    """The share of the steps after which it stays as it is."""


Method = Lora | Dreambooth | TextualInversion


def token_of(method: Method) -> TextualInversion | None:
    """The token that a method teaches."""
    match method:
        case TextualInversion():
            return method
        case Lora(token=token):
            return token
        case _:
            return None


@dataclass(frozen=True, slots=True)
class DataConfig:
    """The pictures, and what is said of them."""

    folder: Path
    template: str | None = _declared("data.template")
    """What is said instead of a picture's caption, which ``${caption}`` in it stands for."""
    dropout: float = _declared("data.dropout")
    """How often a picture goes without its caption."""
    shuffle: bool = _declared("data.shuffle")
    """Whether what stands between a caption's commas changes places."""
    keep: int = _declared("data.keep")
    """How many of them stay where they are, at the front."""
    flip: bool = _declared("data.flip")
    """Whether every other picture is mirrored."""
    buckets: bool = _declared("data.buckets")
    """Whether a picture keeps its shape, as near as may be, instead of being cut to a square."""
    alpha_mask: bool = _declared("data.alpha_mask")
    """Whether what is transparent teaches nothing, instead of being white."""
    validation: Path | None = None
    """A folder of pictures that are only looked at."""
    held_out: float = _declared("data.held_out")
    """The share of the pictures that is only looked at."""
    crop: float = _declared("data.crop")
    """How much smaller the part of a picture that is seen can be, somewhere in it."""
    jitter: float = _declared("data.jitter")
    """How far brightness, contrast and saturation go: at 1 from a half to twice."""
    pixel_noise: float = _declared("data.pixel_noise")
    """Standard deviation, of the range from black to white."""
    variants: int = 1
    """In how many ways a picture is seen, the first of which is the picture itself."""

    @property
    def without_augmentation(self) -> DataConfig:
        """The same, with every picture as it is."""
        return replace(self, crop=0.0, jitter=0.0, pixel_noise=0.0, variants=1)


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """What the model should go on thinking of others of the kind."""

    weight: float = _declared("prior.weight")
    """Of their loss, that of the pictures being 1."""
    text: str = _declared("prior.text")
    """What they are called."""
    folder: Path | None = None
    """Pictures of them; without any, the base model's own prediction is what should stay."""
    ratio: float = _declared("prior.ratio")
    """How many of them are seen for each picture that is learned from."""


@dataclass(frozen=True, slots=True)
class ObjectiveConfig:
    """What is made small."""

    loss: str = _declared("objective.loss")
    """``mse``, ``l1``, ``huber`` or ``cosine``."""
    cosine_weight: float = _declared("objective.cosine_weight")
    """λ in ``mse + λ·(1 − cos)``."""
    weighting: str = "none"
    """By timestep: ``none``, ``min-snr``, ``soft-min-snr`` or ``debiased``."""
    gamma: float = UNUSED_GAMMA
    """The signal-to-noise ratio at which the first two turn."""
    noise_offset: float = _declared("objective.noise_offset")
    """How much of a picture's noise is the same at every place."""
    multires: float = _declared("objective.multires")
    """How much coarser noise adds at each level, relative to the one before."""
    perturbation: float = _declared("objective.perturbation")
    """How much noise is in the input that the target knows nothing of."""


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """How it is made small."""

    learning_rate: float = _declared("optimisation.learning_rate")
    text_encoder_rate: float = learning_rate / 10
    token_rate: float = _declared("optimisation.token_rate")
    """Of a token beside a LoRA."""
    optimizer: str = _declared("optimisation.optimizer")
    weight_decay: float = _declared("optimisation.weight_decay")
    scheduler: str = _declared("optimisation.scheduler")
    warmup: int = _declared("optimisation.warmup")
    """Steps over which the learning rate rises."""
    cycles: int = _declared("optimisation.cycles")
    """Of ``cosine-restarts``."""
    steps: int = _declared("optimisation.steps")
    batch: int = _declared("optimisation.batch")
    """Pictures that are computed at a time."""
    accumulate: int = _declared("optimisation.accumulate")
    """Batches to a step."""
    clip: float = _declared("optimisation.clip")
    """The longest gradient; 0 for any."""
    ema: float = _declared("optimisation.ema")
    """How much of the average of all steps so far stays at each; 0 keeps the last step's numbers."""
    kept: str = _declared("optimisation.kept")
    """What is kept: that of the ``last`` step, or the ``best`` by validation."""
    gradient_checkpointing: bool = _declared("optimisation.gradient_checkpointing")
    """Whether activations are computed a second time instead of being kept."""
    precision: str | None = _declared("optimisation.precision")
    """What is computed with: ``fp32``, ``fp16`` or ``bf16``; None for what is fastest on the device and safe."""
    packed: str | None = _declared("optimisation.packed")
    """How the frozen weights are kept: ``int8``, ``fp8``, or None for the numbers that are computed with."""
    attention: str = _declared("optimisation.attention")
    """What computes it: ``sdpa``, which is PyTorch's own, or ``xformers``."""
    part_rates: tuple[tuple[str, float], ...] = ()
    """Learning rates of the UNet's parts ``down``, ``mid``, ``up``, where they are others; at 0 one stays as it is."""

    @property
    def pictures_per_step(self) -> int:
        """To a step."""
        return self.batch * self.accumulate


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """All of a training that decides its numbers, beside the model and the pictures themselves."""

    method: Method
    data: DataConfig
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimisation: OptimizerConfig = field(default_factory=OptimizerConfig)
    prior: PriorConfig | None = None
    seed: int = _declared("seed")
    clip_skip: int = _declared("clip_skip")
    """Which of the text encoder's layers is read, the last being 1."""
