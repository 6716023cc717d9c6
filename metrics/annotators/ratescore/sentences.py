"""Reports to sentences, as RaTEScore splits them: RuSH's spans, snapped to spaCy's tokens."""

from __future__ import annotations

from bisect import bisect_left

from metrics.annotators.ratescore.rush import Range, sentence_spans
from metrics.annotators.ratescore.spacy_tokens import token_ranges

_SHORTEST = 3


def sentences(text: str) -> list[str]:
    """Return the sentences of a report that are read, stripped; those under 3 characters are not.

    Source: RaTEScore 0.6.0 with medspacy 1.3.1 and PyRuSH 1.0.13.

    >>> sentences("The lungs are clear. No effusion.  ")
    ['The lungs are clear.', 'No effusion.']
    """
    pieces = (text[start:stop].strip() for start, stop in sentence_ranges(text))
    return [piece for piece in pieces if len(piece) >= _SHORTEST]


def sentence_ranges(text: str) -> list[Range]:
    """Return the character ranges of all sentences, from a first to a last token.

    A sentence begins at a token where a span begins, at the token after a span, and in a gap
    between spans at its first token of white space, or else at its first token; after the last
    span at every token of white space.
    """
    tokens = token_ranges(text)
    if not tokens:
        return []
    begins = sorted({0} | _begins(text, tokens, sentence_spans(text)))
    stops = [*begins[1:], len(tokens)]
    return [(tokens[a][0], tokens[b - 1][1]) for a, b in zip(begins, stops, strict=True)]


def _begins(text: str, tokens: list[Range], spans: list[Range]) -> set[int]:
    """Return the numbers of the tokens that begin a sentence."""
    starts = [start for start, _ in tokens]
    begins: set[int] = set()
    number = 0
    for place, (start, stop) in enumerate(spans):
        after = bisect_left(starts, stop, number)
        if after == number:
            continue  # the span lies within one token, and the gap after it counts for nothing
        first = bisect_left(starts, start, number)
        if starts[first : first + 1] == [start]:
            begins.add(first)
        if first < after < len(tokens):
            begins.add(after)
        number = after
        if place + 1 < len(spans):
            number = bisect_left(starts, spans[place + 1][0], after)
            gap = range(after, number)
            begins.update([i for i in gap if _is_space(text, tokens[i])][:1] or gap[:1])
    begins.update(i for i in range(number, len(tokens)) if _is_space(text, tokens[i]))
    return begins


def _is_space(text: str, token: Range) -> bool:
    return text[slice(*token)].isspace()
