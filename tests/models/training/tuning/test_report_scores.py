"""Metrics that choose the best model."""

from __future__ import annotations

import pytest

from metrics.errors import InputError as UnknownMetric
from metrics.errors import MissingError
from models.errors import InputError
from models.training.tuning.report_scores import (
    check_metrics,
    is_better_higher,
    report_scores,
    score_key,
)


def test_a_low_loss_and_a_high_score_are_the_better_ones() -> None:
    assert is_better_higher(["bleu4"], "loss") is False
    assert is_better_higher(["bleu4"], "bleu4") is True
    assert is_better_higher(["prior_hallucination"], "prior_hallucination") is False


def test_a_name_as_papers_print_it_finds_its_score() -> None:
    assert score_key(["BLEU-4"], "BLEU-4") == "bleu4"


def test_scores_are_those_of_the_metrics_room() -> None:
    found = report_scores(["no effusion"], ["no pleural effusion"], ["rougeL"])
    assert found == {"rougeL": pytest.approx(0.8)}


def test_a_family_is_no_score_to_choose_by() -> None:
    with pytest.raises(InputError, match="bleu1, bleu2, bleu3, bleu4"):
        check_metrics(["bleu"], "bleu")


def test_an_unknown_metric_is_refused_before_training() -> None:
    with pytest.raises(UnknownMetric, match="Did you mean"):
        check_metrics(["blue4"], "loss")


def test_a_metric_without_its_weights_is_refused_before_training() -> None:
    with pytest.raises(MissingError, match="radgraph"):
        check_metrics(["radgraph_partial"], "radgraph_partial")
