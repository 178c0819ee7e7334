"""The options of ``train lora``, ``train dreambooth`` and ``train ti``."""

from __future__ import annotations

from .options import Kind, Option

_LORA, _DREAMBOOTH, _TI = "train lora", "train dreambooth", "train ti"
_ALL = (_LORA, _DREAMBOOTH, _TI)
_WEIGHTS = (_LORA, _DREAMBOOTH)

TARGETS: tuple[str, ...] = ("qv", "attn", "attn+ff", "all")
ALGORITHMS: tuple[str, ...] = ("lora", "dora", "loha", "lokr")
LAYOUTS: tuple[str, ...] = ("kohya", "diffusers", "peft")
QUANTIZATIONS: tuple[str, ...] = ("int8", "fp8")
LOSSES: tuple[str, ...] = ("mse", "l1", "huber", "cosine")
ATTENTION_BACKENDS: tuple[str, ...] = ("sdpa", "xformers")
OPTIMIZERS: tuple[str, ...] = (
    "adamw",
    "adamw8bit",
    "lion",
    "prodigy",
    "schedule-free",
    "adafactor",
)
LR_SCHEDULES: tuple[str, ...] = ("constant", "linear", "cosine", "cosine-restarts", "polynomial")

_METHODS: tuple[Option, ...] = (
    Option("rank", Kind.INTEGER, "how much a LoRA can hold", _WEIGHTS, 8, 1, 1024),
    Option(
        "alpha",
        Kind.NUMBER,
        "a LoRA's scale times its rank; the rank unless given",
        _WEIGHTS,
        None,
        0.001,
        4096,
    ),
    Option(
        "targets", Kind.PATTERN, "the layers that a LoRA changes", (_LORA,), "attn", choices=TARGETS
    ),
    Option(
        "targets",
        Kind.PATTERN,
        "the layers that learn; a LoRA's are `attn`",
        (_DREAMBOOTH,),
        None,
        choices=TARGETS,
    ),
    Option(
        "algo",
        Kind.CHOICE,
        "how a LoRA's weights are made up",
        _WEIGHTS,
        "lora",
        choices=ALGORITHMS,
    ),
    Option("rslora", Kind.FLAG, "a LoRA's scale is alpha / √rank", _WEIGHTS, "off"),
    Option("te", Kind.FLAG, "the text encoder learns, too", _WEIGHTS, "off"),
    Option(
        "te-lr", Kind.NUMBER, "its learning rate; a tenth unless given", _WEIGHTS, None, 1e-9, 1
    ),
    Option(
        "as",
        Kind.CHOICE,
        "what to make: a whole model, or a LoRA",
        (_DREAMBOOTH,),
        "model",
        choices=("model", "lora"),
    ),
    Option(
        "format", Kind.CHOICE, "the layout of a LoRA's file", _WEIGHTS, "kohya", choices=LAYOUTS
    ),
    Option(
        "with-ti",
        Kind.CHOICE,
        "a token that learns beside the LoRA, and is kept in its file",
        _WEIGHTS,
    ),
    Option(
        "ti-until",
        Kind.FRACTION,
        "the share of the steps after which the token stays as it is",
        _ALL,
        0.5,
        0,
        1,
    ),
    Option("ti-lr", Kind.NUMBER, "its learning rate beside a LoRA", _WEIGHTS, 5e-3, 1e-9, 10),
    Option("vectors", Kind.INTEGER, "vectors a token stands for", _ALL, 1, 1, 75),
    Option("init", Kind.WORDS, "the word, or words, to start from", _ALL),
    Option("on", Kind.FILE, "the model to train on, as `use model` names it", _ALL),
    Option("under", Kind.TEXT, "LoRAs that the model has on meanwhile", _ALL),
)

_DATA: tuple[Option, ...] = (
    Option(
        "prompt",
        Kind.TEXT,
        "what the pictures show; `${caption}` is each one's caption",
        (*_ALL, "check data"),
    ),
    Option(
        "caption-dropout",
        Kind.FRACTION,
        "how often a picture goes without its caption",
        _ALL,
        0.0,
        0,
        1,
    ),
    Option("shuffle-captions", Kind.FLAG, "what stands between commas changes places", _ALL, "off"),
    Option("keep-tokens", Kind.INTEGER, "how much of it stays in front", _ALL, 0, 0, 75),
    Option("flip", Kind.FLAG, "every other picture is mirrored", _ALL, "off"),
    Option(
        "buckets",
        Kind.FLAG,
        "pictures keep their shape instead of being cut to a square",
        _ALL,
        "off",
    ),
    Option(
        "crop",
        Kind.FRACTION,
        "part of a picture, that much smaller at most, anywhere in it",
        _ALL,
        0.0,
        0,
        0.9,
    ),
    Option(
        "colour-jitter",
        Kind.FRACTION,
        "brighter or darker, plainer or more colourful",
        _ALL,
        0.0,
        0,
        1,
    ),
    Option(
        "pixel-noise", Kind.FRACTION, "its standard deviation, of black to white", _ALL, 0.0, 0, 1
    ),
    Option(
        "variants",
        Kind.INTEGER,
        "ways in which these change a picture, itself being one",
        _ALL,
        8,
        2,
        1024,
    ),
    Option("alpha-mask", Kind.FLAG, "what is transparent teaches nothing", _ALL, "off"),
    Option("validation", Kind.FILE, "a folder of pictures that are only looked at", _ALL),
    Option(
        "hold-out",
        Kind.FRACTION,
        "the share of the pictures that is only looked at",
        _ALL,
        0.0,
        0,
        0.5,
    ),
    Option(
        "class",
        Kind.TEXT,
        "what others of its kind are called, which should stay as they are",
        _WEIGHTS,
    ),
    Option("class-data", Kind.FILE, "a folder of pictures of them", _WEIGHTS),
    Option(
        "class-count",
        Kind.INTEGER,
        "pictures of them that the model makes first",
        _WEIGHTS,
        None,
        1,
        1000,
    ),
    Option(
        "class-ratio",
        Kind.NUMBER,
        "how many of them are seen for each picture",
        _WEIGHTS,
        1.0,
        0.01,
        100,
    ),
    Option("prior", Kind.NUMBER, "how much they count", _WEIGHTS, None, 0, 100),
)

_OBJECTIVE: tuple[Option, ...] = (
    Option("loss", Kind.CHOICE, "how far off a prediction is", _ALL, "mse", choices=LOSSES),
    Option(
        "cosine-weight", Kind.NUMBER, "λ in `--loss cosine`: mse + λ·(1 − cos)", _ALL, 1.0, 0, 100
    ),
    Option("min-snr", Kind.NUMBER, "γ: steps with little noise count less", _ALL, None, 0.01, 1000),
    Option("soft-min-snr", Kind.NUMBER, "γ: the same, without a corner", _ALL, None, 0.01, 1000),
    Option("debiased", Kind.FLAG, "a step counts by the root of its noise", _ALL, "off"),
    Option("noise-offset", Kind.NUMBER, "for darker and brighter pictures", _ALL, 0.0, 0, 1),
    Option(
        "multires-noise",
        Kind.NUMBER,
        "coarser noise as well, each level so much of the last",
        _ALL,
        0.0,
        0,
        1,
    ),
    Option(
        "perturbation", Kind.NUMBER, "noise in the input that is not to be found", _ALL, 0.0, 0, 1
    ),
)

_OPTIMISATION: tuple[Option, ...] = (
    Option("seed", Kind.INTEGER, "what its random numbers start from", _ALL, 0, 0, 2**63 - 1),
    Option("lr", Kind.NUMBER, "learning rate", (_LORA,), 1e-3, 1e-9, 10),
    Option(
        "lr",
        Kind.NUMBER,
        "learning rate; for Stable Diffusion 2e-6",
        (_DREAMBOOTH,),
        1e-5,
        1e-9,
        10,
    ),
    Option("lr", Kind.NUMBER, "learning rate", (_TI,), 5e-3, 1e-9, 10),
    Option(
        "down-lr",
        Kind.NUMBER,
        "that of the UNet up to its middle; 0 leaves it as it is",
        _WEIGHTS,
        None,
        0,
        10,
    ),
    Option("mid-lr", Kind.NUMBER, "that of its middle", _WEIGHTS, None, 0, 10),
    Option("up-lr", Kind.NUMBER, "that of what comes after it", _WEIGHTS, None, 0, 10),
    Option("steps", Kind.INTEGER, "training steps", _ALL, 400, 1, 1_000_000),
    Option("batch", Kind.INTEGER, "pictures computed at a time", _ALL, 4, 1, 1024),
    Option("accumulate", Kind.INTEGER, "batches a training step", _ALL, 1, 1, 1024),
    Option(
        "optimizer",
        Kind.CHOICE,
        "what turns gradients into steps",
        _ALL,
        "adamw",
        choices=OPTIMIZERS,
    ),
    Option(
        "weight-decay",
        Kind.NUMBER,
        "how fast weights shrink; 0.01, of a token's vectors 0",
        _ALL,
        None,
        0,
        10,
    ),
    Option(
        "scheduler",
        Kind.CHOICE,
        "how the learning rate falls",
        _ALL,
        "constant",
        choices=LR_SCHEDULES,
    ),
    Option("warmup", Kind.INTEGER, "steps over which it rises at first", _ALL, 10, 0, 1_000_000),
    Option("cycles", Kind.INTEGER, "how often `cosine-restarts` begins", _ALL, 3, 1, 1000),
    Option("clip", Kind.NUMBER, "the longest gradient; 0 for any", _ALL, 1.0, 0, 1e9),
    Option(
        "ema",
        Kind.NUMBER,
        "keep a moving average of the steps, this much of it at each",
        _ALL,
        0.0,
        0,
        0.99999,
    ),
    Option(
        "samples",
        Kind.TEXT,
        "a prompt whose picture shows, at intervals, what has been learned",
        _ALL,
    ),
    Option(
        "sample-every",
        Kind.INTEGER,
        "steps between them; a quarter of all unless given",
        _ALL,
        None,
        1,
        1_000_000,
    ),
    Option(
        "keep",
        Kind.CHOICE,
        "the last step's, or the best by validation",
        _ALL,
        "last",
        choices=("last", "best"),
    ),
    Option(
        "base-precision",
        Kind.CHOICE,
        "the model's own weights, packed, where it is frozen",
        _ALL,
        choices=QUANTIZATIONS,
    ),
    Option(
        "attention",
        Kind.CHOICE,
        "what computes it: PyTorch itself, or a package",
        _ALL,
        "sdpa",
        choices=ATTENTION_BACKENDS,
    ),
    Option("gradient-checkpointing", Kind.FLAG, "less memory for a third more time", _ALL, "off"),
    Option("force", Kind.FLAG, "train again even if nothing has changed", _ALL, "off"),
)

TRAINING: tuple[Option, ...] = _METHODS + _DATA + _OBJECTIVE + _OPTIMISATION
