"""Put a reporter together: model, tokenizer, preprocessing, encoder and engines."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from models.devices import Placement
from models.engines.choice import Engines, VllmSettings, check_engine
from models.engines.engine import Engine
from models.errors import InputError
from models.images.feature_cache import FeatureCache, feature_folder
from models.images.preprocess import Padding, Preprocessor
from models.libra.checkpoint import Checkpoint
from models.libra.config import read_json
from models.libra.encoding import ImageEncoder
from models.libra.language_model import language_config
from models.libra.loading import Loaded, load_language_model, load_model, tower_files
from models.libra.reporter import LibraReporter
from models.libra.tensor_names import collect, is_language
from models.libra.tokenizers import ReportTokenizer
from models.weights_files import hash_weights, tensor_shapes


def assemble(
    checkpoint: Checkpoint,
    placement: Placement,
    engine: str = "transformers",
    batch_size: int = 8,
    cache: FeatureCache | None = None,
    padding: Padding = "mean",
    vllm: VllmSettings | None = None,
) -> LibraReporter:
    """Load a checkpoint and return what writes reports with it; parameters as `models.load`'s."""
    check_engine(engine)
    by_vllm = engine == "vllm"
    if by_vllm and placement.quantisation is not None:
        raise InputError("The engine vllm takes float dtypes here, not 8bit or 4bit.")
    if by_vllm:
        _refuse_trained_language(checkpoint)
    loaded = load_model(checkpoint, placement, embeddings_only=by_vllm)
    tokenizer = ReportTokenizer(checkpoint.text_folder, language_config(checkpoint.config))
    ends = stop_ids(checkpoint)

    def transformers() -> Engine:
        from models.engines.transformers_engine import TransformersEngine

        language_model = loaded.model.language_model
        if by_vllm:
            language_model = load_language_model(checkpoint, placement)
        return TransformersEngine(language_model, stop_ids=ends, batch_size=batch_size)

    engines = Engines(
        engine,
        {
            "transformers": transformers,
            "vllm": lambda: _vllm(checkpoint, placement, ends, vllm or VllmSettings()),
        },
    )
    return LibraReporter(
        checkpoint,
        loaded.model,
        tokenizer,
        Preprocessor(loaded.preprocessor, checkpoint.config.aspect_ratio or "square", padding),
        ImageEncoder(
            loaded.model,
            {} if cache is None else _tower_identity(checkpoint, placement),
            cache,
        ),
        engines,
        _record(checkpoint, loaded, placement, engine),
    )


def stop_ids(checkpoint: Checkpoint) -> list[int]:
    """Return the ids that end every text: those of the generation settings, else of config.json.

    Raises
    ------
    InputError
        If they are no ids.
    """
    file = checkpoint.text_folder / "generation_config.json"
    settings = read_json(file) if file.is_file() else {}
    if "eos_token_id" not in settings:
        file, settings = checkpoint.folder / "config.json", dict(checkpoint.config.language_model)
    named = settings.get("eos_token_id")
    ids = [] if named is None else list(named) if isinstance(named, list) else [named]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in ids):
        raise InputError(f"{file}: eos_token_id is neither an id nor a list of ids.")
    return list(dict.fromkeys(ids))


def _refuse_trained_language(checkpoint: Checkpoint) -> None:
    """Raise InputError if extra files change the language model: vLLM reads the base's folder."""
    extra = collect(replace(checkpoint, weights=[]), tensor_shapes)
    changed = [name for name in extra if is_language(name)]
    if changed:
        raise InputError(
            f"{checkpoint.extra[0]} holds tensors of the language model ({changed[0]}, …), which "
            "vLLM would not read. Set engine to transformers."
        )


def _vllm(
    checkpoint: Checkpoint, placement: Placement, ends: list[int], settings: VllmSettings
) -> Engine:
    from models.engines.vllm_engine import VllmEngine
    from models.libra.plain_language_model import plain_language_model

    return VllmEngine(
        plain_language_model(checkpoint.weights[0].parent, feature_folder().parent),
        stop_ids=ends,
        dtype=str(placement.dtype).removeprefix("torch."),
        lora=checkpoint.folder if checkpoint.layout == "lora" else None,
        **asdict(settings),
    )


def _record(
    checkpoint: Checkpoint, loaded: Loaded, placement: Placement, engine: str
) -> dict[str, Any]:
    bits = placement.quantisation
    return {
        "checkpoint": checkpoint.name,
        "layout": checkpoint.layout,
        "vision_tower": (
            checkpoint.config.vision_tower if loaded.tower_files else "the checkpoint's own"
        ),
        "engine": engine,
        "dtype": f"{bits}bit" if bits else str(placement.dtype).removeprefix("torch."),
        "device": str(placement.device),
        "notes": loaded.notes,
    }


def _tower_identity(checkpoint: Checkpoint, placement: Placement) -> dict[str, Any]:
    """Return what image features depend on beside the pixels."""
    return {
        "weights": hash_weights(
            tower_files(checkpoint) or [*checkpoint.weights, *checkpoint.extra]
        ),
        "layer": checkpoint.config.select_layer,
        "feature": checkpoint.config.select_feature,
        "dtype": str(placement.dtype),
        "device": placement.device.type,
    }
