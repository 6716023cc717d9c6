"""CheXbert: 14 labels of a report, and the vector that SembScore compares.

Source: Smit et al. 2020 (arXiv 2004.09167); the package ``f1chexbert`` 0.0.2 is what this equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from metrics.annotators.annotator import Annotator
from metrics.annotators.checkpoints import fill, read_checkpoint, tensors
from metrics.annotators.encoders import (
    build_encoder,
    check_vocabulary,
    find_encoder,
    load_config,
    load_tokenizer,
    mark_controls,
    require_packages,
)
from metrics.conditions import CONDITIONS
from metrics.errors import InputError
from metrics.precision import FLOAT32, check_precision
from metrics.texts import prediction_list

if TYPE_CHECKING:
    from torch import Tensor, nn

    from metrics.annotators.first_token import FirstTokenEncoder

ENCODER = "bert-base-uncased"
_CLASSES = (4,) * 13 + (2,)
_MAX_TOKENS = 512
_PARALLEL = "module."  # of a model that was trained on several devices
# the pooler is never asked; old transformers stored the positions, which are 0, 1, 2, ...
_UNUSED = ("bert.pooler.", "bert.embeddings.position_ids")


class CheXbertAnnotation(NamedTuple):
    """One report: class indices, int8 (14,); vector, float32 (dim,)."""

    labels: NDArray[np.int8]
    vector: NDArray[np.float32]


class CheXbertAnnotations(NamedTuple):
    """Reports: class indices, int8 (n, 14); vectors, float32 (n, dim)."""

    labels: NDArray[np.int8]
    vectors: NDArray[np.float32]


class CheXbertAnnotator(Annotator[CheXbertAnnotation]):
    """A loaded CheXbert.

    A report is cut after its 510th word piece. An empty one is a normal input: the model sees
    its start and end marks. Conditions are in the order of `metrics.conditions.CONDITIONS`;
    classes are 0 blank, 1 positive, 2 negative, 3 uncertain ("No Finding": 0 and 1 only).
    """

    version: ClassVar[int] = 2

    def __init__(
        self, encoder: FirstTokenEncoder, heads: Any, tokenizer: Any, max_tokens: int
    ) -> None:
        self._encoder = encoder
        self._heads = heads
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    @classmethod
    def load(
        cls,
        checkpoint: str | Path,
        encoder: str | Path | None = None,
        device: str = "cpu",
        precision: str = FLOAT32,
    ) -> Self:
        """Load the official checkpoint.

        Parameters
        ----------
        checkpoint
            ``chexbert.pth``.
        encoder
            Folder with the configuration and vocabulary of bert-base-uncased; None: looked for
            beside the checkpoint, in the working directory and in the hub's cache.
        device
            A torch device.
        precision
            "float32", or "bfloat16" or "int8" (CPU only): the encoder's products are rounded, and
            annotations deviate.

        Raises
        ------
        InputError
            If the checkpoint is damaged, holds code, or does not fit the encoder; if there is no
            such precision.
        MissingError
            If a file or package is not there.
        """
        check_precision(precision, device)
        require_packages()
        from metrics.annotators.first_token import FirstTokenEncoder
        from metrics.annotators.products import lower

        path = Path(checkpoint)
        weights, prefix = _weights(path)
        folder = Path(encoder) if encoder is not None else find_encoder(ENCODER, path.parent)
        config = load_config(folder)
        if config.model_type != "bert":
            raise InputError(
                f"{folder} holds a {config.model_type} encoder. CheXbert needs {ENCODER}'s folder."
            )
        tokenizer = load_tokenizer(folder)
        check_vocabulary(tokenizer, config, folder)
        model: Any = _model(config)
        fill(model, weights, path, lambda name: prefix + name)
        lower(model["bert"], precision, device)
        vectors = FirstTokenEncoder(model["bert"], tokenizer.pad_token_id or 0, device)
        max_tokens = min(_MAX_TOKENS, config.max_position_embeddings)
        return cls(vectors, model["linear_heads"], tokenizer, max_tokens)

    def annotate(self, texts: Iterable[str]) -> CheXbertAnnotations:
        """Return labels and vectors of all texts, in order; each distinct text is read once.

        Raises
        ------
        InputError
            If ``texts`` is one string, or an element is not a string.
        """
        texts = prediction_list(texts, "texts")
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, self.annotate_distinct(distinct), strict=True))
        dim = self._heads[0].in_features
        return CheXbertAnnotations(
            np.array([found[text].labels for text in texts], np.int8).reshape(-1, len(CONDITIONS)),
            np.array([found[text].vector for text in texts], np.float32).reshape(-1, dim),
        )

    def annotate_distinct(self, texts: Sequence[str]) -> list[CheXbertAnnotation]:
        """Return one annotation per text, in order."""
        import torch

        if not texts:
            return []
        with torch.inference_mode():
            vectors = self._encoder(self._token_ids(texts)).cpu()
            # one row at a time: a product's last digits may depend on how many there are
            classes = [[head(row).argmax() for head in self._heads] for row in vectors]
        labels = np.array(classes, np.int8)
        return list(map(CheXbertAnnotation, labels, vectors.numpy()))

    @staticmethod
    def encode(annotation: CheXbertAnnotation) -> bytes:
        """Return 14 label bytes and the vector as little-endian float32."""
        return annotation.labels.tobytes() + annotation.vector.astype("<f4").tobytes()

    @staticmethod
    def decode(data: bytes) -> CheXbertAnnotation:
        """Return the annotation of these bytes."""
        n = len(CONDITIONS)
        vector = np.frombuffer(data, "<f4", offset=n).astype(np.float32)
        return CheXbertAnnotation(np.frombuffer(data, np.int8, n).copy(), vector)

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        own = self._tokenizer
        cleaned = [_cleaned(text) for text in texts]
        pieces = own.backend_tokenizer.encode_batch(cleaned, add_special_tokens=False)
        room = self._max_tokens - 2
        return [[own.cls_token_id, *one.ids[:room], own.sep_token_id] for one in pieces]


def _weights(path: Path) -> tuple[Mapping[str, Tensor], str]:
    """Return the weights, and what the file has before their names."""
    found = read_checkpoint(path)
    inner = found.get("model_state_dict", found) if isinstance(found, Mapping) else found
    theirs = tensors(inner, path)
    named = {name.replace(_PARALLEL, ""): value for name, value in theirs.items()}
    kept = {name: value for name, value in named.items() if not name.startswith(_UNUSED)}
    return kept, _PARALLEL if any(name.startswith(_PARALLEL) for name in theirs) else ""


def _model(config: Any) -> nn.Module:
    from torch import nn

    encoder: Any = build_encoder(config)
    encoder.pooler = None
    heads = nn.ModuleList(nn.Linear(config.hidden_size, classes) for classes in _CLASSES)
    return nn.ModuleDict({"bert": encoder, "linear_heads": heads}).requires_grad_(False).eval()


def _cleaned(text: str) -> str:
    # white space first, for some of it is controls
    return mark_controls(" ".join(text.split()))
