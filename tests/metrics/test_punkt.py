from __future__ import annotations

from pathlib import Path

import nltk
import pytest
from hypothesis import given, settings
from nltk.data import FileSystemPathPointer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, load_punkt_params

import metrics
from metrics.tokens import punkt
from tests.hostile_words import hostile_texts

FOLDER = Path(metrics.__file__).parent / "resources" / "punkt_english"


@pytest.fixture(scope="module")
def parameters() -> PunktParameters:
    with pytest.MonkeyPatch.context() as patch:
        # NLTK reads only below the folders that it knows.
        patch.setattr(nltk.data, "path", [str(FOLDER.parent)])
        return load_punkt_params(FileSystemPathPointer(str(FOLDER)))


@pytest.fixture(scope="module")
def official(parameters: PunktParameters) -> PunktSentenceTokenizer:
    return PunktSentenceTokenizer(parameters)


def test_parameters_are_those_that_nltk_reads(parameters: PunktParameters) -> None:
    ours = punkt.english()
    assert parameters.abbrev_types == ours.abbreviations
    assert parameters.collocations == ours.collocations
    assert parameters.sent_starters == ours.sentence_starters
    known = {word: parameters.ortho_context[word] for word in ours.contexts}
    assert known == ours.contexts
    assert 20_000 < len(known)


@settings(max_examples=600, deadline=None)
@given(text=hostile_texts)
def test_sentences_equal_nltks_on_any_text(official: PunktSentenceTokenizer, text: str) -> None:
    assert official.tokenize(text) == punkt.sentences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lungs clear. No effusion.", ["Lungs clear.", "No effusion."]),
        ("Seen by Dr. Doe. Stable.", ["Seen by Dr. Doe.", "Stable."]),
        ("(Normal.) Next one.", ["(Normal.)", "Next one."]),
        ("1. Heart normal.", ["1.", "Heart normal."]),
        ("nodule of 1. 5 cm", ["nodule of 1.", "5 cm"]),
        ("", []),
    ],
)
def test_sentences_end_at_full_stops_that_are_no_abbreviation(
    official: PunktSentenceTokenizer, text: str, expected: list[str]
) -> None:
    assert expected == punkt.sentences(text)
    assert expected == official.tokenize(text)


@pytest.mark.parametrize(
    ("word", "open_ended"),
    [
        ("effusion.", False),
        ("dr.", True),
        ("x.", True),
        ("5.", True),
        ("...", True),
        ("so?!", False),
    ],
)
def test_a_word_is_open_ended_if_the_next_one_decides(word: str, open_ended: bool) -> None:
    assert open_ended == punkt.may_depend_on_what_follows(word)
