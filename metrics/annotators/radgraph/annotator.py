"""RadGraph's annotator: reports in, entities and relations out."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, cast

from metrics.annotators.annotator import Annotator
from metrics.annotators.encoders import (
    build_encoder,
    check_vocabulary,
    find_encoder,
    load_config,
    load_tokenizer,
    require_packages,
)
from metrics.annotators.radgraph.archive import unpacked
from metrics.annotators.radgraph.documents import Document, document
from metrics.annotators.radgraph.pieces import Layout, SpecialTokens, WordPieces
from metrics.annotators.radgraph.settings import Settings, read_settings
from metrics.annotators.radgraph.words import words
from metrics.errors import InputError
from metrics.precision import FLOAT32, check_precision
from metrics.texts import prediction_list

if TYPE_CHECKING:
    from torch import Tensor

    from metrics.annotators.radgraph.heads import Entity, Heads, Relation
    from metrics.annotators.row_encoder import RowEncoder

_TEXTS = 64  # texts whose vectors are held at once


class RadGraphAnnotator(Annotator[Document]):
    """Entities and relations of reports, equal to the official package's.

    Long reports are cut into rows of the encoder's length, which it reads independently; nothing
    is left out. An empty or blank report has no entities (the official package puts the word
    "None" in place of an empty one, and fails on a blank one).

    Source: radgraph 0.1.18 and DyGIE++ (Wadden et al. 2019).
    """

    version: ClassVar[int] = 1

    def __init__(
        self, settings: Settings, pieces: WordPieces, encoder: RowEncoder, heads: Heads
    ) -> None:
        self._settings = settings
        self._pieces = pieces
        self._encoder = encoder
        self._heads = heads

    @classmethod
    def load(
        cls,
        archive: str | Path,
        encoder: str | Path | None = None,
        device: str = "cpu",
        special_tokens: SpecialTokens = "official-4x",
        precision: str = FLOAT32,
    ) -> Self:
        """Return an annotator with the weights of an archive.

        Parameters
        ----------
        archive
            An official ``.tar.gz`` archive, or the folder that it was unpacked to.
        encoder
            Folder with the encoder's config.json and tokeniser files, which are not part of the
            archive. None: the one that its config.json names, looked for beside the archive, in
            the working directory and among the hub's downloaded files.
        device
            ``cpu``, ``cuda``, ``cuda:1`` …
        special_tokens
            As `metrics.annotators.radgraph.pieces.WordPieces` takes it; matters to
            modern-radgraph-xl only.
        precision
            "float32", or "bfloat16" or "int8" (CPU only): the encoder's products are rounded, and
            annotations deviate.

        Raises
        ------
        InputError
            If the archive is damaged, hostile or does not fit the encoder; if there is no such
            precision.
        MissingError
            If archive, encoder or a package is not there.
        """
        check_precision(precision, device)
        require_packages()
        from metrics.annotators.checkpoints import read_checkpoint, tensors
        from metrics.annotators.products import lower
        from metrics.annotators.radgraph.heads import Heads
        from metrics.annotators.radgraph.weights import fill_model
        from metrics.annotators.row_encoder import RowEncoder

        if special_tokens not in ("official-4x", "fixed"):
            raise InputError(f"special_tokens is {special_tokens!r}, not 'official-4x' or 'fixed'.")
        archive = Path(archive)
        with unpacked(archive) as folder:
            settings = read_settings(folder, archive)
            home = find_encoder(settings.encoder, archive.parent) if encoder is None else encoder
            config = load_config(Path(home))
            tokenizer = load_tokenizer(Path(home))
            check_vocabulary(tokenizer, config, Path(home))
            pieces = WordPieces(tokenizer, settings.max_length, special_tokens)
            shown = archive / "weights.th"
            weights = tensors(read_checkpoint(folder / "weights.th", shown), shown)
        model = build_encoder(config)
        heads = Heads(settings, config.hidden_size).eval().requires_grad_(False)
        fill_model(model, heads, weights, settings, shown)
        lower(model, precision, device)
        rows = RowEncoder(model, config.pad_token_id or 0, device)
        return cls(settings, pieces, rows, heads.to(device))

    def annotate(self, texts: Iterable[str]) -> list[Document]:
        """Return one official annotation per text: text, entities, data_source, data_split.

        Raises
        ------
        InputError
            If ``texts`` is one string, or an element is not a string.
        """
        texts = prediction_list(texts, "texts")
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, self.annotate_distinct(distinct), strict=True))
        return [copy.deepcopy(found[text]) for text in texts]

    def annotate_distinct(self, texts: Sequence[str]) -> list[Document]:
        """Return one annotation per text, in order."""
        found: list[Document] = []
        for start in range(0, len(texts), _TEXTS):
            found += self._annotate(texts[start : start + _TEXTS])
        return found

    @staticmethod
    def encode(annotation: Document) -> bytes:
        """Return the annotation as JSON."""
        # escaped, for a report may hold a lone surrogate
        return json.dumps(annotation, separators=(",", ":")).encode("ascii")

    @staticmethod
    def decode(data: bytes) -> Document:
        """Return the annotation."""
        return cast(Document, json.loads(data))

    def _annotate(self, texts: Sequence[str]) -> list[Document]:
        from metrics.annotators.row_encoder import parallel

        split = [words(text, self._settings.model_type) for text in texts]
        layouts = [self._pieces.layout(found) for found in split if found]
        rows = iter(self._encoder([row for layout in layouts for row in layout.rows]))
        vectors = [list(islice(rows, len(layout.rows))) for layout in layouts]
        found = iter(parallel(self._read, list(zip(layouts, vectors, strict=True))))
        return [document(each, *(next(found) if each else ([], []))) for each in split]

    def _read(self, text: tuple[Layout, list[Tensor]]) -> tuple[list[Entity], list[Relation]]:
        layout, rows = text
        return self._heads(_means(rows, layout))  # type: ignore[no-any-return]


def _means(rows: list[Tensor], layout: Layout) -> Tensor:
    """Return the mean of each word's pieces, zero for a word without any: shape (words, size)."""
    import torch
    from torch.nn.functional import embedding_bag

    device = rows[0].device
    counts = torch.tensor([0, *map(len, layout.words[:-1])], device=device)
    places = torch.tensor([at for places in layout.words for at in places], device=device)
    return embedding_bag(places.long(), torch.cat(rows), counts.cumsum(0), mode="mean")
