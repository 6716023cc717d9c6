"""Training recipes: what a YAML file says of data, sizes and stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.training.fields import CLOSED, Count, Name, Positive, Seed, Weight

Part = Literal["tower", "projector", "language_model", "lora"]
Subject = Literal["lesions", "changes", "wording", "reports"]


@dataclass(frozen=True)
class Data:
    """Which phantoms are learned from: ``studies`` drawn out of ``drawn_from``, of one seed.

    The draw favours studies that show much and changed much. ``valid_studies`` are the first of
    another seed's validation split, as they come.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    seed: Seed
    studies: Count
    drawn_from: Count
    valid_seed: Seed
    valid_studies: Count


@dataclass(frozen=True)
class TowerShape:
    """A Dinov2 tower; ``layer_scale`` is how strongly each block speaks at first."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    width: Count
    layers: Count
    heads: Count
    mlp_ratio: Count
    patch_size: Count
    image_size: Count
    layer_scale: Positive = 1.0


@dataclass(frozen=True)
class LanguageShape:
    """A LLaMA; ``vocabulary`` is the most tokens that its tokenizer may have."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    width: Count
    layers: Count
    heads: Count
    feed_forward: Count
    vocabulary: Annotated[int, Field(ge=261)]


@dataclass(frozen=True)
class LoraShape:
    """Rank and scale of the adapters that a stage with ``lora`` trains, merged at its end."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    rank: Count
    alpha: Count


@dataclass(frozen=True)
class Stage:
    """One training run.

    ``learns``: where the lesions of one image are (``lesions``); what a pair of images shows and
    how it changed (``changes``); reports from the findings in words, without images
    (``wording``); reports from a pair of images (``reports``). ``auxiliary_weight`` adds the
    target of ``changes`` to that of ``reports``; words of change count ``temporal_weight`` times.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED

    name: Name
    learns: Subject
    trains: tuple[Part, ...]
    steps: Count
    batch_size: Count
    learning_rate: Positive
    auxiliary_weight: Weight = 0.0
    temporal_weight: Weight = 1.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of a model, but the machine."""

    name: Name
    seed: Seed
    data: Data
    tower: TowerShape
    projector: str
    language_model: LanguageShape
    stages: tuple[Stage, ...]
    lora: LoraShape | None = None

    @property
    def reads_prior(self) -> bool:
        """Whether the model looks at a prior image at all."""
        return self.projector == "TAC"
