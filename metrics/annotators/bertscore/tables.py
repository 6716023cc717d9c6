"""bert-score's tables: the layer it takes of each model, and its baselines for rescaling.

The files under ``resources/bertscore`` are bert-score 0.3.13's (``resources/LICENSES.md``).
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metrics.errors import InputError, MissingError

_COLUMNS = ["LAYER", "P", "R", "F"]


def official_name(model: str) -> str | None:
    """Return bert-score's name of a model, told from the last part of a name or path."""
    last = Path(model).name
    known = _layers()
    return model if model in known else next((n for n in known if Path(n).name == last), None)


def default_layer(model: str) -> int:
    """Return the hidden layer that bert-score takes of the model; 0 is the embeddings.

    Raises
    ------
    InputError
        If bert-score does not know the model.
    """
    name = official_name(model)
    if name is None:
        raise InputError(
            f"bert-score has no default layer for {model!r}. Give `layer`, counted from 1, or "
            "name the folder as the model is named on the hub."
        )
    return _layers()[name]


def baseline(model: str, layer: int, path: Path | None = None) -> NDArray[np.float64]:
    """Return what unrelated sentences score: precision, recall and F1, shape (3,).

    Parameters
    ----------
    model
        Name or path of the model.
    layer
        The hidden layer that is compared.
    path
        A file in bert-score's form: a header ``LAYER,P,R,F`` and a line per layer. None: the
        official English one of the model, where it comes with this package.

    Raises
    ------
    InputError
        If the file is in another form, or does not have the layer.
    MissingError
        If there is no file.
    """
    shown, text = _own(path) if path else _official(model)
    rows = list(csv.reader(text.splitlines()))
    try:
        if rows[0] != _COLUMNS:
            raise ValueError(f"its header is not {','.join(_COLUMNS)}")
        values = {int(row[0]): np.array(row[1:4], np.float64) for row in rows[1:]}
        found = values[layer]
        if not (found.shape == (3,) and (found < 1).all()):
            raise ValueError(f"layer {layer} has not three numbers below 1")
    except (IndexError, ValueError) as error:
        raise InputError(f"{shown} is no file of BERTScore baselines: {error}.") from error
    except KeyError as error:
        raise InputError(
            f"{shown} has no baseline of layer {layer}, but of {sorted(values)}. Choose one of "
            "these as `layer`, or give the baselines of another file."
        ) from error
    return found


def _own(path: Path) -> tuple[str, str]:
    try:
        return str(path), path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no file of BERTScore baselines: {error}.") from error
    except OSError as error:
        raise MissingError(f"The file of baselines cannot be read: {error}.") from error


def _official(model: str) -> tuple[str, str]:
    name = official_name(model)
    path = files("metrics") / "resources" / "bertscore" / "baselines" / f"{name}.tsv"
    if not path.is_file():
        raise MissingError(
            f"No baselines of {model!r} come with this package. Give a file in bert-score's form "
            "(its repository has some under bert_score/rescale_baseline/en) as `baseline_file`."
        )
    return f"The bundled file of {name}", path.read_text("utf-8")


@cache
def _layers() -> dict[str, int]:
    text = (files("metrics") / "resources" / "bertscore" / "layers.tsv").read_text("utf-8")
    return {name: int(layer) for name, layer in (row.split("\t") for row in text.splitlines())}
