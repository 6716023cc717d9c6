"""From synthetic PhysioNet folders to a trained model and its row of a leaderboard."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

VARIABLES = {
    "MIMIC_CXR_TRAIN": "studies/train.jsonl",
    "MIMIC_CXR_VALID": "studies/validate.jsonl",
    "MIMIC_CXR_JPG": "raw/files",
    "MEDICAL_DIFF_VQA": "medical_diff_vqa",
    "MIMIC_EXT_VQA": "mimic_ext_vqa",
}
RECIPE = """
extends: libra-rehearsal
name: tiny
stages:
  alignment: {max_steps: 2, batch_size: 2, evaluate_every: 2, validation: {studies: 4, metrics: []}}
  findings: {max_steps: 3, batch_size: 2, evaluate_every: 3, validation: {studies: 4, generated: 2}}
"""
BENCHMARK = """
name: mine
data: {format: studies, path: studies/test.jsonl, images: raw/files, section: findings}
models:
  - {id: tuned, adapter: libra, weights: model/findings, generation: {max_new_tokens: 8}}
metrics: [bleu, temporal]
statistics: {resamples: 50}
output: results
"""


@pytest.fixture
def prepared(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with studies made of raw data, which the environment names."""
    monkeypatch.chdir(tmp_path)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    tables = ["--metadata", "raw/mimic-cxr-2.0.0-metadata.csv.gz"]
    splits = ["--splits", "raw/mimic-cxr-2.0.0-split.csv.gz"]
    vqa = "raw/MIMIC-Ext-MIMIC-CXR-VQA/dataset"
    steps = {
        "studies": ["mimic-cxr", "--reports", "raw/mimic-cxr-reports.zip", *tables, *splits],
        "medical_diff_vqa": ["medical-diff-vqa", "--questions", "raw/mimic_pair_questions.csv"],
        "mimic_ext_vqa": ["mimic-ext-vqa", "--dataset", vqa],
    }
    steps["studies"] += ["--images", "raw/files", "--section", "any", "--views", "frontal"]
    steps["medical_diff_vqa"] += tables
    phantoms = ["phantoms", "--as-physionet", "--patients", "20"]
    for output, words in {"raw": phantoms, **steps}.items():
        done = run("data", *words, "--output", output)
        assert 0 == done.status, done.err
    return tmp_path


def test_the_path_from_raw_folders_to_a_leaderboard_is_one_command_a_step(
    run: Run, prepared: Path
) -> None:
    (prepared / "tiny.yaml").write_text(RECIPE)
    (prepared / "mine.yaml").write_text(BENCHMARK)

    plan = run("train", "tiny.yaml", "--plan", "--json")
    assert 0 == plan.status, plan.err
    studies = (prepared / "studies/train.jsonl").read_text("utf-8").splitlines()
    alignment, findings = json.loads(plan.out)["stages"]
    assert (len(studies), 3, 2) == (findings["records"], findings["updates"], alignment["updates"])

    trained = run("train", "tiny.yaml", "--output", "model", "--json")
    assert 0 == trained.status, trained.err
    stages = json.loads(trained.out)
    assert [("alignment", 2), ("findings", 3)] == [(one["name"], one["steps"]) for one in stages]
    assert {"loss", "bleu4", "temporal_f1"} <= set(stages[1]["evaluation"])
    left_out = (prepared / "model/alignment/records/train/left_out.jsonl").read_text("utf-8")
    assert stages[0]["left_out"] == ({"no_answer": len(left_out.splitlines())} if left_out else {})

    merged = run("merge", "--model", "model/findings", "--output", "merged")
    assert 0 == merged.status, merged.err
    assert (prepared / "merged/model.safetensors").is_file()

    ran = run("run", "mine.yaml")
    assert 0 == ran.status, ran.err
    leaderboard = (prepared / "results/leaderboard.csv").read_text("utf-8").splitlines()
    assert ["tuned"] == [next(iter(row.values())) for row in csv.DictReader(leaderboard)]


def test_a_run_again_is_refused_and_resumed_it_is_already_done(run: Run, prepared: Path) -> None:
    (prepared / "tiny.yaml").write_text(RECIPE)
    assert 0 == run("train", "tiny.yaml", "--output", "model").status
    weights = (prepared / "model/findings/adapter_model.safetensors").read_bytes()

    again = run("train", "tiny.yaml", "--output", "model")
    assert 2 == again.status
    assert "is there already" in again.err

    resumed = run("train", "tiny.yaml", "--output", "model", "--resume")
    assert 0 == resumed.status, resumed.err
    assert weights == (prepared / "model/findings/adapter_model.safetensors").read_bytes()

    (prepared / "tiny.yaml").write_text(RECIPE.replace("max_steps: 3", "max_steps: 4"))
    changed = run("train", "tiny.yaml", "--output", "model", "--resume")
    assert 2 == changed.status
    assert "recipe" in changed.err


def test_data_that_no_variable_names_are_missing_with_the_way_to_get_them(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    done = run("train", "libra-rehearsal", "--output", tmp_path / "model")
    assert 3 == done.status
    assert "MIMIC_CXR_TRAIN is not set" in done.err
    assert "cxr-harness data mimic-cxr" in done.err
    assert not (tmp_path / "model").exists()


def test_a_plan_needs_neither_data_nor_weights(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = run("train", "libra-v1.0-7b", "--plan")
    assert 0 == done.status, done.err
    for shown in ("6,738,554,880", "319,815,680", "385 (A6000)", "zero3_offload"):
        assert shown in done.out
    assert list(tmp_path.iterdir()) == []
