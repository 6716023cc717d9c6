from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InputError
from models.libra import prompts
from models.libra.templates import find
from models.training import encode_conversation
from models.training.conversations import training_text
from tests.models.training.goldens import label_cases, tokenizer
from tests.strategies import texts

CASES = label_cases()
NOT_THE_ORIGINAL_S = ("libra_v1__llama3: two_rounds", "libra_v1__llama3: three_rounds")
"""Where the original asks a fast tokenizer for an attribute that it lacks."""

PAIRS = {
    "libra_v1": "llama_legacy", "libra_v1.5_finetune": "llama_new", "libra_llama_2": "llama_new",
    "libra_llama_3": "llama3", "qwen": "chatml", "mpt": "neox", "conv_gemma": "gemma",
    "conv_phi3": "phi3", "libra_v1.5_phi4_finetune": "phi4", "mistral_instruct": "llama_legacy",
    "mistral_direct": "llama_legacy", "libra_v0_mmtag": "llama_new",
}  # fmt: skip


def encoded(case: dict[str, Any]) -> tuple[list[int], list[int]]:
    return encode_conversation(
        case["conversation"],
        tokenizer(case["tokenizer"]),
        case["template"],
        case["has_image"],
        case["model_max_length"],
        start_and_end=case["im_start_end"],
    )


def with_status(*statuses: str) -> list[Any]:
    return [
        pytest.param(case, id=name)
        for name, case in CASES
        if case["status"] in statuses and name not in NOT_THE_ORIGINAL_S
    ]


def labels_of(ids: list[int], spans: list[list[int]]) -> list[int]:
    kept = {position for first, last in spans for position in range(first, last)}
    return [one if position in kept else -100 for position, one in enumerate(ids)]


def test_all_kinds_of_cases_are_there() -> None:
    counts = {s: len(with_status(s)) for s in ("copy", "mend", "error", "unjudged")}
    assert {"copy": 204, "mend": 157, "error": 26, "unjudged": 23} == counts


@pytest.mark.parametrize("case", with_status("copy"))
def test_ids_and_labels_are_the_original_s_where_it_is_right(case: dict[str, Any]) -> None:
    assert (case["input_ids"], labels_of(case["input_ids"], case["kept"])) == encoded(case)


@pytest.mark.parametrize("case", with_status("mend"))
def test_labels_go_by_characters_where_the_original_learns_nothing_or_wrong_tokens(
    case: dict[str, Any],
) -> None:
    assert (case["input_ids"], labels_of(case["input_ids"], case["kept_by_span"])) == encoded(case)


@pytest.mark.parametrize("case", with_status("copy", "mend"))
def test_the_text_is_the_original_s(case: dict[str, Any]) -> None:
    written = training_text(
        case["conversation"],
        case["template"],
        has_image=case["has_image"],
        start_and_end=case["im_start_end"],
    )
    assert case["prompt"] == written.text


@pytest.mark.parametrize("case", with_status("error"))
def test_what_the_original_refuses_is_refused_with_a_sentence(case: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"alternate|two turns"):
        encoded(case)


@pytest.mark.parametrize("case", with_status("unjudged"))
def test_the_oldest_format_has_the_original_s_ids_and_learns_answers_only(
    case: dict[str, Any],
) -> None:
    ids, labels = encoded(case)
    assert case["input_ids"] == ids
    assert "Human" not in tokenizer("llama_legacy").decode([x for x in labels if x != -100])


@pytest.mark.parametrize("case", [case for name, case in CASES if name in NOT_THE_ORIGINAL_S])
def test_a_fast_tokenizer_learns_every_round_under_libra_s_template(case: dict[str, Any]) -> None:
    answers = [turn["value"] for turn in case["conversation"] if turn["from"] == "gpt"]
    _, labels = encoded(case)
    learnt = tokenizer("llama3").decode([x for x in labels if x != -100])
    assert "".join(f" {answer}</s>" for answer in answers) == learnt


def talk(*words: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(words)]


def bare(text: str) -> str:
    return "".join(text.split())


@given(
    st.sampled_from(sorted(PAIRS)),
    st.lists(texts.filter(lambda text: "<" not in text), min_size=2, max_size=6),
    st.booleans(),
)
def test_the_learnt_tokens_say_the_answers_and_nothing_else(
    template: str, words: list[str], has_image: bool
) -> None:
    words = [f"<image>\n?{words[0]}", *words[1:]]
    tokens = tokenizer(PAIRS[template])
    ids, labels = encode_conversation(talk(*words), tokens, template, has_image, 100_000)
    spans = training_text(talk(*words), template, has_image=has_image)
    expected = "".join(spans.text[first:last] for first, last in spans.answers)
    learnt = tokens.decode([x for x in labels if x != -100], skip_special_tokens=False)
    assert bare(expected) == bare(learnt)
    assert sum(bool(answer) for answer in words[1::2]) == len(spans.answers)
    assert all(label in (one, -100) for one, label in zip(ids, labels, strict=True))
    if has_image:
        assert prompts.tokenize(spans.text, tokens) == ids


WITH_ROLES = [n for n in prompts.templates() if find(n).style != "plain" and n != "v0"]


@pytest.mark.parametrize("name", WITH_ROLES)
def test_every_template_learns_an_answer_and_its_end(name: str) -> None:
    tokens = tokenizer("llama_legacy")
    _, labels = encode_conversation(talk("<image>\nAny change?", "None."), tokens, name)
    learnt = tokens.decode([x for x in labels if x != -100]).strip()
    assert f"None.{prompts.stop_string(name, published=False).strip()}" == bare(learnt)


def test_trimmed_offsets_of_white_space_change_nothing() -> None:
    from tokenizers.processors import ByteLevel, Sequence

    whole, trimmed = tokenizer("llama3"), copy.deepcopy(tokenizer("llama3"))
    inner = trimmed.backend_tokenizer
    inner.post_processor = Sequence([ByteLevel(trim_offsets=True), inner.post_processor])
    spaced = talk("<image>\nAny change? ", "  Clear  lungs.\n\n  ")
    assert (
        whole(" a  b", return_offsets_mapping=True)["offset_mapping"]
        != (trimmed(" a  b", return_offsets_mapping=True)["offset_mapping"])
    )
    for template in ("libra_llama_3", "libra_v1", "qwen"):
        assert encode_conversation(spaced, whole, template) == (
            encode_conversation(spaced, trimmed, template)
        )


def test_v0_is_trained_under_vicuna_v1_as_the_original_does() -> None:
    one = talk("<image>\nQ", "A")
    tokens = tokenizer("llama_new")
    assert encode_conversation(one, tokens, "v0") == encode_conversation(one, tokens, "vicuna_v1")


@pytest.mark.parametrize(
    ("conversation", "sentence"),
    [
        ([], "asks nothing"),
        ([{"from": "gpt", "value": "A"}], "asks nothing"),
        ([{"from": "system", "value": "A"}], "Turn 1"),
        ([{"from": "human", "value": None}], "Turn 1"),
        (["Q", "A"], "Turn 1"),
        ("Q", "list of turns"),
    ],
)
def test_odd_conversations_are_refused(conversation: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        encode_conversation(conversation, tokenizer("llama_new"))


def test_an_unknown_template_is_refused_and_not_taken_for_vicuna() -> None:
    with pytest.raises(InputError, match="Did you mean 'libra_v1'"):
        encode_conversation(talk("Q", "A"), tokenizer("llama_new"), "libra_1")


def test_a_tokenizer_that_tells_no_characters_is_refused() -> None:
    with pytest.raises(InputError, match="fast tokenizer"):
        encode_conversation(talk("Q", "A"), object())


def test_importing_the_building_blocks_imports_no_torch() -> None:
    code = (
        "import sys; from models.training import encode_conversation, length_grouped_order, "
        "parameter_groups; print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == done.stdout.strip()
