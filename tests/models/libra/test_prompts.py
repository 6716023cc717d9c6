"""Prompts against those of X-iZhang/Libra @0d6c56a, recorded in ``golden/libra_prompts.json``."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InputError
from models.libra import prompts
from models.libra.templates import find, model_name

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "libra_prompts.json").read_text(encoding="utf-8")
)
FINDINGS = "<image>\nDescribe."


def turns(case: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(("user", "assistant")[role], text) for role, text in case["turns"]]


class ToyTokenizer:
    """Words become ids in the order they are first met, after a begin token or not."""

    bos_token_id = 1

    def __init__(self, begins: bool) -> None:
        self.begins = begins
        self.words: dict[str, int] = {}

    def __call__(self, text: str) -> SimpleNamespace:
        ids = [self.words.setdefault(word, 10 + len(self.words)) for word in text.split()]
        return SimpleNamespace(input_ids=[1, *ids] if self.begins else ids)


def test_the_templates_are_those_of_the_original_in_its_order() -> None:
    assert list(GOLDEN["templates"]) == prompts.templates()
    assert 27 == len(prompts.templates())


@pytest.mark.parametrize("name", GOLDEN["templates"])
def test_every_field_of_a_template_equals_the_original(name: str) -> None:
    expected, template = GOLDEN["templates"][name], find(name)
    assert expected["system"] == template.system
    assert expected["roles"] == list(template.roles)
    assert expected["sep_style"].lower() == template.style
    assert [expected["sep"], expected["sep2"]] == list(template.separators)
    assert expected["version"] == template.version
    assert [text for _, text in expected["preset_messages"]] == list(template.preset)
    assert expected["stop_str"] == prompts.stop_string(name)


@pytest.mark.parametrize(
    "case", GOLDEN["prompts"], ids=lambda case: f"{case['conv']}-{case['case']}"
)
def test_prompts_equal_the_original_to_the_byte(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(InputError, match=repr(case["conv"])):
            prompts.render(case["conv"], turns(case))
    else:
        assert case["prompt"] == prompts.render(case["conv"], turns(case))


@pytest.mark.parametrize("run", GOLDEN["tokenizer_image_token"]["runs"], ids=["begin", "bare"])
def test_ids_have_one_begin_token_and_the_image_in_its_place(run: dict[str, Any]) -> None:
    tokenizer = ToyTokenizer(run["bos"])
    for row in run["rows"]:
        assert row["ids"] == prompts.tokenize(row["prompt"], tokenizer)


@given(st.lists(st.text("ab ", max_size=8), min_size=1, max_size=5), st.booleans())
def test_ids_hold_an_image_per_place_and_lose_no_word(pieces: list[str], begins: bool) -> None:
    ids = prompts.tokenize("<image>".join(pieces), ToyTokenizer(begins))
    assert len(pieces) - 1 == ids.count(-200)
    assert int(begins) == ids.count(1)
    assert sum(len(piece.split()) for piece in pieces) == sum(i >= 10 for i in ids)


@pytest.mark.parametrize("case", GOLDEN["model_names"], ids=lambda case: case["name"])
def test_a_training_step_is_named_with_its_parent(case: dict[str, str]) -> None:
    assert case["name"] == model_name(case["path"])


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("X-iZhang/libra-v1.0-7b", "libra_v1"),
        ("/weights/Libra-v1.0-3B/", "libra_llama_3"),
        ("X-iZhang/Med-CXRGen-I", "libra_v0"),
        ("libra-llava-med-v1.5-mistral-7b", "mistral_instruct"),
        ("my_llava_med", "llava_med_v1.5_mistral_7b"),
        ("libra-maira-2", "maira_2"),
        ("mistral/libra-other", "libra_v1"),
    ],
)
def test_the_template_is_chosen_by_the_name_as_the_original_does(
    folder: str, expected: str
) -> None:
    assert expected == prompts.template_for(folder).name


def test_the_choice_says_what_it_goes_by() -> None:
    assert "contains 'cxrgen'" in prompts.template_for("Med-CXRGen-F").reason
    assert "tells nothing" in prompts.template_for("libra").reason


def test_an_unknown_template_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'libra_1'. Did you mean 'libra_v1'\?"):
        prompts.render("libra_1", [("user", "Q")])


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(InputError, match="'gpt'"):
        prompts.render("libra_v1", [("gpt", "Q")])


@pytest.mark.parametrize("first", [[], [("assistant", "A")], [("user", None)]])
def test_instructions_must_begin_with_a_text_of_the_user(first: list[Any]) -> None:
    with pytest.raises(InputError, match="must begin with a text of the user's"):
        prompts.render("llama_2", first)


def test_an_image_given_with_the_text_is_placed_in_front() -> None:
    turn = ("user", ("Look here <image>", object(), "Pad"))
    system = find("libra_v1").system
    assert f"{system} USER: <image>\nLook here ASSISTANT:" == prompts.render(
        "libra_v1", [turn, ("assistant", None)]
    )


def test_a_template_with_image_marks_shows_the_image_in_two_turns_of_its_own() -> None:
    rendered = prompts.render("libra_v0_mmtag", [("user", ("Q", None, "Pad")), ("assistant", "")])
    expected = "Human: <Image><image></Image>###Assistant: Received.###Human: Q###Assistant:"
    assert f"{find('libra_v0_mmtag').system}###{expected}" == rendered


def test_the_answer_of_llama_3_opens_as_in_training_when_asked_to() -> None:
    talk = [("user", FINDINGS), ("assistant", None)]
    assert prompts.render("llama_3", talk).endswith("<|start_header_id|>ASSISTANT<|end_header_id|>")
    mended = prompts.render("llama_3", talk, published=False)
    assert mended.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
    assert mended.startswith("<|start_header_id|>system")


def test_the_answer_of_qwen_opens_with_a_line_of_its_own_when_asked_to() -> None:
    talk = [("user", FINDINGS), ("assistant", None)]
    assert prompts.render("qwen", talk) + "\n" == prompts.render("qwen", talk, published=False)


def test_the_stop_string_of_llama_2_is_the_end_token_when_asked_to() -> None:
    assert ("<s>", "</s>") == (
        prompts.stop_string("llama_2"),
        prompts.stop_string("llama_2", published=False),
    )


@pytest.mark.parametrize("name", sorted(set(GOLDEN["templates"]) - {"llama_3", "libra_llama_3"}))
def test_what_was_right_is_the_same_either_way(name: str) -> None:
    question = [("user", FINDINGS)]
    assert prompts.render(name, question) == prompts.render(name, question, published=False)


def test_the_question_of_a_section_is_the_one_in_libras_data() -> None:
    assert prompts.FINDINGS_QUESTION == prompts.section_question("findings")
    assert prompts.IMPRESSION_QUESTION == prompts.section_question("impression")
    with pytest.raises(InputError, match="'technique'"):
        prompts.section_question("technique")


def test_the_context_follows_the_question_without_its_blank_sections() -> None:
    context = {"indication": " chest pain ", "technique": " ", "history": "Chest tightness."}
    assert (
        f"{prompts.FINDINGS_QUESTION} Following clinical context: "
        "Indication: chest pain, History: Chest tightness."
    ) == prompts.with_context(prompts.FINDINGS_QUESTION, context)
    assert "Q" == prompts.with_context("Q", {"history": ""})


def test_the_image_stands_before_the_question() -> None:
    assert "<image>\nQ" == prompts.image_question("Q")
    assert "<im_start><image><im_end>\nQ" == prompts.image_question("Q", start_and_end=True)
