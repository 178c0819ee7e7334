"""The options of a training that control the optimizer and the steps, and their fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .choices import ATTENTION_BACKENDS, LR_SCHEDULES, OPTIMIZERS, QUANTIZATIONS
from .options import Conflict, Given, Kind, Option, Requirement, default_of
from .training_methods import ALL, DREAMBOOTH, METHODS, ONE_RATE, ONLY_LORA, TI, WEIGHTS

_SCHEDULE_FREE = Given("optimizer", ("schedule-free",))

OPTIMISATION: tuple[Option, ...] = (
    Option(
        "seed",
        Kind.INTEGER,
        "Seed of the training's random numbers.",
        ALL,
        0,
        low=0,
        high=2**63 - 1,
        field="seed",
        metadata=("ss_seed",),
    ),
    Option(
        "lr",
        Kind.NUMBER,
        "Learning rate of the UNet, or of the token in `train ti`.",
        ALL,
        1e-3,
        low=1e-9,
        high=10,
        defaults=((DREAMBOOTH, 1e-5), (TI, 5e-3)),
        field="optimisation.learning_rate",
        metadata=("ss_learning_rate", "ss_unet_lr"),
        long_doc="The defaults for LoRAs and tokens suit the built-in model; a tenth suits Stable "
        "Diffusion, and 2e-6 a whole model of Stable Diffusion. `--optimizer lion` takes a fifth "
        "of the default, `--optimizer prodigy` 1.",
    ),
    Option(
        "down-lr",
        Kind.NUMBER,
        "Learning rate of the UNet's down blocks; 0 freezes the blocks.",
        WEIGHTS,
        default_doc="`--lr`",
        low=0,
        high=10,
        field="optimisation.part_rates",
        conflicts=(ONE_RATE,),
        metadata=("promptlang_down_lr",),
    ),
    Option(
        "mid-lr",
        Kind.NUMBER,
        "Learning rate of the UNet's middle block; 0 freezes the block.",
        WEIGHTS,
        default_doc="`--lr`",
        low=0,
        high=10,
        field="optimisation.part_rates",
        conflicts=(ONE_RATE,),
        metadata=("promptlang_mid_lr",),
    ),
    Option(
        "up-lr",
        Kind.NUMBER,
        "Learning rate of the UNet's up blocks; 0 freezes the blocks.",
        WEIGHTS,
        default_doc="`--lr`",
        low=0,
        high=10,
        field="optimisation.part_rates",
        conflicts=(ONE_RATE,),
        metadata=("promptlang_up_lr",),
    ),
    Option(
        "steps",
        Kind.INTEGER,
        "Number of training steps.",
        ALL,
        400,
        low=1,
        high=1_000_000,
        field="optimisation.steps",
        metadata=("ss_steps",),
    ),
    Option(
        "batch",
        Kind.INTEGER,
        "Batch size: pictures in one forward pass.",
        ALL,
        4,
        low=1,
        high=1024,
        field="optimisation.batch",
    ),
    Option(
        "accumulate",
        Kind.INTEGER,
        "Gradient accumulation: batches per training step.",
        ALL,
        1,
        low=1,
        high=1024,
        field="optimisation.accumulate",
        metadata=("ss_gradient_accumulation_steps",),
    ),
    Option(
        "optimizer",
        Kind.CHOICE,
        "Optimizer; all but `adamw` and `adafactor` need the extra `optim`.",
        ALL,
        "adamw",
        choices=OPTIMIZERS,
        field="optimisation.optimizer",
        metadata=("ss_optimizer",),
    ),
    Option(
        "weight-decay",
        Kind.NUMBER,
        "Weight decay of the optimizer.",
        ALL,
        0.01,
        low=0,
        high=10,
        defaults=((TI, 0.0),),
        field="optimisation.weight_decay",
        long_doc="A token's vectors never decay together with a LoRA.",
    ),
    Option(
        "scheduler",
        Kind.CHOICE,
        "Learning-rate schedule after the warmup.",
        ALL,
        "constant",
        choices=LR_SCHEDULES,
        field="optimisation.scheduler",
        conflicts=(
            Conflict(
                _SCHEDULE_FREE,
                "the schedule-free optimizer replaces a schedule",
                values=LR_SCHEDULES[1:],
            ),
        ),
        metadata=("ss_lr_scheduler",),
    ),
    Option(
        "warmup",
        Kind.INTEGER,
        "Warmup: steps over which the learning rate rises linearly.",
        ALL,
        10,
        low=0,
        high=1_000_000,
        field="optimisation.warmup",
        metadata=("ss_lr_warmup_steps",),
    ),
    Option(
        "cycles",
        Kind.INTEGER,
        "Number of cycles of `--scheduler cosine-restarts`.",
        ALL,
        3,
        low=1,
        high=1000,
        field="optimisation.cycles",
        requires=(Requirement((Given("scheduler", ("cosine-restarts",)),)),),
    ),
    Option(
        "max-grad-norm",
        Kind.NUMBER,
        "Gradient clipping: the largest norm of the gradient; 0 turns clipping off.",
        ALL,
        1.0,
        low=0,
        high=1e9,
        aliases=("clip",),
        field="optimisation.clip",
        metadata=("ss_max_grad_norm",),
    ),
    Option(
        "ema",
        Kind.NUMBER,
        "Decay of the exponential moving average (EMA) of the weights; 0 turns EMA off.",
        ALL,
        0.0,
        low=0,
        high=0.99999,
        field="optimisation.ema",
        conflicts=(
            Conflict(_SCHEDULE_FREE, "the schedule-free optimizer averages the weights already"),
        ),
        long_doc="At step i, counted from 0, the decay is at most (1 + i) / (10 + i).",
    ),
    Option(
        "samples",
        Kind.TEXT,
        "Prompt of sample pictures that are rendered at intervals during training.",
        ALL,
        default_doc="no samples",
        long_doc="Each variant of the prompt is rendered before the first step, after every "
        "`--sample-every` steps and after the last step, into `NAME.report/samples`.",
    ),
    Option(
        "sample-every",
        Kind.INTEGER,
        "Number of steps between sample pictures.",
        ALL,
        default_doc="a quarter of the steps",
        low=1,
        high=1_000_000,
        requires=(Requirement((Given("samples"),)),),
    ),
    Option(
        "keep",
        Kind.CHOICE,
        "Weights to save: of the last step, or of the best validation loss.",
        ALL,
        "last",
        choices=("last", "best"),
        field="optimisation.kept",
        requires=(Requirement((Given("hold-out"), Given("validation")), values=("best",)),),
    ),
    Option(
        "base-precision",
        Kind.CHOICE,
        "Quantization of the UNet's frozen weights, which saves GPU memory.",
        ALL,
        choices=QUANTIZATIONS,
        default_doc="none",
        field="optimisation.packed",
        requires=(ONLY_LORA,),
        long_doc="Frozen linear layers and convolutions keep one byte per weight and a scale per "
        "output channel; each pass unpacks the weights, which costs time.",
    ),
    Option(
        "attention",
        Kind.CHOICE,
        "Attention implementation: PyTorch's `sdpa`, or the package `xformers`.",
        ALL,
        "sdpa",
        choices=ATTENTION_BACKENDS,
        field="optimisation.attention",
    ),
    Option(
        "gradient-checkpointing",
        Kind.FLAG,
        "Gradient checkpointing: less memory for about a third more time.",
        ALL,
        "off",
        field="optimisation.gradient_checkpointing",
        metadata=("ss_gradient_checkpointing",),
    ),
    Option("force", Kind.FLAG, "Train again even if the result is up to date.", ALL, "off"),
)


def _declared(field: str) -> Any:
    return default_of(OPTIMISATION, field)


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """Optimizer, learning rates, steps and number formats."""

    learning_rate: float = _declared("optimisation.learning_rate")
    text_encoder_rate: float = learning_rate / 10
    token_rate: float = default_of(METHODS, "optimisation.token_rate")
    """Learning rate of a token's vectors."""
    optimizer: str = _declared("optimisation.optimizer")
    weight_decay: float = _declared("optimisation.weight_decay")
    scheduler: str = _declared("optimisation.scheduler")
    warmup: int = _declared("optimisation.warmup")
    cycles: int = _declared("optimisation.cycles")
    steps: int = _declared("optimisation.steps")
    batch: int = _declared("optimisation.batch")
    accumulate: int = _declared("optimisation.accumulate")
    clip: float = _declared("optimisation.clip")
    """Largest norm of the gradient; 0 for no clipping."""
    ema: float = _declared("optimisation.ema")
    """Decay of the exponential moving average; 0 for none."""
    kept: str = _declared("optimisation.kept")
    """Weights to save: those of the ``last`` step, or the ``best`` by validation loss."""
    gradient_checkpointing: bool = _declared("optimisation.gradient_checkpointing")
    precision: str | None = None
    """``fp32``, ``fp16`` or ``bf16``; None for the fastest type that is safe on the device."""
    packed: str | None = None
    """``int8`` or ``fp8`` for frozen weights; None keeps them in the computation's type."""
    attention: str = _declared("optimisation.attention")
    part_rates: tuple[tuple[str, float], ...] = ()
    """Learning rates of the UNet's parts ``down``, ``mid``, ``up``; a part at 0 is frozen."""

    @property
    def pictures_per_step(self) -> int:
        """The number of pictures in a training step."""
        return self.batch * self.accumulate
