"""The options of a training that choose the method and the adapter, and the fields they fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .choices import ALGORITHMS, LAYOUTS, TARGETS
from .options import Conflict, Given, Kind, Option, Requirement, default_of

LORA, DREAMBOOTH, TI = "train lora", "train dreambooth", "train ti"
ALL = (LORA, DREAMBOOTH, TI)
WEIGHTS = (LORA, DREAMBOOTH)
"""The trainings of a network's weights."""

ONLY_LORA = Requirement((Given("as", ("lora",)),), heads=(DREAMBOOTH,))
"""The requirement of options that have no effect on a whole model."""

_ONLY_TOKEN = (ONLY_LORA, Requirement((Given("with-ti"),), heads=WEIGHTS))
ONE_RATE = Conflict(
    Given("optimizer", ("prodigy",)), "Prodigy estimates one learning rate for all parameters"
)
_FACTORED = Given("algo", ("loha", "lokr"))

METHODS: tuple[Option, ...] = (
    Option(
        "rank",
        Kind.INTEGER,
        "Rank of the LoRA matrices: a higher rank has more capacity.",
        WEIGHTS,
        8,
        low=1,
        high=1024,
        field="method.rank",
        requires=(ONLY_LORA,),
    ),
    Option(
        "alpha",
        Kind.NUMBER,
        "LoRA alpha: the update is scaled by alpha / rank.",
        WEIGHTS,
        default_doc="`--rank`",
        low=0.001,
        high=4096,
        field="method.alpha",
        requires=(ONLY_LORA,),
    ),
    Option(
        "targets",
        Kind.PATTERN,
        "Layers to train: a named group, or a regular expression on layer names.",
        WEIGHTS,
        "attn",
        choices=TARGETS,
        defaults=((DREAMBOOTH, "all"),),
        field="method.targets",
        long_doc="`qv` is the attention's queries and values, `attn` all its projections, "
        "`attn+ff` the feed-forward layers too, `all` every linear layer and convolution. "
        "`train dreambooth --as lora` has the default of `train lora`.",
    ),
    Option(
        "algo",
        Kind.CHOICE,
        "Adapter algorithm: LoRA, DoRA, LoHa or LoKr.",
        WEIGHTS,
        "lora",
        choices=ALGORITHMS,
        field="method.algo",
        requires=(ONLY_LORA,),
    ),
    Option(
        "rslora",
        Kind.FLAG,
        "Rank-stabilised LoRA: scale by alpha / √rank instead of alpha / rank.",
        WEIGHTS,
        "off",
        field="method.rank_stabilised",
        requires=(ONLY_LORA,),
        conflicts=(
            Conflict(
                _FACTORED, "the root of the rank is right for the product of two matrices only"
            ),
        ),
    ),
    Option(
        "te",
        Kind.FLAG,
        "Train the text encoder as well as the UNet.",
        WEIGHTS,
        "off",
        field="method.text_encoder",
    ),
    Option(
        "te-lr",
        Kind.NUMBER,
        "Learning rate of the text encoder; a tenth of `--lr` by default.",
        WEIGHTS,
        default_doc="`--lr` / 10",
        low=1e-9,
        high=1,
        field="optimisation.text_encoder_rate",
        requires=(Requirement((Given("te"),)),),
        conflicts=(ONE_RATE,),
        metadata=("ss_text_encoder_lr",),
    ),
    Option(
        "as",
        Kind.CHOICE,
        "Result of `train dreambooth`: a whole model, or a LoRA.",
        (DREAMBOOTH,),
        "model",
        choices=("model", "lora"),
    ),
    Option(
        "format",
        Kind.CHOICE,
        "File layout of the LoRA: kohya's, diffusers', or a PEFT folder.",
        WEIGHTS,
        "kohya",
        choices=LAYOUTS,
        field="method.layout",
        requires=(ONLY_LORA,),
        conflicts=(
            Conflict(_FACTORED, "the layout has no keys for LoHa and LoKr", values=("diffusers",)),
            Conflict(
                Given("with-ti"),
                "the layout has no place for a token's vectors",
                values=("diffusers", "peft"),
            ),
        ),
    ),
    Option(
        "with-ti",
        Kind.CHOICE,
        "Token to train together with the LoRA and to save in the LoRA's file.",
        WEIGHTS,
        default_doc="no token",
        field="method.token",
        requires=(ONLY_LORA,),
        conflicts=(
            Conflict(
                Given("optimizer", ("schedule-free",)),
                "a schedule-free average cannot stop half-way for the token",
            ),
        ),
        long_doc="This is pivotal tuning: the token stops learning after `--ti-until` of the "
        "steps, the LoRA goes on. Without `--prompt` each caption is `a picture of <token>`.",
    ),
    Option(
        "ti-until",
        Kind.FRACTION,
        "Share of the steps after which the token stops learning.",
        ALL,
        0.5,
        low=0,
        high=1,
        defaults=((TI, 1.0),),
        field="token.until",
        requires=_ONLY_TOKEN,
    ),
    Option(
        "ti-lr",
        Kind.NUMBER,
        "Learning rate of the token that is trained together with a LoRA.",
        WEIGHTS,
        5e-3,
        low=1e-9,
        high=10,
        field="optimisation.token_rate",
        requires=_ONLY_TOKEN,
        conflicts=(ONE_RATE,),
    ),
    Option(
        "vectors",
        Kind.INTEGER,
        "Number of embedding vectors of the token.",
        ALL,
        1,
        low=1,
        high=75,
        field="token.vectors",
        requires=_ONLY_TOKEN,
    ),
    Option(
        "init",
        Kind.WORDS,
        "Word or words whose embeddings initialise the token's vectors.",
        ALL,
        "",
        field="token.init",
        requires=_ONLY_TOKEN,
    ),
    Option(
        "on",
        Kind.FILE,
        "Base model to train on, named as in `use model`.",
        ALL,
        default_doc="the model in use",
    ),
    Option(
        "under",
        Kind.TEXT,
        "LoRAs that are active on the base model during training.",
        ALL,
        default_doc="none",
        requires=(ONLY_LORA,),
        long_doc='The text holds LoRA tags with constant strengths: `--under "<lora:ink:0.8>"`.',
    ),
)


def _declared(field: str, head: str = LORA) -> Any:
    return default_of(METHODS, field, head)


@dataclass(frozen=True, slots=True)
class TextualInversion:
    """New embedding vectors for a token (Gal et al. 2022, https://arxiv.org/abs/2208.01618)."""

    token: str
    """The name without angle brackets."""
    vectors: int = _declared("token.vectors", TI)
    init: str = _declared("token.init", TI)
    """Words whose vectors are the start, repeated from the first one if there are too few."""
    until: float = _declared("token.until", TI)
    """Share of the steps after which the vectors stop learning."""


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapter (Hu et al. 2021, https://arxiv.org/abs/2106.09685) or a variant of LoRA."""

    rank: int = _declared("method.rank")
    alpha: float = float(_declared("method.rank"))
    targets: str = _declared("method.targets")
    """Name of a group of layers, or a regular expression that is found in the layers' names."""
    algo: str = _declared("method.algo")
    rank_stabilised: bool = _declared("method.rank_stabilised")
    """alpha / √rank instead of alpha / rank (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732)."""
    text_encoder: bool = _declared("method.text_encoder")
    """True if the text encoder learns too."""
    layout: str = _declared("method.layout")
    """``kohya`` or ``diffusers`` for a file, ``peft`` for a folder."""
    token: TextualInversion | None = None
    """Token of pivotal tuning (after Roich et al. 2021, https://arxiv.org/abs/2106.05744)."""


@dataclass(frozen=True, slots=True)
class Dreambooth:
    """Fine-tuning of the whole UNet (Ruiz et al. 2022, https://arxiv.org/abs/2208.12242)."""

    text_encoder: bool = _declared("method.text_encoder", DREAMBOOTH)
    """True if the text encoder learns too."""
    targets: str = _declared("method.targets", DREAMBOOTH)
    """Layers to train, named as for `Lora`; only ``all`` includes norms and biases."""
