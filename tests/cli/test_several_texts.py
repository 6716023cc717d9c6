"""The small Libra asked for several texts per study, with an image that is mended later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.workplace import comparable

pytest.importorskip("torch")

BENCHMARK = """\
name: several
data: {format: studies, path: ph/valid.jsonl, images: ph, section: findings}
models:
  - {id: two, adapter: libra, weights: libra-phantom, batch_size: 4, priors: [real, dummy],
     generation: {num_beams: 3, num_return_sequences: 2, max_new_tokens: 12}}
  - {id: one, adapter: libra, weights: mlp-phantom, batch_size: 4, generation: {max_new_tokens: 12}}
metrics: [bleu4]
statistics: {resamples: 0}
output: out
"""


@pytest.fixture
def image(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an image that is one study's current and another's prior, beside a benchmark."""
    monkeypatch.chdir(tmp_path)
    assert 0 == run("data", "phantoms", "--seed", 3, "--patients", 5, "--output", "ph").status
    Path("bench.yaml").write_text(BENCHMARK)
    studies = [json.loads(line) for line in Path("ph/valid.jsonl").read_text().splitlines()]
    found = next(path for study in studies for path in study["prior_images"])
    assert found in [path for study in studies for path in study["images"]]
    return Path("ph", found)


def test_two_texts_per_study_over_a_torn_image_and_its_mending(image: Path, run: Run) -> None:
    whole = image.read_bytes()
    image.write_bytes(b"torn")
    command = ("run", "bench.yaml", "--allow-missing")
    ended = run(*command)
    assert 0 == ended.status, ended.err
    failed = {"two": 2, "two@dummy": 1, "one": 1}
    scores = json.loads(Path("out/scores.json").read_text())
    assert failed == {name: system["failed"] for name, system in scores["systems"].items()}
    image.write_bytes(whole)
    ended = run(*command)
    assert (0, "") == (ended.status, ended.err)
    assert 0 == run(*command, "--output", "fresh").status
    mended, fresh = comparable(Path("out")), comparable(Path("fresh"))
    same = [name for name in fresh if name != "report.html"]  # which says how long it took
    assert {name: fresh[name] for name in same} == {name: mended[name] for name in same}
    lines = [json.loads(line) for line in fresh["predictions/two.jsonl"].splitlines()]
    n = scores["n"]
    assert [0, 1] * n == [line["sequence"] for line in lines]
    assert all(
        a["prediction"] != b["prediction"] for a, b in zip(lines[::2], lines[1::2], strict=True)
    )
    assert "sequence" not in json.loads(fresh["predictions/one.jsonl"].splitlines()[0])


def test_more_texts_than_beams_are_refused_before_anything_runs(image: Path, run: Run) -> None:
    Path("bench.yaml").write_text(BENCHMARK.replace("sequences: 2", "sequences: 5"))
    ended = run("run", "bench.yaml", "--dry-run")
    assert 2 == ended.status
    assert "num_return_sequences 5 is more than num_beams 3" in ended.err
