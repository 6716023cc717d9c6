from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from metrics.errors import InputError
from metrics.judges import JudgeSettings
from metrics.printed_names import PRINTED, PRINTED_FOR_SEVERAL, plain
from metrics.protocols import PROTOCOLS
from metrics.selection import FAMILIES, known_outputs, own_wordings, select


def keys(names: list[str] | None, protocol: str | None = None) -> list[str]:
    return [key for one in select(names, protocol) for key in one.columns]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("BLEU4", "bleu4"),
        ("BLEU-4", "bleu4"),
        ("bleu_4", "bleu4"),
        ("ROUGE-L", "rougeL"),
        ("rougel", "rougeL"),
        ("METEOR", "meteor"),
        ("CIDEr", "cider"),
        ("CIDEr-D", "cider"),
        ("chrF", "chrf"),
        ("Temporal_entity_score", "temporal_f1"),
        ("BL-4", "bleu4"),
        ("MTR", "meteor"),
        ("RG-L", "rougeL"),
        ("BERTScore-F1", "bertscore_f1"),
        ("RG_ER", "radgraph_partial"),
        ("RadGraph-Complete", "radgraph_complete"),
        ("Micro-F1-14", "chexbert_micro_f1_14"),
        ("Macro F1-5", "chexbert_macro_f1_5"),
        ("SembScore", "semb_score"),
        ("CheXbert similarity", "semb_score"),
        ("RadCliQ-v1", "radcliq_v1"),
        ("1/RadCliQ-v1", "radcliq_v1_reciprocal"),
        ("1/RadCliQ", "radcliq_v1_reciprocal"),
        ("RaTEScore", "ratescore"),
        ("GREEN score", "green"),
        ("CRIMSON-Score", "crimson"),
    ],
)
def test_names_as_papers_print_them_are_accepted(written: str, name: str) -> None:
    assert name == keys([written])[0]


def test_a_printed_name_may_follow_a_protocol() -> None:
    assert ["rexrank/radcliq_v1_reciprocal"] == keys(["bleu4", "rexrank/1/RadCliQ-v1"])[1:]


@pytest.mark.parametrize("written", PRINTED_FOR_SEVERAL)
def test_a_name_that_papers_print_for_several_scores_lists_them(written: str) -> None:
    with pytest.raises(InputError, match="for different scores") as refused:
        select([written])
    choices = str(refused.value).partition("yours: ")[2].rstrip(".").split(", ")
    assert PRINTED_FOR_SEVERAL[written] == tuple(keys(choices))


@pytest.mark.parametrize("written", ["F1-CheXbert", "CheXpert F1-14", "F1-RadGraph", "RadGraph-F1"])
def test_scores_without_their_average_or_level_are_ambiguous(written: str) -> None:
    with pytest.raises(InputError, match=f"Papers print '{written}' for different scores"):
        select([written])


def test_no_printed_name_hides_one_of_ours() -> None:
    own = {*map(plain, known_outputs()), *FAMILIES}
    assert set() == own & {*PRINTED, *PRINTED_FOR_SEVERAL}


def test_a_family_has_the_annotator_of_its_protocol() -> None:
    found = select(["radgraph"], "radgraph-xl")
    assert {"radgraph-xl", "cxr-bert"} == {w for one in found for w in one.metric.weights}
    assert "radgraph_combined" in [key for one in found for key in one.columns]


def test_a_family_selects_all_outputs_whose_name_begins_so() -> None:
    assert ["bleu1", "bleu2", "bleu3", "bleu4"] == keys(["bleu"])
    assert ["rouge1", "rouge2", "rougeL"] == keys(["rouge"])
    assert {"temporal_f1", "temporal_f1_present", "temporal_direction_f1"} <= set(
        keys(["temporal"])
    )


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_selects_its_own_set(name: str) -> None:
    assert set(PROTOCOLS[name].outputs) <= set(keys([name]))
    assert keys([name]) == keys(None, name)


def test_temporal_f1_brings_the_score_over_studies_with_a_temporal_word() -> None:
    assert ["temporal_f1", "temporal_f1_present"] == keys(["temporal_f1"])


def test_bare_names_belong_to_the_first_protocol_named() -> None:
    (bleu, *_) = select(["bleu4", "libra"])
    assert "treatment:libra" in bleu.metric.signature


def test_an_explicit_protocol_decides_over_bare_names() -> None:
    (one,) = select(["bleu4"], "sacrebleu")
    assert "smoothing:exp" in one.metric.signature


def test_a_second_treatment_is_keyed_by_its_protocol() -> None:
    found = keys(["libra", "sacrebleu"])
    assert "bleu4" in found
    assert "sacrebleu/bleu4" in found
    assert "sacrebleu/chrf" in found


def test_one_output_of_a_protocol_can_be_named() -> None:
    assert ["bleu4", "radeval/bleu4"] == keys(["bleu4", "radeval/bleu4"])


def test_metrics_with_equal_signatures_are_computed_once() -> None:
    found = select(["temporal_direction_f1", "temporal"])
    signatures = [one.metric.signature for one in found]
    assert len(set(signatures)) == len(signatures)


def test_rexrank_bleu2_is_the_smoothed_mean() -> None:
    (one,) = select(["rexrank/bleu2"])
    assert "bleu2_sentence" == one.metric.info.name


def test_rexrank_has_its_official_columns() -> None:
    assert [
        "bleu2",
        "bertscore_f1",
        "semb_score",
        "radgraph_combined",
        "radcliq_v1_reciprocal",
        "ratescore",
        "green",
        "green_errors",
    ] == keys(["rexrank"])


JUDGE = JudgeSettings("m", "http://localhost:8000/v1")


def judged(*names: str, prompt: Path | None = None) -> list[str]:
    settings = replace(JUDGE, prompt=None if prompt is None else str(prompt))
    return [key for one in select(names, None, settings) for key in one.columns]


def test_scores_of_a_judge_bring_their_share_of_errors() -> None:
    assert ["fineradscore_style", "fineradscore_style_errors"] == keys(["FineRadScore-style"])


def test_without_its_published_prompt_a_judge_is_asked_in_our_words() -> None:
    style = ["green_style", "green_style_errors"]
    assert style == judged("GREEN")
    assert style == judged("green", "green_style")
    assert style == judged("rexrank")[-2:]
    assert ["bleu4", "rexrank/green_style"] == judged("bleu4", "rexrank/green")[:2]
    assert ["green", "green_errors"] == keys(["green"])  # no judge: nothing to stand in


def test_a_folder_of_prompts_is_looked_into_for_each_judge(tmp_path: Path) -> None:
    (tmp_path / "green.txt").touch()
    found = judged("green", "crimson", prompt=tmp_path)
    assert ["green", "green_errors", "crimson_style", "crimson_style_errors"] == found
    # a file that is not there is an error of its own
    assert ["green", "green_errors"] == judged("green", prompt=tmp_path / "gren.txt")


def test_what_stands_in_for_what_can_be_given() -> None:
    found = select(["green"], None, JUDGE, {})
    assert ["green", "green_errors"] == [key for one in found for key in one.columns]
    expected = {"green": "green_style", "green_errors": "green_style_errors"}
    assert expected == own_wordings(found)
    assert {} == own_wordings(select(["green", "bleu"], None, JUDGE))


@pytest.mark.parametrize(
    ("names", "protocol", "message"),
    [
        (["meteo"], None, "'meteor'"),
        (["bleu5"], None, "Unknown metric 'bleu5'"),
        (["bleu4"], "rexrank", "does not define 'bleu4'"),
        (["bleu"], "hub", "Unknown protocol 'hub'"),
        ([], None, "No metrics are named"),
        ([""], None, "Unknown metric ''"),
    ],
)
def test_wrong_names_are_errors_that_say_so(
    names: list[str], protocol: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        select(names, protocol)
