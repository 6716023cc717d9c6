"""Tokenizers of checkpoints, and texts from ids as the originals decode them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import InputError, MissingError
from models.libra.config import read_json
from models.libra.language_model import quiet_transformers

_CLEANED = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip
"""Spaces that transformers 4 took away where a tokenizer sets clean_up_tokenization_spaces."""


_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json")


class ReportTokenizer:
    """The tokenizer of a checkpoint's folder.

    Parameters
    ----------
    folder
        Where the tokenizer's files are.
    language_config
        transformers' config of the language model; config.json itself names a type that
        transformers does not know.

    Raises
    ------
    InputError
        If no tokenizer can be made of the folder's files.
    MissingError
        If the folder holds none.
    """

    def __init__(self, folder: Path, language_config: Any) -> None:
        from transformers import AutoTokenizer

        # without one of these transformers makes an empty tokenizer, and every text is empty
        if not any((folder / name).is_file() for name in _VOCABULARIES):
            raise MissingError(
                f"{folder} holds no tokenizer ({' or '.join(_VOCABULARIES)}). Download it again."
            )
        with quiet_transformers():
            try:
                self.tokenizer = AutoTokenizer.from_pretrained(
                    folder, config=language_config, trust_remote_code=False
                )
            except Exception as error:  # what tokenizers raises has no class of its own
                raise InputError(
                    f"{folder} holds no tokenizer that can be read ({type(error).__name__}). "
                    "Download it again."
                ) from error
        file = folder / "tokenizer_config.json"
        settings = read_json(file) if file.is_file() else {}
        self._cleans_up = bool(settings.get("clean_up_tokenization_spaces", False))

    def text(self, ids: Sequence[int], stop: str = "") -> str:
        """Return the text of ids: special tokens skipped, one stop string at the end cut."""
        raw = str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
        if self._cleans_up:
            for spaced, joined in _CLEANED:
                raw = raw.replace(spaced, joined)
        text = raw.strip()
        return text.removesuffix(stop).strip() if stop else text

    def id_of(self, text: str) -> int | None:
        """Return the id of a text that is one special token; None if it is none."""
        known = self.tokenizer.get_added_vocab()
        found = known.get(text.strip())
        return None if found is None else int(found)
