import json
import pickle
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from metrics._crimson import CrimsonStyle
from metrics._fineradscore import FineRadScoreStyle
from metrics._green import Green, GreenStyle
from metrics.errors import InputError, MetricsWarning, MissingError
from metrics.evaluation import System, compute_statistics
from metrics.judges import JudgeSettings, summarise
from metrics.judges.judged import JudgedMetric
from metrics.samples import Samples, TestSet
from tests.models.chat_server import ChatServer, Received, Reply, Serve, completion

PAIR = re.compile(r"Reference:\n(.*)\n\nCandidate:\n(.*)\n")


def green_answer(matched: int, errors: int) -> str:
    return (
        f"[Explanation]:\nWords.\n\n[Clinically Significant Errors]:\n(b) Omitted: {errors}. x\n\n"
        f"[Clinically Insignificant Errors]:\nNo\n\n[Matched Findings]:\n{matched}. y"
    )


def pair(request: Received) -> tuple[str, str]:
    found = PAIR.search(request.body["messages"][-1]["content"])
    assert found is not None
    return found.group(1), found.group(2)


def same_words(request: Received, number: int) -> Reply:
    """Judge that findings are words."""
    reference, candidate = (set(text.split()) for text in pair(request))
    return completion(green_answer(len(reference & candidate), len(reference - candidate)))


def samples_of(
    predictions: Sequence[str], references: Sequence[Sequence[str]], **more: Any
) -> Samples:
    ids = [str(i) for i in range(len(references))]
    return Samples.of(predictions, TestSet(ids, references, **more))


def judge(server: ChatServer, **more: Any) -> JudgeSettings:
    return JudgeSettings("m", server.endpoint, **{"max_retries": 0, **more})


def scores(metric: JudgedMetric, samples: Samples) -> list[float]:
    found: list[float] = metric.reduce(metric.statistics(samples).sum(axis=0)).tolist()
    return found


def test_pairs_are_judged_and_scored(serve: Serve) -> None:
    metric = GreenStyle(judge(serve(same_words)))
    samples = samples_of(["a b", "a c d"], [["a b"], ["a b c d"]])
    assert [(1 + 0.75) / 2, 0.0] == scores(metric, samples)
    assert [[1.0, 0.0], [0.75, 0.0]] == metric.per_sample(metric.statistics(samples)).tolist()


def test_a_configured_judge_lacks_nothing(serve: Serve) -> None:
    assert [] == GreenStyle(judge(serve(same_words))).lacking


def test_each_distinct_pair_is_asked_about_once_ever(serve: Serve) -> None:
    server = serve(same_words)
    samples = samples_of(["a", "a", "b"], [["a"], ["a"], ["a"]])
    first = scores(GreenStyle(judge(server)), samples)
    assert 2 == len(server.received)
    # another process, an endpoint that serves the same model elsewhere
    elsewhere = serve(same_words)
    assert first == scores(GreenStyle(judge(elsewhere)), samples)
    assert 0 == len(elsewhere.received)
    scores(GreenStyle(judge(elsewhere, seed=1)), samples)
    assert 2 == len(elsewhere.received)


def test_the_best_of_several_references_counts(serve: Serve) -> None:
    metric = GreenStyle(judge(serve(same_words)))
    assert [0.5, 0.0] == scores(metric, samples_of(["a b"], [["b c d e", "a z"]]))


def test_an_answer_that_is_no_verdict_is_asked_for_again(serve: Serve) -> None:
    answers = [completion("I cannot say."), completion("[Matched Findings]:\n1. x")]
    server = serve(lambda r, n: answers[n] if n < 2 else same_words(r, n))
    assert [1.0, 0.0] == scores(GreenStyle(judge(server)), samples_of(["a"], [["a"]]))
    asked = [(r.body["temperature"], r.body["seed"]) for r in server.received]
    assert [(0.0, 42), (0.7, 43), (0.7, 44)] == asked


def test_a_pair_without_a_verdict_is_an_error_and_not_dropped(serve: Serve) -> None:
    def reply(request: Received, number: int) -> Reply:
        return completion("?") if pair(request)[0] == "zebra" else same_words(request, number)

    server = serve(reply)
    metric = GreenStyle(judge(server, second_tries=1))
    samples = samples_of(["a", "b", "zebra", ""], [["a"], ["a"], ["zebra"], ["a"]])
    with pytest.warns(MetricsWarning, match="1 of 4 pairs have no verdict") as warned:
        metric.annotate(samples)
    assert "zebra" not in str(warned[0].message)
    statistics = metric.statistics(samples)
    assert 5 == len(server.received)
    per_sample = metric.per_sample(statistics)
    assert [1.0, 0.0, 0.0] == per_sample[[0, 1, 3], 0].tolist()
    assert np.isnan(per_sample[2, 0])
    assert [1 / 3, 0.25] == metric.reduce(statistics.sum(axis=0)).tolist()
    assert 3 == statistics.sum(axis=0)[metric.info.outputs[0].count_column or 0]


def test_errors_are_asked_about_again_in_the_next_run_only(serve: Serve) -> None:
    server = serve(lambda r, n: Reply(500) if n == 0 else same_words(r, n))
    samples = samples_of(["a"], [["a"]])
    first = GreenStyle(judge(server))
    assert [1.0] == scores(first, samples)[1:]
    assert [1.0] == scores(first, samples)[1:]
    assert [1.0, 0.0] == scores(GreenStyle(judge(server)), samples)
    assert 2 == len(server.received)


@pytest.mark.parametrize("status", [401, 402, 404])
def test_what_was_answered_before_the_end_is_not_asked_about_again(
    serve: Serve, status: int
) -> None:
    server = serve(lambda r, n: Reply(status) if n == 3 else same_words(r, n))
    samples = samples_of(list("abcdef"), [["a"]] * 6)
    one_at_a_time = judge(server, concurrency=1)
    with pytest.raises(InputError):
        scores(GreenStyle(one_at_a_time), samples)
    assert 4 == len(server.received)
    assert [1 / 6, 0.0] == scores(GreenStyle(one_at_a_time), samples)
    assert 4 + 3 == len(server.received)


def test_verdicts_are_kept_where_asking_again_for_others_ends(serve: Serve) -> None:
    def reply(request: Received, number: int) -> Reply:
        if request.body["seed"] != 42:
            return Reply(401)
        return completion("?") if pair(request)[1] == "zebra" else same_words(request, number)

    server = serve(reply)
    samples = samples_of(["a", "zebra", "b"], [["a"]] * 3)
    with pytest.raises(InputError, match="does not let us in"):
        scores(GreenStyle(judge(server)), samples)
    asked = len(server.received)
    with pytest.raises(InputError, match="does not let us in"):
        scores(GreenStyle(judge(server)), samples)
    assert 2 == len(server.received) - asked  # the one without a verdict, twice


def test_nobody_judged_is_undefined(serve: Serve) -> None:
    metric = GreenStyle(judge(serve(Reply(500))))
    score, errors = scores(metric, samples_of(["a"], [["a"]]))
    assert np.isnan(score)
    assert 1.0 == errors


def test_one_unjudged_reference_makes_the_sample_an_error(serve: Serve) -> None:
    server = serve(lambda r, n: Reply(500) if pair(r)[0] == "b" else same_words(r, n))
    assert [1.0] == scores(GreenStyle(judge(server)), samples_of(["a"], [["a", "b"]]))[1:]


def test_worker_processes_read_what_was_judged_and_ask_nobody(serve: Serve) -> None:
    server = serve(lambda r, n: Reply(500) if pair(r)[0] == "b" else same_words(r, n))
    metric = GreenStyle(judge(server))
    test_set = TestSet(["1", "2"], [["a"], ["b"]])
    systems = {"x": System(["a", "b"]), "y": System(["c", "b"])}
    with pytest.warns(MetricsWarning, match="2 of 4 pairs"):
        _, statistics = compute_statistics([metric], test_set, systems, processes=2)
    assert [[1, 1, 0, 1], [0, 0, 1, 1]] == statistics["x"][0].tolist()
    assert [[0, 1, 0, 1], [0, 0, 1, 1]] == statistics["y"][0].tolist()
    assert 3 == len(server.received)


def test_a_judged_metric_can_be_sent_to_another_process(serve: Serve) -> None:
    server = serve(same_words)
    metric = GreenStyle(judge(server))
    samples = samples_of(["a"], [["a"]])
    before = metric.statistics(samples)
    sent: GreenStyle = pickle.loads(pickle.dumps(metric))
    np.testing.assert_array_equal(before, sent.statistics(samples))
    assert 1 == len(server.received)


def test_verdicts_can_be_summarised_as_green_does(serve: Serve) -> None:
    metric = GreenStyle(judge(serve(same_words)))
    verdicts = metric.verdicts(samples_of(["a b", "a c d"], [["a b"], ["a b c d"]]))
    summary = summarise([verdict for sample in verdicts for verdict in sample])
    assert (2, 0.875, 0.125) == (summary["n"], summary["mean"], summary["std"])
    assert (1.0, 0.5) == (summary["accuracy"]["a"], summary["accuracy"]["b"])


def test_crimson_is_asked_with_context_and_scored(serve: Serve) -> None:
    verdict = {
        "reference_findings": [{"id": "R1", "clinical_significance": "urgent"}],
        "predicted_findings": [],
        "matched_findings": [{"ref_id": "R1", "pred_id": "P1"}],
        "errors": {"attribute_errors": [{"ref_id": "R1", "severity": "significant"}]},
    }
    server = serve(completion(f"```json\n{json.dumps(verdict)}\n```"))
    settings = judge(server, context=("indication", "history"))
    contexts = [{"indication": "Cough.", "history": " ", "technique": "PA"}]
    metric = CrimsonStyle(settings)
    assert [0.6667, 0.0] == scores(metric, samples_of(["a"], [["b"]], contexts=contexts))
    question = server.received[0].body["messages"][-1]["content"]
    assert "    indication: Cough.\n" in question
    assert "history:" not in question
    assert "PA" not in question


@pytest.mark.parametrize(("total", "expected"), [("sum", 5.0), ("max", 4.0)])
def test_fineradscore_weighs_corrections_and_lower_is_better(
    serve: Serve, total: str, expected: float
) -> None:
    def reply(request: Received, number: int) -> Reply:
        severities = [4, 1] if pair(request)[0] == "a" else [4, 4]
        corrections = [{"line": "", "severity": one} for one in severities]
        return completion(json.dumps({"corrections": corrections}))

    metric = FineRadScoreStyle(judge(serve(reply)), total=total)
    assert [expected, 0.0] == scores(metric, samples_of(["x"], [["a", "b"]]))
    assert not metric.info.outputs[0].higher_is_better


@pytest.mark.parametrize("severity", [0, 5, True, "4", 2.5, None])
def test_a_severity_that_is_none_is_no_verdict(serve: Serve, severity: Any) -> None:
    server = serve(completion(json.dumps({"corrections": [{"severity": severity}]})))
    metric = FineRadScoreStyle(judge(server, second_tries=0))
    assert 1.0 == scores(metric, samples_of(["x"], [["a"]]))[1]


def test_no_correction_is_a_perfect_score(serve: Serve) -> None:
    for total in ("sum", "max"):
        metric = FineRadScoreStyle(judge(serve(completion('{"corrections": []}'))), total=total)
        assert 0.0 == scores(metric, samples_of(["x"], [["a"]]))[0]


def test_another_total_is_an_error() -> None:
    with pytest.raises(InputError, match="sum, max"):
        FineRadScoreStyle(total="mean")


def test_without_a_judge_the_message_says_what_to_set() -> None:
    metric = GreenStyle()
    assert "green_style|judge:none|v:1" == metric.signature
    assert metric.endpoint is None
    [lack] = metric.lacking
    assert "CXR_HARNESS_JUDGE_MODEL" in lack
    with pytest.raises(MissingError, match="CXR_HARNESS_JUDGE_MODEL"):
        metric.fit(samples_of(["a"], [["a"]]))


def test_the_environment_can_describe_the_judge(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(same_words)
    monkeypatch.setenv("CXR_HARNESS_JUDGE_ENDPOINT", server.endpoint)
    monkeypatch.setenv("CXR_HARNESS_JUDGE_MODEL", "m")
    assert server.endpoint == GreenStyle().endpoint
    assert {"green_style": 1.0, "green_style_errors": 0.0} == GreenStyle().score(["a"], ["a"])


def test_green_needs_the_published_prompt_and_signs_its_absence(serve: Serve) -> None:
    metric = Green(judge(serve(same_words), api_key_env="MY_UNSET_KEY"))
    assert "green|judge:absent|v:1" == metric.signature
    prompt, key = metric.lacking
    assert "the published prompt of green" in prompt
    assert "MY_UNSET_KEY" in key
    with pytest.raises(MissingError, match="green_style does without"):
        metric.fit(samples_of(["a"], [["a"]]))


def test_a_signature_changes_with_what_moves_a_verdict_and_not_with_the_address() -> None:
    settings = JudgeSettings("m", "https://here/v1")
    signature = GreenStyle(settings).signature
    assert signature == GreenStyle(replace(settings, endpoint="https://there/v1")).signature
    for change in ({"model": "n"}, {"temperature": 0.5}, {"seed": 1}, {"context": ("age",)}):
        assert signature != GreenStyle(replace(settings, **change)).signature
    assert re.search(r"^green_style\|judge:m\+prompt@[0-9a-f]{64}\+[^|]+\|v:1$", signature)


def test_a_local_model_that_is_not_there_is_missing() -> None:
    metric = GreenStyle(JudgeSettings("/nowhere/model"))
    assert ["the judge's model /nowhere/model"] == metric.lacking
    assert "green_style|judge:absent|v:1" == metric.signature
    with pytest.raises(MissingError, match=r"no folder with a config\.json"):
        metric.fit(samples_of(["a"], [["a"]]))


def test_what_was_judged_before_the_end_is_not_asked_again(serve: Serve) -> None:
    server = serve(lambda r, n: Reply(401) if n == 16 else same_words(r, n))
    samples = samples_of([f"a{i}" for i in range(20)], [["a"]] * 20)
    metric = GreenStyle(judge(server, concurrency=1))
    with pytest.raises(InputError, match="does not let us in"):
        metric.annotate(samples)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GreenStyle(judge(server, concurrency=1)).annotate(samples)
    assert 17 + 4 == len(server.received)
