"""Transformer encoders from folders: configuration, tokeniser, model, batches of like length.

Nothing here needs the network or runs code from a hub. torch and transformers are imported when
a function that needs them is called.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category

from metrics.errors import InputError, MissingError

if TYPE_CHECKING:
    from torch import Tensor, nn

TOKENS_PER_BATCH = 16_384
_BERTS = ("bert", "distilbert")
"""Encoders whose every embedding has its line of vocab.txt."""


def require_packages() -> None:
    """Check that torch and transformers can be imported.

    Raises
    ------
    MissingError
        If one of them is not installed.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingError(
            f"Neural annotators need torch and transformers ({error}). "
            'Install them with `pip install "cxr-harness[models]"`.'
        ) from error


def find_encoder(name: str, beside: Path) -> Path:
    """Return the folder of the encoder that a checkpoint names.

    Looked for beside the checkpoint, in the working directory, then among the files that the
    hub's client keeps.

    Parameters
    ----------
    name
        A relative path, or a hub id.
    beside
        The folder that holds the checkpoint.

    Raises
    ------
    MissingError
        If it is in none of these places.
    """
    for folder in (beside / name, Path(name)):
        if (folder / "config.json").is_file():
            return folder
    found = _in_hub_cache(name)
    if found is None:
        raise MissingError(
            f"The encoder {name!r} is not there: no folder of that name with a config.json beside "
            f"{beside} or in the working directory. Give the folder that holds its config.json "
            "and tokeniser files as `encoder`."
        )
    return found


def load_config(folder: Path) -> Any:
    """Return the transformers configuration of an encoder's folder.

    Raises
    ------
    InputError
        If config.json is damaged, or of a model that transformers does not hold itself.
    MissingError
        If there is no config.json.
    """
    from transformers import AutoConfig

    _check_file(folder, "config.json")
    try:
        with quiet():
            return AutoConfig.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder}/config.json is no encoder's configuration: {error}") from error


def load_tokenizer(folder: Path) -> Any:
    """Return the transformers tokeniser of an encoder's folder; its ``backend_tokenizer`` is fast.

    Raises
    ------
    InputError
        If its files are damaged, or need code from elsewhere.
    MissingError
        If there is neither tokenizer.json nor vocab.txt.
    """
    from transformers import AutoTokenizer

    names = ("tokenizer.json", "vocab.txt", "vocab.json")
    if not any((folder / name).is_file() for name in names):
        raise MissingError(
            f"{folder} has no tokeniser: one of {', '.join(names)} is needed. "
            "Put the encoder's tokeniser files there."
        )
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    # the tokenizers library raises bare Exception for a damaged tokenizer.json
    except Exception as error:
        raise InputError(f"{folder} holds no tokeniser that can be read: {error}") from error


def check_vocabulary(tokenizer: Any, config: Any, folder: Path) -> None:
    """Refuse a tokeniser with more tokens than the encoder has embeddings, or a cut vocab.txt.

    Raises
    ------
    InputError
        If it is.
    """
    if len(tokenizer) > config.vocab_size:
        raise InputError(
            f"{folder}: the tokeniser has {len(tokenizer)} tokens and config.json says "
            f"{config.vocab_size}. Take files that belong together."
        )
    path = folder / "vocab.txt"
    if config.model_type not in _BERTS or not path.is_file():
        return
    lines = path.read_bytes().rstrip(b"\n").count(b"\n") + 1
    if lines < config.vocab_size:
        raise InputError(
            f"{path} has {lines} lines and config.json says {config.vocab_size}. The file is cut "
            "off, or of another model: take files that belong together."
        )


def mark_controls(text: str) -> str:
    """Return the text with U+FFFD for each character that BERT's own tokeniser drops.

    These are Unicode's category C: controls but tab and line ends, formats, surrogates, private
    and unassigned ones. The fast tokeniser knows an older Unicode and keeps some of them, but
    drops U+FFFD as late as BERT's own: what is left of "[SE", U+0378, "P]" is no special token.
    """
    if text.isprintable():
        return text
    return "".join(
        "\ufffd" if category(c).startswith("C") and c not in "\t\n\r" else c for c in text
    )


def build_encoder(config: Any) -> nn.Module:
    """Return transformers' own encoder for the configuration, float32, its weights not yet set."""
    import torch
    from transformers import AutoModel
    from transformers.initialization import no_init_weights

    with quiet(), no_init_weights():
        encoder: nn.Module = AutoModel.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    return encoder.eval().requires_grad_(False)


def length_batches(
    lengths: Sequence[int], device: str, tokens: int = TOKENS_PER_BATCH
) -> Iterator[list[int]]:
    """Yield the indices of the sequences that go through the encoder together.

    On a CPU one at a time: batching gains nothing there, and another batch would move the last
    digits. Elsewhere those of like length, with at most ``tokens`` tokens of padded batch.
    """
    if device == "cpu":
        yield from ([index] for index in range(len(lengths)))
        return
    batch: list[int] = []
    # longest first: a batch that does not fit into memory fails at once
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def padded(sequences: Sequence[Sequence[int]], padding: int, device: str) -> tuple[Tensor, Tensor]:
    """Return token ids and attention mask, int64 of shape (sequences, longest)."""
    import torch

    longest = max(map(len, sequences))
    ids = torch.tensor([[*s, *[padding] * (longest - len(s))] for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    return ids.to(device), mask.to(device)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' remarks on loading: what matters of them is checked by us."""
    from transformers.utils import logging as remarks

    level = remarks.get_verbosity()
    remarks.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        remarks.set_verbosity(level)


def _check_file(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise MissingError(
            f"{folder} has no {name}. Give the folder of the encoder, with its {name} and "
            "tokeniser files."
        )


def _in_hub_cache(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None
