from __future__ import annotations

from typing import Any

import pytest

from models.errors import InputError
from models.training.teaching import Remark, survey_records
from tests.models.training.goldens import label_cases, tokenizer


def record(name: str, *words: str, **more: str) -> dict[str, Any]:
    turns = [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(words)]
    return {"id": name, "conversations": turns, **more}


RECORDS = [
    record("good", "<image>\nAny change?", "None.", image="a.png"),
    record("empty", "<image>\nAny change?", "", image="a.png"),
    record("open", "Any change?"),
    record("late", "<image>\n" + "Any change? " * 80, "None.", image="a.png"),
    record("marked", "Any change?", "None.</s>USER: Sure?"),
    {"id": "doubled", "conversations": [{"from": "human", "value": "A"}] * 2},
    {"id": "void"},
]


def test_records_that_teach_nothing_are_counted_and_named() -> None:
    found = survey_records(RECORDS, tokenizer("llama_legacy"), "libra_v1", 128)
    assert (7, 2) == (found.records, found.taught)
    assert ["doubled", "void"] == [remark.record for remark in found.refused]
    assert (
        Remark("empty", "it has no answer"),
        Remark("open", "it has no answer"),
        Remark("late", "its first answer begins beyond the 128 tokens that are kept"),
    ) == found.silent
    assert (Remark("marked", "holds </s> and USER:"),) == found.marked
    assert (
        "2 of 7 records teach; 2 refused, 3 without a token to learn; 1 with a mark of the "
        "template in their text." == found.summary()
    )


@pytest.mark.parametrize(
    ("template", "name", "text"),
    [
        ("libra_llama_3", "llama3", "None.<|eot_id|>"),
        ("mistral_instruct", "llama_new", "[INST] None."),
        ("conv_gemma", "gemma", "<start_of_turn>model None."),
        ("qwen", "chatml", "<image> None."),
        ("v0", "llama_new", "None.</s>"),
    ],
)
def test_marks_in_a_text_are_told(template: str, name: str, text: str) -> None:
    found = survey_records([record("a", "Any?", text)], tokenizer(name), template)
    assert 1 == len(found.marked)


def test_captions_have_no_marks() -> None:
    caption = record("a", "<image>\nWrite.", "None.\nUSER:", image="a.png")
    assert () == survey_records([caption], tokenizer("llama_new"), "plain").marked


def test_a_record_without_id_is_named_by_its_place() -> None:
    nameless = {"conversations": [{"from": "human", "value": "Q"}]}
    found = survey_records([RECORDS[0], nameless], tokenizer("llama_new"))
    assert ["2"] == [remark.record for remark in found.silent]


@pytest.mark.parametrize("case", [c for _, c in label_cases() if c["status"] == "mend"][:40])
def test_what_the_original_silently_learns_nothing_from_teaches_here(case: dict[str, Any]) -> None:
    one = {"id": "a", "conversations": case["conversation"]}
    one |= {"image": "a.png"} if case["has_image"] else {}
    found = survey_records([one], tokenizer(case["tokenizer"]), case["template"])
    assert 1 == found.taught


def test_wrong_settings_are_refused_at_once_and_not_once_per_record() -> None:
    with pytest.raises(InputError, match="Unknown conversation template"):
        survey_records(RECORDS, tokenizer("llama_new"), "libra_1")
    with pytest.raises(InputError, match="fast tokenizer"):
        survey_records(RECORDS, object())


def test_no_records_are_no_error() -> None:
    assert 0 == survey_records([], tokenizer("llama_new")).taught
