"""What a training is, in resolved numbers: the method, what it learns from, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lora:
    """Small matrices beside a network's own (Hu et al. 2021, https://arxiv.org/abs/2106.09685), and their kin."""

    rank: int = 8
    alpha: float = 8.0
    targets: str = "attn"
    """Which layers: ``qv``, ``attn``, ``attn+ff`` or ``all``, or a regular expression that their names hold."""
    algo: str = "lora"
    """``lora``, ``dora``, ``loha`` or ``lokr``."""
    rank_stabilised: bool = False
    """alpha / √rank instead of alpha / rank (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732)."""
    text_encoder: bool = False
    """Whether the text encoder learns, too."""
    layout: str = "kohya"
    """Of the file: ``kohya``, ``diffusers`` or ``peft``, which is a folder."""
    token: TextualInversion | None = None
    """What learns beside it at first, and is kept in its file: pivotal tuning, after Roich et al. 2021
    (https://arxiv.org/abs/2106.05744)."""


@dataclass(frozen=True, slots=True)
class Dreambooth:
    """The whole UNet (Ruiz et al. 2022, https://arxiv.org/abs/2208.12242)."""

    text_encoder: bool = False
    """Whether the text encoder learns, too."""
    targets: str = "all"
    """Which layers learn, named as a LoRA's are; norms and biases are in none but ``all``."""


@dataclass(frozen=True, slots=True)
class TextualInversion:
    """Vectors for a new word, and nothing else (Gal et al. 2022, https://arxiv.org/abs/2208.01618)."""

    token: str
    """Without its angle brackets."""
    vectors: int = 1
    init: str = ""
    """The word to start from; its first vectors, again from the first where there are too few."""
    until: float = 1.0
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
    template: str | None = None
    """What is said instead of a picture's caption, which ``${caption}`` in it stands for."""
    dropout: float = 0.0
    """How often a picture goes without its caption."""
    shuffle: bool = False
    """Whether what stands between a caption's commas changes places."""
    keep: int = 0
    """How many of them stay where they are, at the front."""
    flip: bool = False
    """Whether every other picture is mirrored."""
    buckets: bool = False
    """Whether a picture keeps its shape, as near as may be, instead of being cut to a square."""
    alpha_mask: bool = False
    """Whether what is transparent teaches nothing, instead of being white."""
    validation: Path | None = None
    """A folder of pictures that are only looked at."""
    held_out: float = 0.0
    """The share of the pictures that is only looked at."""
    crop: float = 0.0
    """How much smaller the part of a picture that is seen can be, somewhere in it."""
    jitter: float = 0.0
    """How far brightness, contrast and saturation go: at 1 from a half to twice."""
    pixel_noise: float = 0.0
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

    weight: float = 1.0
    """Of their loss, that of the pictures being 1."""
    text: str = ""
    """What they are called."""
    folder: Path | None = None
    """Pictures of them; without any, the base model's own prediction is what should stay."""
    ratio: float = 1.0
    """How many of them are seen for each picture that is learned from."""


@dataclass(frozen=True, slots=True)
class ObjectiveConfig:
    """What is made small."""

    loss: str = "mse"
    """``mse``, ``l1``, ``huber`` or ``cosine``."""
    cosine_weight: float = 1.0
    """λ in ``mse + λ·(1 − cos)``."""
    weighting: str = "none"
    """By timestep: ``none``, ``min-snr``, ``soft-min-snr`` or ``debiased``."""
    gamma: float = 5.0
    """The signal-to-noise ratio at which the first two turn."""
    noise_offset: float = 0.0
    """How much of a picture's noise is the same at every place."""
    multires: float = 0.0
    """How much coarser noise adds at each level, relative to the one before."""
    perturbation: float = 0.0
    """How much noise is in the input that the target knows nothing of."""


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """How it is made small."""

    learning_rate: float = 1e-3
    text_encoder_rate: float = 1e-4
    token_rate: float = 5e-3
    """Of a token beside a LoRA."""
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    scheduler: str = "constant"
    warmup: int = 10
    """Steps over which the learning rate rises."""
    cycles: int = 3
    """Of ``cosine-restarts``."""
    steps: int = 400
    batch: int = 4
    """Pictures that are computed at a time."""
    accumulate: int = 1
    """Batches to a step."""
    clip: float = 1.0
    """The longest gradient; 0 for any."""
    ema: float = 0.0
    """How much of the average of all steps so far stays at each; 0 keeps the last step's numbers."""
    kept: str = "last"
    """What is kept: that of the ``last`` step, or the ``best`` by validation."""
    gradient_checkpointing: bool = False
    """Whether activations are computed a second time instead of being kept."""
    precision: str | None = None
    """What is computed with: ``fp32``, ``fp16`` or ``bf16``; None for what is fastest on the device and safe."""
    packed: str | None = None
    """How the frozen weights are kept: ``int8``, ``fp8``, or None for the numbers that are computed with."""
    attention: str = "sdpa"
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
    seed: int = 0
    clip_skip: int = 1
    """Which of the text encoder's layers is read, the last being 1."""
