import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics._radgraph import TYPES, Radgraph, _kind_counts, entity_places, kind_of
from metrics._radgraph_combined import RadgraphCombined
from metrics._radgraph_rewards import radgraph_rewards
from metrics.annotators import sources
from metrics.annotators.radgraph.documents import document
from metrics.errors import InputError
from metrics.metric import Metric, Span
from metrics.samples import Samples, TestSet

GOLDEN = Path(__file__).parents[1] / "golden" / "radgraph"
CASES: list[dict[str, Any]] = json.loads(
    gzip.decompress((GOLDEN / "rewards.json.gz").read_bytes())
)["cases"]
COLUMNS = {"pypi": "pypi_0_1_18", "github": "github_head"}
LEVELS = ("simple", "partial", "complete")
NOTHING: dict[str, Any] = {"text": "", "entities": {}}


def annotated(metric: Metric, pairs: list[tuple[Any, list[Any]]]) -> Samples:
    """Return samples whose texts stand for these annotations."""
    test_set = TestSet(
        [str(i) for i in range(len(pairs))],
        [[f"{i}/{k}" for k in range(len(references))] for i, (_, references) in enumerate(pairs)],
    )
    samples = Samples.of([str(i) for i in range(len(pairs))], test_set)
    (name,) = metric.annotators
    key = ("annotations", name)
    samples.map_predictions(key, lambda texts: [prediction for prediction, _ in pairs])
    samples.map_references(key, lambda texts: [r for _, references in pairs for r in references])
    return samples


def scores_of(metric: Metric, *pairs: tuple[Any, list[Any]]) -> dict[str, float]:
    statistics = metric.statistics(annotated(metric, list(pairs)))
    values = metric.reduce(statistics.sum(axis=0)).tolist()
    return dict(zip([output.name for output in metric.info.outputs], values, strict=True))


def report(text: str, *entities: tuple[int, int, str]) -> dict[str, Any]:
    return document(text.split(), entities, [])


def golden_pairs() -> list[tuple[Any, list[Any]]]:
    return [(case["hyp"], [case["ref"]]) for case in CASES]


@pytest.mark.parametrize("matching", COLUMNS)
def test_golden_annotations_get_the_official_rewards(matching: Any) -> None:
    for case in CASES:
        found = radgraph_rewards(case["hyp"], case["ref"], matching)
        expected = dict(zip(LEVELS, case[COLUMNS[matching]], strict=True))
        assert expected == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("model_type", ["radgraph", "radgraph-xl", "modern-radgraph-xl"])
@pytest.mark.parametrize("matching", COLUMNS)
def test_golden_reports_get_the_official_rewards(model_type: str, matching: Any) -> None:
    path = GOLDEN / model_type / "expected.json.gz"
    golden = json.loads(gzip.decompress(path.read_bytes()))
    sides = zip(golden["hyp_annotations"], golden["ref_annotations"], strict=True)
    for pair, expected in zip(golden["pairs"], golden[f"rewards_{COLUMNS[matching]}"], strict=True):
        sent = pair["hyp"] and pair["ref"]
        found = radgraph_rewards(*(next(sides) if sent else (NOTHING, NOTHING)), matching)
        assert expected == pytest.approx(list(found.values()), abs=1e-12)


@pytest.mark.parametrize("matching", COLUMNS)
def test_the_metric_is_the_mean_of_the_rewards(matching: str) -> None:
    metric = Radgraph(matching=matching)
    samples = annotated(metric, golden_pairs())
    statistics = metric.statistics(samples)
    expected = np.array([case[COLUMNS[matching]] for case in CASES])
    np.testing.assert_allclose(expected, metric.per_sample(statistics)[:, :3], atol=1e-12)
    np.testing.assert_allclose(
        expected.mean(axis=0), metric.reduce(statistics.sum(axis=0))[:3], atol=1e-12
    )


def test_the_combined_score_is_radcliqs() -> None:
    metric = RadgraphCombined()
    statistics = metric.statistics(annotated(metric, golden_pairs()))
    expected = [[case["cxr_report_metric"]["radgraph_combined"]] for case in CASES]
    np.testing.assert_allclose(expected, metric.per_sample(statistics), atol=1e-12)


def test_equal_reports_without_a_relation_score_a_half_combined() -> None:
    same = report("clear lungs", (1, 1, "ANAT-DP"))
    assert {"radgraph_combined": 0.5} == scores_of(RadgraphCombined(), (same, [same]))


def test_the_best_of_several_references_counts_for_each_score() -> None:
    own = report("clear lungs", (0, 0, "OBS-DP"), (1, 1, "ANAT-DP"))
    other = report("lungs", (0, 0, "ANAT-DP"))
    scores = scores_of(Radgraph(), (own, [other, NOTHING, own]))
    assert 1.0 == scores["radgraph_simple"] == scores["radgraph_observation_present"]
    assert {"radgraph_combined": 0.5} == scores_of(RadgraphCombined(), (own, [NOTHING, own]))


def test_kinds_of_entities_are_counted_over_all_studies() -> None:
    first = report("small effusion lungs", (1, 1, "OBS-DP"), (2, 2, "ANAT-DP"))
    second = report("no effusion heart", (1, 1, "OBS-DA"), (2, 2, "Anatomy::uncertain"))
    scores = scores_of(Radgraph(), (first, [first]), (first, [second]))
    # effusion present: 2 found and 1 wanted, 1 in common; anatomy: 2, 2 and 1 in common
    assert 2 / 3 == pytest.approx(scores["radgraph_observation_present"])
    assert 0.5 == scores["radgraph_anatomy"]
    assert 0.0 == scores["radgraph_observation_absent"]
    assert np.isnan(scores["radgraph_observation_uncertain"])


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("ANAT-DP", "anatomy"),
        ("Anatomy::measurement::definitely present", "anatomy"),
        ("OBS-DP", "observation_present"),
        ("OBS-U", "observation_uncertain"),
        ("OBS-DA", "observation_absent"),
        ("Observation::definitely absent", "observation_absent"),
        ("Observation::measurement::uncertain", "observation_uncertain"),
        ("something else", None),
    ],
)
def test_labels_of_every_model_have_a_kind(label: str, kind: str | None) -> None:
    assert kind == kind_of(label)


def test_model_and_matching_are_in_the_signature() -> None:
    assert Radgraph().signature.startswith("radgraph|annotator:radgraph|matching:pypi|")
    assert ("radgraph-xl",) == Radgraph(annotator="radgraph-xl").annotators
    assert RadgraphCombined().signature.startswith("radgraph_combined|annotator:radgraph|")


@pytest.mark.parametrize(
    "settings", [{"annotator": "chexbert"}, {"matching": "loose"}], ids=lambda s: next(iter(s))
)
def test_unknown_settings_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(InputError, match="Write one of"):
        Radgraph(**settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"entities": [1]},
        {"entities": {"1": {"tokens": "a"}}},
        {"entities": {"1": {"tokens": "a", "label": "b", "relations": [["modify", "9"]]}}},
        None,
    ],
)
def test_what_is_no_annotation_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="RadGraph annotation"):
        radgraph_rewards(NOTHING, wrong)
    metric = RadgraphCombined()
    with pytest.raises(InputError, match="RadGraph annotation"):
        metric.statistics(annotated(metric, [(wrong, [NOTHING])]))


def test_an_unknown_matching_is_refused() -> None:
    with pytest.raises(InputError, match="matching is 'exact'"):
        radgraph_rewards(NOTHING, NOTHING, "exact")  # type: ignore[arg-type]


words = st.lists(st.sampled_from(["Lungs", "lungs", "Clear", "clear", "small"]), min_size=1)


@given(words, words, st.sampled_from(["pypi", "github"]))
def test_rewards_do_not_depend_on_the_side(
    left: list[str], right: list[str], matching: Any
) -> None:
    pair = [
        document(
            text,
            [(i, i, "OBS-DP") for i in range(len(text))],
            [(i, 0, "modify") for i in range(0, len(text), 2)],
        )
        for text in (left, right)
    ]
    assert radgraph_rewards(*pair, matching) == pytest.approx(
        radgraph_rewards(*pair[::-1], matching)
    )
    assert {"simple": 1.0, "partial": 1.0, "complete": 1.0} == radgraph_rewards(
        pair[0], pair[0], matching
    )


def test_entities_are_found_in_the_raw_text() -> None:
    raw = "Small 3.5cm\n(old)  effusion/edema."
    split = ["Small", "3", ".", "5cm", "(", "old", ")", "effusion", "/", "edema", "."]
    annotation = document(split, [(1, 3, "a"), (5, 7, "b"), (9, 9, "c"), (4, 4, "d")], [])
    found = [(raw[a:b], entity["label"]) for a, b, entity in entity_places(raw, annotation)]
    assert [("3.5cm", "a"), ("old)  effusion", "b"), ("edema", "c"), ("(", "d")] == found


def test_spans_show_what_was_matched_missed_and_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "Clear lungs.": report("Clear lungs .", (0, 0, "OBS-DP"), (1, 1, "ANAT-DP")),
        "The lungs, normal": report("The lungs , normal", (1, 1, "ANAT-DP"), (3, 3, "OBS-DP")),
    }
    monkeypatch.setattr(sources, "annotate", lambda name, texts: [known[text] for text in texts])
    prediction, reference = known
    assert [
        Span("prediction", 0, 5, "invented", "OBS-DP"),
        Span("prediction", 6, 11, "matched", "ANAT-DP"),
        Span("reference", 4, 9, "matched", "ANAT-DP"),
        Span("reference", 11, 17, "missed", "OBS-DP"),
    ] == Radgraph().spans(prediction, [reference])


def test_every_output_is_named_after_the_metric() -> None:
    names = [output.name for output in Radgraph.info.outputs]
    assert [f"radgraph_{name}" for name in (*LEVELS, *TYPES)] == names


def test_counts_by_kind_do_not_depend_on_the_order_of_references() -> None:
    own = frozenset({("heart", "ANAT-DP")})
    nothing: frozenset[tuple[str, str]] = frozenset()
    others = [frozenset({("lung", "ANAT-DP"), ("rib", "ANAT-DP")}), nothing, own]
    for found in (own, nothing):
        for first in others:
            for second in others:
                assert _kind_counts(found, [first, second]) == _kind_counts(found, [second, first])
    assert [0.0, 0.0] == _kind_counts(nothing, [others[0], nothing])[:2]
    assert [0.0, 1.0] == _kind_counts(own, [others[0], nothing])[:2]
