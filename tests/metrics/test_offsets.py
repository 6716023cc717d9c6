from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metrics.tokens.mteval_13a import tokens, words
from metrics.tokens.offsets import align
from tests.strategies import any_text, texts


def test_tokens_are_found_whatever_their_case_and_what_was_dropped() -> None:
    raw = 'The "Heart" isn\'t\n(large).'
    found = align(raw, ["the", "heart", "isnt", "(", "large", ")", "."])
    pieces = [raw[place[0] : place[1]] for place in found if place]
    assert ["The", "Heart", "isn't", "(", "large", ")", "."] == pieces


def test_a_token_that_is_not_there_is_none_and_disturbs_no_other() -> None:
    assert [(0, 1), None, (2, 3)] == align("a b", ["a", "zzz", "b"])
    assert [None, (0, 1)] == align("a", ["-lrb-", "a"])


@given(texts)
def test_every_word_of_a_text_is_found_in_order(raw: str) -> None:
    found = align(raw, raw.split())
    assert [raw[place[0] : place[1]] for place in found if place] == [
        word for word, place in zip(raw.split(), found, strict=True) if place
    ] or any(not c.isalnum() for c in raw)
    places = [place for place in found if place]
    assert places == sorted(places)


@given(any_text, st.lists(any_text, max_size=5))
def test_places_never_leave_the_text(raw: str, others: list[str]) -> None:
    pieces = [token for word in words(raw) for token in tokens(word)]
    for place in align(raw, pieces + others):
        assert place is None or 0 <= place[0] < place[1] <= len(raw)
