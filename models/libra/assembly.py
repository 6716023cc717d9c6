"""Put a reporter together: model, tokenizer, preprocessing, encoder and engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.devices import Placement
from models.engines.engine import Decoding, Engine
from models.images.feature_cache import FeatureCache
from models.images.preprocess import Preprocessor
from models.libra import prompts
from models.libra.checkpoint import Checkpoint
from models.libra.config import read_json
from models.libra.encoding import ImageEncoder
from models.libra.loading import Loaded, language_config, load_model
from models.libra.model import LibraModel
from models.libra.reporter import LibraReporter
from models.libra.tokenizers import ReportTokenizer
from models.weights_files import hash_weights


def assemble(
    checkpoint: Checkpoint,
    placement: Placement,
    engine: str,
    batch_size: int,
    cache: FeatureCache | None,
) -> LibraReporter:
    """Load a checkpoint and return what writes reports with it."""
    loaded = load_model(checkpoint, placement)
    language = language_config(checkpoint)
    tokenizer = ReportTokenizer(checkpoint.text_folder, language)
    aspect = checkpoint.config.aspect_ratio or "square"
    preprocessor = Preprocessor(loaded.preprocessor, aspect)
    record = _record(checkpoint, loaded, placement)
    encoder = ImageEncoder(loaded.model, _tower_identity(checkpoint, loaded, placement), cache)
    return LibraReporter(
        checkpoint,
        loaded.model,
        tokenizer,
        preprocessor,
        encoder,
        _engines(checkpoint, loaded.model, tokenizer, engine, batch_size),
        record,
    )


def stop_ids(checkpoint: Checkpoint, tokenizer: ReportTokenizer) -> list[int]:
    """Return the ids that end a text: of the generation settings, and the template's own token."""
    file = checkpoint.text_folder / "generation_config.json"
    settings = read_json(file) if file.is_file() else {}
    named = settings.get("eos_token_id", checkpoint.config.language_model.get("eos_token_id"))
    ids = [] if named is None else list(named) if isinstance(named, list) else [named]
    template = prompts.template_for(checkpoint.name).name
    own = tokenizer.id_of(prompts.stop_string(template))
    return list(dict.fromkeys([*ids, *([] if own is None else [own])]))


def _engines(
    checkpoint: Checkpoint,
    model: LibraModel,
    tokenizer: ReportTokenizer,
    engine: str,
    batch_size: int,
) -> Callable[[Decoding], Engine]:
    from models.engines.transformers_engine import TransformersEngine

    ends = stop_ids(checkpoint, tokenizer)
    one = TransformersEngine(model.language_model, stop_ids=ends, batch_size=batch_size)
    return lambda decoding: one


def _record(checkpoint: Checkpoint, loaded: Loaded, placement: Placement) -> dict[str, Any]:
    return {
        "checkpoint": checkpoint.name,
        "layout": checkpoint.layout,
        "dtype": str(placement.dtype).removeprefix("torch."),
        "quantisation": placement.quantisation,
        "device": str(placement.device),
        "notes": loaded.notes,
    }


def _tower_identity(checkpoint: Checkpoint, loaded: Loaded, placement: Placement) -> dict[str, Any]:
    """Return what image features depend on beside the pixels."""
    files = loaded.tower_files or checkpoint.weights
    return {
        "weights": hash_weights(files),
        "layer": checkpoint.config.select_layer,
        "feature": checkpoint.config.select_feature,
        "dtype": str(placement.dtype),
        "device": placement.device.type,
    }
