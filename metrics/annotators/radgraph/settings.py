"""What an archive's configuration and label files say of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metrics.annotators.radgraph.archive import read_json
from metrics.errors import InputError

MODEL_TYPES = ("radgraph", "radgraph-xl", "modern-radgraph-xl", "echograph")
_NER, _RELATION = "__ner_labels.txt", "__relation_labels.txt"


@dataclass(frozen=True)
class Settings:
    """A model's sizes and labels.

    Parameters
    ----------
    model_type
        Chooses the rule that parts a text into words.
    dataset
        The prefix of the label files, part of the weights' names.
    encoder
        The encoder's name: a folder or a hub id.
    max_length
        Word pieces per encoder pass, special tokens included; None: any number.
    max_width
        Words in the longest span that is looked at.
    widths
        Rows of the width embedding.
    ner_labels
        The first one, "", stands for no entity.
    """

    model_type: str
    dataset: str
    encoder: str
    max_length: int | None
    max_width: int
    widths: int
    feature_size: int
    hidden: tuple[int, ...]
    spans_per_word: float
    ner_labels: tuple[str, ...]
    relation_labels: tuple[str, ...]


def read_settings(folder: Path, archive: Path) -> Settings:
    """Return the settings of an unpacked archive; ``archive`` is its name in messages.

    Raises
    ------
    InputError
        If files or fields are missing or do not fit together, or the configuration switches on
        what RadGraph's does not (coreference, events).
    """
    config = _Fields(read_json(folder / "config.json", archive / "config.json"), archive)
    _check_supported(config)
    dataset, model_type = _dataset(folder, archive)
    ner = _labels(folder / "vocabulary" / f"{dataset}{_NER}")
    if not ner or ner[0]:
        raise InputError(f"{archive}: the first line of {dataset}{_NER} is not empty.")
    encoder = "model.embedder.token_embedders.bert"
    return Settings(
        model_type=model_type,
        dataset=dataset,
        encoder=config.get(f"{encoder}.model_name", str),
        max_length=config.get(f"{encoder}.max_length", int, type(None)),
        max_width=config.get("dataset_reader.max_span_width", int),
        widths=config.get("model.max_span_width", int),
        feature_size=config.get("model.feature_size", int),
        hidden=_hidden(config),
        spans_per_word=float(config.get("model.modules.relation.spans_per_word", int, float)),
        ner_labels=ner,
        relation_labels=_labels(folder / "vocabulary" / f"{dataset}{_RELATION}"),
    )


class _Fields:
    """A JSON object whose fields are asked for by dotted path and type."""

    def __init__(self, content: Any, archive: Path) -> None:
        self._content = content
        self._archive = archive

    def get(self, path: str, *kinds: type) -> Any:
        value = self._content
        for key in path.split("."):
            if not isinstance(value, Mapping) or key not in value:
                raise self.error(path, "is missing")
            value = value[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise self.error(path, f"is {value!r}")
        if isinstance(value, int | float) and value < 0:
            raise self.error(path, f"is {value!r}")
        return value

    def error(self, path: str, what: str) -> InputError:
        return InputError(
            f"{self._archive / 'config.json'}: {path} {what}. Take an official RadGraph archive."
        )


def _check_supported(config: _Fields) -> None:
    for path in (
        "model.loss_weights.coref",
        "model.loss_weights.events",
        "model.modules.coref.coref_prop",
    ):
        if config.get(path, int, float) > 0:
            raise config.error(path, "is above 0: coreference and events are not supported")
    for path in ("model.loss_weights.ner", "model.loss_weights.relation"):
        if config.get(path, int, float) == 0:
            raise config.error(path, "is 0: a model without entities or relations")
    for name in ("model_name", "max_length"):
        places = (
            f"dataset_reader.token_indexers.bert.{name}",
            f"model.embedder.token_embedders.bert.{name}",
        )
        if len({config.get(place, str, int, type(None)) for place in places}) > 1:
            raise config.error(places[0], f"differs from {places[1]}")
    if config.get("dataset_reader.max_span_width", int) > config.get("model.max_span_width", int):
        raise config.error("dataset_reader.max_span_width", "is above model.max_span_width")
    length = config.get("model.embedder.token_embedders.bert.max_length", int, type(None))
    if length is not None and length < 3:
        raise config.error("model.embedder.token_embedders.bert.max_length", f"is {length}")


def _hidden(config: _Fields) -> tuple[int, ...]:
    layers = config.get("model.feedforward_params.num_layers", int)
    sizes = config.get("model.feedforward_params.hidden_dims", int, list)
    hidden = (sizes,) * layers if isinstance(sizes, int) else tuple(sizes)
    if (
        not layers
        or len(hidden) != layers
        or not all(isinstance(size, int) and size > 0 for size in hidden)
    ):
        raise config.error("model.feedforward_params", "does not fit together")
    return hidden


def _dataset(folder: Path, archive: Path) -> tuple[str, str]:
    """Return the prefix of the label files, and the model type that it or the name stands for."""
    found = sorted(
        path.name.removesuffix(_NER)
        for path in (folder / "vocabulary").glob(f"*{_NER}")
        if path.with_name(path.name.removesuffix(_NER) + _RELATION).is_file()
    )
    name = archive.name.removesuffix(".gz").removesuffix(".tgz").removesuffix(".tar")
    if name in found:
        return name, name
    if len(found) != 1:
        raise InputError(
            f"{archive} has {len(found)} pairs of label files (vocabulary/*{_NER} and "
            f"*{_RELATION}), not one. Take an official RadGraph archive."
        )
    (dataset,) = found
    return dataset, name if dataset not in MODEL_TYPES and name in MODEL_TYPES else dataset


def _labels(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"The label file {path.name} is no text: {error.reason}.") from error
    return tuple(lines[:-1] if lines[-1] == "" else lines)
