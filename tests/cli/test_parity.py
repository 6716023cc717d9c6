"""`parity`: the official packages beside ours, and what happens where one is not here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.weights_places import nothing_here, small_weights
from tests.cli.workplace import Workplace

__all__ = ["nothing_here", "small_weights"]

SPLIT = ("--setting", "bleu.tokens=split")


def test_the_official_packages_agree_with_us(place: Workplace, run: Run) -> None:
    words = ("parity", "--references", "refs.jsonl", "--predictions", "a.jsonl")
    ended = run(*words, "--metrics", "bleu,chrf,rougeL,temporal_f1", "--json")
    assert 0 == ended.status, ended.err
    rows = json.loads(ended.out)
    for row in rows:
        assert row["equal"]
        official = not row["metric"].startswith("temporal")
        assert official == (row["official"] is not None)
        assert not official or row["largest"] <= 1e-9


def test_parity_refuses_what_score_refuses(place: Workplace, run: Run) -> None:
    words = ("parity", "--references", "refs.jsonl", "--predictions")
    assert 2 == run(*words, "nowhere.jsonl").status
    assert 2 == run(*words, "a.jsonl", "--metrics", "blue").status
    assert 2 == run(*words, "a.jsonl", "--section", "finding").status


@pytest.mark.usefixtures("nothing_here")
def test_parity_leaves_out_what_is_not_here_on_request(place: Workplace, run: Run) -> None:
    words = ("parity", "--references", "refs.jsonl", "--predictions", "a.jsonl", "--metrics")
    ended = run(*words, "bleu,semb_score", "--json")
    assert 3 == ended.status
    assert "not on this machine: chexbert, bert-base" in ended.err
    ended = run(*words, "bleu,semb_score", "--skip-unavailable", "--json")
    assert 0 == ended.status, ended.err
    assert "Left out: semb_score (not on this machine: chexbert, bert-base)." in ended.err
    metrics = [row["metric"] for row in json.loads(ended.out)]
    assert ["bleu1", "bleu2", "bleu3", "bleu4"] == metrics


@pytest.mark.usefixtures("small_weights")
def test_parity_leaves_out_what_has_no_official_package_here_on_request(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CXR_HARNESS_REFERENCE_ENV", str(tmp_path))
    words = ("parity", "--references", "refs.jsonl", "--predictions", "a.jsonl", "--metrics")
    assert 3 == run(*words, "bleu4,semb_score").status
    ended = run(*words, "bleu4,semb_score", "--skip-unavailable", "--json")
    assert 0 == ended.status, ended.err
    assert "Left out: semb_score. The official clinical packages need" in ended.err
    assert ["bleu4"] == [row["metric"] for row in json.loads(ended.out)]
    ended = run(*words, "semb_score", "--skip-unavailable")
    assert 3 == ended.status
    assert "Nothing is left to compare" in ended.err


def test_the_official_packages_get_our_settings(place: Workplace, run: Run) -> None:
    words = ("parity", "--references", "refs.jsonl", "--predictions", "a.jsonl", "--json")
    ends = [run(*words, "--metrics", "bleu4"), run(*words, "--metrics", "bleu4", *SPLIT)]
    assert [0, 0] == [ended.status for ended in ends], ends
    (plain,), (split,) = (json.loads(ended.out) for ended in ends)
    assert plain["official"] != split["official"]
    assert split["equal"]
