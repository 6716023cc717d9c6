"""From texts to the unit vectors of their tokens in one hidden layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from metrics.annotators.checkpoints import check_finite
from metrics.annotators.encoders import (
    load_config,
    load_tokenizer,
    mark_controls,
    quiet,
    require_packages,
)
from metrics.errors import InputError, MissingError
from metrics.precision import FLOAT32, check_precision

if TYPE_CHECKING:
    from torch import Tensor, nn

_SURROGATES = re.compile("[\ud800-\udfff]")
# bert-score begins their texts with a space, so that a first word is like any other; beside
# transformers 5 its wish is ignored, and RoBERTa's scores move by up to 0.2
_SPACED = ("Roberta", "GPT2")
_ROWS = 12


class TokenEncoder:
    """The lower layers of an encoder, with its tokeniser.

    Parameters
    ----------
    model
        The encoder, cut off above the layer that is wanted.
    tokenizer
        Its tokeniser.
    device
        Where it runs: ``cpu``, ``cuda``, ``cuda:1`` …
    """

    def __init__(self, model: nn.Module, tokenizer: Any, device: str) -> None:
        from metrics.annotators.row_encoder import RowEncoder

        padding = tokenizer.pad_token_id or 0
        self.rows = RowEncoder(model, padding, device)
        self.special_ids = frozenset({tokenizer.cls_token_id, tokenizer.sep_token_id})
        self._tokenizer = tokenizer
        self._frame: int = tokenizer.num_special_tokens_to_add()
        self._longest = min(int(tokenizer.model_max_length), _positions(model))
        self._word_pieces = type(tokenizer.backend_tokenizer.model).__name__ == "WordPiece"
        self._space = " " if type(tokenizer).__name__.startswith(_SPACED) else ""

    @classmethod
    def load(cls, folder: Path, layer: int, device: str, precision: str = FLOAT32) -> Self:
        """Return the encoder of a model folder up to ``layer``.

        Raises
        ------
        InputError
            If the files are damaged, do not fit each other, or have fewer layers; if there is no
            such precision.
        MissingError
            If files or a package are not there.
        """
        check_precision(precision, device)
        require_packages()
        from metrics.annotators.products import lower

        config = load_config(folder)
        if config.is_encoder_decoder:
            raise InputError(f"{folder} holds a {config.model_type}, which is no mere encoder.")
        if not 0 <= layer <= config.num_hidden_layers:
            raise InputError(
                f"The model {folder} has the layers 0 to {config.num_hidden_layers}, not {layer}."
            )
        config.num_hidden_layers = layer
        model = _load_model(folder, config)
        lower(model, precision, device)
        return cls(model, load_tokenizer(folder), device)

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's token ids, special ones included, cut at the model's length."""
        if not texts:
            return []
        bare = [self._bare(text) for text in texts]
        texts = [self._space + text if text else "" for text in bare]
        found = self._tokenizer(texts, truncation=True, max_length=self._longest)
        ids: list[list[int]] = found["input_ids"]
        return ids

    def _bare(self, text: str) -> str:
        if self._word_pieces:
            return mark_controls(text.strip())
        return _SURROGATES.sub("", text).strip()

    def is_empty(self, ids: Sequence[int]) -> bool:
        """Whether a text has no tokens but the special ones that begin and end it."""
        return len(ids) <= self._frame

    def vectors(self, pieces: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return each text's tokens as unit vectors, float32 of shape (tokens, size)."""
        # copies, for a view would keep all rows of a batch
        return [states / states.norm(dim=-1, keepdim=True) for states in self.rows(pieces)]


def _load_model(folder: Path, config: Any) -> nn.Module:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel
    from transformers.utils import logging

    names = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    if not any((folder / name).is_file() for name in names):
        raise MissingError(f"{folder} has no weights: one of {', '.join(names)} is needed.")
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with quiet():
            model, report = AutoModel.from_pretrained(
                str(folder),
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise InputError(f"The weights in {folder} are damaged: {error}") from error
    # a hostile or damaged pickle makes the unpickler raise almost anything
    except Exception as error:
        raise InputError(
            f"The weights in {folder} are damaged, do not fit its config.json, or would run code "
            f"when loaded, which is refused ({type(error).__name__}: {error})."
        ) from error
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        rows = "".join(f"\n  {name}: missing" for name in missing[:_ROWS])
        raise InputError(
            f"The weights in {folder} lack {len(missing)} of the tensors that its config.json "
            f"describes:{rows}\nTake the official files of one model."
        )
    encoder: nn.Module = model
    check_finite(encoder.state_dict(), folder)
    return encoder.eval().requires_grad_(False)


def _positions(model: nn.Module) -> int:
    """Return how many tokens the model has positions for."""
    from torch import nn

    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa counts positions from the padding's own
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - first
    # a relative encoder takes any length; the tokeniser's limit holds
    return 1_000_000
