"""Recipes that tune a model: what a YAML file says of its start, its data and its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.training.fields import CLOSED, Count, Name, Positive, Seed, Share, Text, Weight
from models.training.saved_parts import Bias

TrainedPart = Literal["projector", "lora", "language_model"]
Precision = Literal["bf16", "fp16", "fp32"]
Attention = Literal["sdpa", "flash_attention_2", "eager"]
Sharding = Literal["none", "zero2", "zero3", "zero3_offload"]
Device = Literal["A6000", "A100", "H100", "H200"]
Section = Literal["findings", "impression", "findings+impression"]


@dataclass(frozen=True)
class Start:
    """What the first stage begins with: a checkpoint, or parts that are put together.

    ``checkpoint`` is a folder or hub id in one of Libra's or LLaVA-Med's layouts, with its
    ``base`` where it is an adapter or a projector. Without it ``language_model`` and
    ``vision_tower`` are such, and the projector between is new, or read from
    ``projector_weights``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    checkpoint: Text | None = None
    base: Text | None = None
    language_model: Text | None = None
    vision_tower: Text | None = None
    projector: Annotated[str, Field(pattern=r"^(TAC|linear|mlp[1-9][0-9]?x_gelu)$")] = "TAC"
    projector_weights: Text | None = None
    select_layer: int | Literal["all"] = "all"
    select_feature: Literal["patch", "cls_patch"] = "patch"
    image_aspect_ratio: Literal["pad", "square"] = "pad"


@dataclass(frozen=True)
class TuningData:
    """Which studies are learned from, and which validate.

    ``train`` and ``valid`` name files of studies (JSON Lines) or Libra's own JSON lists;
    ``${NAME}`` stands for an environment variable. A study with a question teaches its answer; any
    other one record for each of ``sections`` that its report has, asked for with ``context`` (its
    sections in this order; None for all, an empty list for none). ``split`` takes the studies of
    one split only from ``train``. ``canvas`` shows all images of a study side by side, as
    Med-CXRGen does. ``padding`` is the colour around images that are not square: the original
    trains with black. ``expected`` is how many training records the published run had.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    train: tuple[Text, ...]
    valid: tuple[Text, ...] = ()
    images: Text | None = None
    sections: tuple[Section, ...] = ("findings",)
    context: tuple[Text, ...] | None = None
    split: Text | None = None
    canvas: bool = False
    padding: Literal["black", "mean"] = "black"
    expected: Count | None = None


@dataclass(frozen=True)
class Lora:
    """Adapters on all linear layers of the language model but its head."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    rank: Count = 128
    alpha: Count = 256
    dropout: Share = 0.05
    bias: Bias = "none"


@dataclass(frozen=True)
class Validation:
    """How a stage is judged while it runs, on its ``valid`` studies.

    The loss is taken over ``studies`` records (the first ones; None for all). ``metrics`` are
    names of the ``metrics`` room, over reports generated for the first ``generated`` of them.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    studies: Count | None = None
    batch_size: Count = 4
    metrics: tuple[Text, ...] = ()
    generated: Count = 200
    max_new_tokens: Count = 256
    num_beams: Count = 1


@dataclass(frozen=True)
class PublishedCost:
    """What the authors say a stage took."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    hours: Positive
    device: Device
    devices: Count = 1


@dataclass(frozen=True)
class TuningStage:
    """One training run; it starts from the weights that the stage before ended with.

    Parameters
    ----------
    trains
        ``projector``; ``lora`` or ``language_model`` (all its weights); what is not named is
        frozen. The vision tower always is.
    batch_size, accumulation
        Records per device and step, and steps per update.
    learning_rate, projector_learning_rate
        After warm-up; the projector's is the same where it has none of its own.
    warmup_ratio
        Share of all updates that warm up.
    max_steps
        Updates; wins over ``epochs``.
    evaluate_every, save_every
        Updates between two evaluations and two saved states; below 1 a share of all.
    best_by
        ``loss``, or one of ``validation.metrics``: by what the best model is chosen and patience
        is counted.
    patience
        Evaluations without a better one after which training stops; None for never.
    image_cache_gb
        Keep decoded images on disk, up to so many gigabytes; None decodes them in every epoch.
    feature_cache
        Keep what the frozen tower makes of each image on disk (see docs/performance.md for when
        this pays).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    name: Name
    trains: tuple[TrainedPart, ...]
    data: TuningData | None = None
    epochs: Positive = 1.0
    max_steps: Count | None = None
    batch_size: Count = 16
    accumulation: Count = 1
    learning_rate: Positive = 2e-5
    projector_learning_rate: Positive | None = None
    weight_decay: Weight = 0.0
    warmup_ratio: Share = 0.03
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    max_grad_norm: Positive = 1.0
    precision: Precision = "bf16"
    attention: Attention = "sdpa"
    gradient_checkpointing: bool = True
    sharding: Sharding = "none"
    model_max_length: Count = 2048
    group_by_length: bool = True
    workers: Annotated[int, Field(ge=0, le=256)] = 4
    image_cache_gb: Positive | None = None
    feature_cache: bool = False
    validation: Validation = field(default_factory=Validation)
    evaluate_every: Positive = 0.01
    save_every: Positive = 2000.0
    best_by: Text = "loss"
    patience: Count | None = None
    report_to: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ()
    published: PublishedCost | None = None


@dataclass(frozen=True)
class TuningRecipe:
    """Everything that decides what a tuned model becomes, but the machine and the data's bytes.

    ``source`` says where the hyper-parameters are published; ``template`` is the conversation
    template of training. ``needs`` says for an environment variable that ``data`` reads how to get
    what it stands for.
    """

    name: Name
    source: tuple[Text, ...]
    seed: Seed
    start: Start
    template: Text
    stages: tuple[TuningStage, ...]
    data: TuningData | None = None
    lora: Lora = field(default_factory=Lora)
    needs: Mapping[str, str] = field(default_factory=dict)

    def data_of(self, stage: TuningStage) -> TuningData:
        """Return a stage's own data, else the recipe's."""
        found = stage.data or self.data
        if found is None:
            raise LookupError(f"Stage {stage.name!r} has no data.")
        return found
