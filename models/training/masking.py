"""Token ids of training conversations, and which of them are learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.arguments import check_argument
from models.errors import InputError
from models.libra.prompts import DEFAULT_TEMPLATE, IMAGE_TOKEN, IMAGE_TOKEN_INDEX
from models.training.conversations import TrainingText, training_text

IGNORE_INDEX = -100
"""The label of a token that is not learnt, as torch's cross entropy has it."""

Span = tuple[int, int]


def encode_conversation(
    conversation: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    template: str = DEFAULT_TEMPLATE,
    has_image: bool = True,
    model_max_length: int = 2048,
    *,
    start_and_end: bool = False,
) -> tuple[list[int], list[int]]:
    """Return the token ids of a training conversation and their labels.

    A label is the token's id where the token touches an answer or the marker that ends it, and
    -100 elsewhere. Ids are the original's (X-iZhang/Libra @0d6c56a, ``preprocess``), and so are
    the labels wherever its counting of tokens is right.

    Parameters
    ----------
    conversation
        Turns ``{"from": "human" | "gpt", "value": text}``; a first turn from gpt is left out.
    tokenizer
        A fast tokenizer of transformers, which tells the characters of each token.
    template
        A name of ``prompts.templates()``.
    has_image
        Whether the record has images; ``<image>`` is then -200 in the ids.
    model_max_length
        Tokens that a conversation without image is cut to. With an image, collation cuts.
    start_and_end
        The checkpoint's ``mm_use_im_start_end``.

    Raises
    ------
    InputError
        If the conversation does not suit the template, or the tokenizer is none of the fast ones.
    """
    check_argument("model_max_length", model_max_length, int)
    if isinstance(conversation, str) or not isinstance(conversation, Sequence):
        raise InputError("A conversation must be a list of turns with 'from' and 'value'.")
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(
            "Training needs a fast tokenizer, which tells the characters of each token. Load it "
            "with AutoTokenizer from a folder with tokenizer.json or tokenizer.model."
        )
    written = training_text(
        conversation, template, has_image=has_image, start_and_end=start_and_end
    )
    ids, places = _tokens(written, tokenizer)
    labels = [
        one if _touches(place, written.answers) else IGNORE_INDEX
        for one, place in zip(ids, places, strict=True)
    ]
    kept = len(ids) if written.has_image else model_max_length
    return ids[:kept], labels[:kept]


def _tokens(written: TrainingText, tokenizer: Any) -> tuple[list[int], list[Span]]:
    """Return ids, and the characters of each; those of the image and the begin token are none."""
    pieces = written.text.split(IMAGE_TOKEN) if written.has_image else [written.text]
    added = {number: content for content, number in tokenizer.get_added_vocab().items()}
    ids: list[int] = []
    places: list[Span] = []
    begins = False
    start = 0
    for index, piece in enumerate(pieces):
        encoded = tokenizer(piece, return_offsets_mapping=True)
        its_ids = list(encoded["input_ids"])
        its_places = list(_places(piece, its_ids, encoded["offset_mapping"], added))
        first = 0
        if index:
            ids.append(IMAGE_TOKEN_INDEX)
            places.append((start, start))
            start += len(IMAGE_TOKEN)
            first = 1 if begins and its_ids[:1] == ids[:1] else 0
        else:
            begins = bool(its_ids) and its_ids[0] == tokenizer.bos_token_id
        ids += its_ids[first:]
        places += [(start + begin, start + end) for begin, end in its_places[first:]]
        start += len(piece)
    return ids, places


def _places(
    text: str, ids: Sequence[int], offsets: Sequence[Span], added: Mapping[int, str]
) -> Iterator[Span]:
    """Yield the characters of each token.

    Tokenizers trim white space off what they tell, or let a special token swallow what follows;
    such characters are counted to the token after the gap.
    """
    reached = 0
    for one, (start, end) in zip(ids, offsets, strict=True):
        content = added.get(one)
        if content is not None and content in text[start:end]:
            start += text[start:end].index(content)
            end = start + len(content)
        yield min(start, reached), end
        reached = max(reached, end)


def _touches(place: Span, spans: Sequence[Span]) -> bool:
    start, end = place
    return start < end and any(start < last and first < end for first, last in spans)
