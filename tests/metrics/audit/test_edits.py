"""Edits change one thing of a report, only where they apply, and never inside a word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.audit.edits import EDITS, edits
from metrics.audit.words import sentences
from metrics.errors import InputError
from tests.strategies import texts

REPORT = (
    "There is a small left pleural effusion, increased. No pneumothorax. "
    "The endotracheal tube is in place. The heart is normal in size."
)


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        ("negation_flip", "No pleural effusion.", "Pleural effusion."),
        ("negation_flip", "There is no edema.", "There is edema."),
        ("negation_flip", "Clear lungs without effusion.", "Clear lungs with effusion."),
        ("negation_flip", "NEGATIVE FOR EFFUSION.", "POSITIVE FOR EFFUSION."),
        ("negation_flip", "The heart is not enlarged.", "The heart is enlarged."),
        ("negation_flip", "There is a small effusion.", "There is no effusion."),
        ("side_swap", "Left effusion.", "Right effusion."),
        ("side_swap", "Right-sided chest tube.", "Left-sided chest tube."),
        ("side_swap", "Opacity in the RLL.", "Opacity in the LLL."),
        ("severity", "Mild cardiomegaly.", "Severe cardiomegaly."),
        ("severity", "There is a large effusion.", "There is a small effusion."),
        ("temporal_reversal", "Increased opacity.", "Decreased opacity."),
        ("temporal_reversal", "An unchanged effusion.", "A worsened effusion."),
        ("temporal_reversal", "No significant change.", "Interval worsening."),
        ("finding_removed", "The heart is large. Mild edema.", "The heart is large."),
        ("device_removed", "PICC in place. Clear lungs.", "Clear lungs."),
        ("synonym", "Bony structures.", "Osseous structures."),
        ("synonym", "Lungs are within normal limits.", "Lungs are normal."),
        ("sentence_order", "No effusion. Clear lungs.", "Clear lungs. No effusion."),
        ("abbreviation", "Right lower lobe opacity.", "RLL opacity."),
        ("abbreviation", "No PTX.", "No pneumothorax."),
        ("side_swap", "LEFT effusion.", "RIGHT effusion."),
        ("abbreviation", "ETT in place.", "Endotracheal tube in place."),
    ],
)
def test_an_edit_gives(edit: str, before: str, after: str) -> None:
    assert after == EDITS[edit].apply(before)


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ("negation_flip", "Nodules are seen, knotty and noteworthy."),
        ("negation_flip", "No significant change since the prior."),
        ("negation_flip", "The lungs are not well evaluated."),
        ("side_swap", "Cleft and brightness, leftover."),
        ("side_swap", "Left and right effusions."),
        ("severity", "No large effusion."),
        ("severity", "Mild to moderate edema."),
        ("severity", "The smallest effusion."),
        ("temporal_reversal", "No new effusion."),
        ("temporal_reversal", "Renewed interest; the news is newest."),
        ("temporal_reversal", "Unchanged sternotomy wires."),
        ("finding_removed", "Mild edema."),
        ("finding_removed", "No edema. Clear lungs."),
        ("device_removed", "The midline is straight. Clear lungs."),
        ("device_removed", "No tube is seen. Clear lungs."),
        ("finding_invented", "  "),
        ("sentence_order", "Clear lungs."),
        ("sentence_order", "An opacity is seen. This is new."),
        ("sentence_order", "1. Effusion. 2. Edema."),
        ("abbreviation", "The smm and cmp."),
    ],
)
def test_an_edit_does_not_apply(edit: str, text: str) -> None:
    assert EDITS[edit].apply(text) is None


def test_something_is_invented_that_the_text_does_not_speak_of() -> None:
    made = EDITS["finding_invented"].apply(REPORT)
    assert made is not None
    new = made.removeprefix(REPORT).strip()
    assert new.startswith("There is")
    assert not re.search("effusion|pneumothorax|heart", new)


def test_all_edits_of_meaning_apply_to_a_full_report() -> None:
    made = {name: edit.apply(REPORT) for name, edit in EDITS.items() if edit.kind == "meaning"}
    assert None not in made.values()
    assert len(made) == len(set(made.values()))


@pytest.mark.parametrize("name", EDITS)
@given(text=texts, seed=st.integers(0, 3))
def test_an_edit_changes_the_text_or_does_not_apply(name: str, text: str, seed: int) -> None:
    made = EDITS[name].apply(text, seed)
    assert made is None or (made != text and made.strip())
    assert made == EDITS[name].apply(text, seed)


@pytest.mark.parametrize("name", EDITS)
@given(word=st.sampled_from(["left", "no", "mild", "new", "stable", "bony", "opacity", "tube"]))
def test_nothing_is_edited_inside_a_word(name: str, word: str) -> None:
    text = f"x{word}x {word}y non-{word} {word}-z. q{word}"
    if name != "finding_invented":
        made = EDITS[name].apply(text)
        assert made is None or name == "sentence_order"


@given(text=texts)
def test_sentences_joined_are_the_text(text: str) -> None:
    assert text == "".join(sentences(text))


def test_numbers_of_lists_and_decimals_end_no_sentence() -> None:
    text = "1. A 1.5 cm nodule. 2. Edema."
    assert ["1. A 1.5 cm nodule. ", "2. Edema."] == sentences(text)


def test_another_seed_may_draw_another_place() -> None:
    text = "No effusion. No edema. No pneumothorax. No fracture."
    made = {EDITS["negation_flip"].apply(text, seed) for seed in range(20)}
    assert 4 == len(made)


def test_edits_are_found_by_name() -> None:
    assert ["synonym", "severity"] == [edit.name for edit in edits(["synonym", "severity"])]
    with pytest.raises(InputError, match="Unknown edit 'severty'"):
        edits(["severty"])
    with pytest.raises(InputError, match="No edits are named"):
        edits([])
