from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, LlamaConfig

from models.libra.prompts import FINDINGS_QUESTION, render
from models.training.phantom.vocabulary import IGNORED, build_tokenizer, slots_of, tokenize_reports

REPORTS = ["The lungs are clear.", "A small left effusion has increased."] * 30
TOKENIZER = build_tokenizer(REPORTS, 330)


@given(st.text(max_size=40))
def test_any_text_comes_back_from_its_ids(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert text == TOKENIZER.decode(ids, clean_up_tokenization_spaces=False)


def test_the_sentences_of_the_prompt_are_one_token_each() -> None:
    ids = TOKENIZER(FINDINGS_QUESTION, add_special_tokens=False)["input_ids"]
    assert 1 == len(ids)


def test_a_saved_tokenizer_gives_the_same_ids(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path, config=LlamaConfig())
    prompt = render("libra_v1", [("user", "Where?"), ("assistant", REPORTS[1])])
    assert TOKENIZER(prompt)["input_ids"] == loaded(prompt)["input_ids"]


def test_a_report_ends_with_the_end_token_and_padding_is_ignored() -> None:
    found = tokenize_reports(TOKENIZER, ["The lungs are clear.", REPORTS[1]])
    short = int(found.lengths[0])
    assert TOKENIZER.eos_token_id == int(found.labels[0, short - 1])
    assert {IGNORED} == set(found.labels[0, short:].tolist())


def test_words_of_change_are_marked_in_every_token() -> None:
    found = tokenize_reports(TOKENIZER, REPORTS[:2])
    marked = found.ids[1][found.temporal[1]].tolist()
    assert "increased" == TOKENIZER.decode(marked).strip()
    assert not found.temporal[0].any()


def test_the_prompt_is_cut_at_the_image() -> None:
    found = tokenize_reports(TOKENIZER, REPORTS[:1])
    assert TOKENIZER.bos_token_id == found.before[0]
    assert TOKENIZER.decode(found.after).endswith("ASSISTANT:")


def test_findings_in_words_are_padded_with_minus_one() -> None:
    slots = slots_of(TOKENIZER, [["left effusion"], []])
    assert (2, 1) == tuple(slots.shape[:2])
    assert {-1} == set(slots[1].flatten().tolist())
