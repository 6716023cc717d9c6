import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.phantoms.physionet import PhysioNetFolder, write_physionet
from tests.cli.conftest import Run

SPEC = """
name: prepared
data: {{path: {studies}, images: {images}, split: test, section: findings, credentialed: true}}
models:
  - {{id: constant, adapter: constant}}
  - {{id: prior-report, adapter: prior_report}}
  - {{id: nearest-report, adapter: retrieval, bank: {train}}}
metrics: [bleu]
statistics: {{resamples: 0}}
output: {output}
"""


@pytest.fixture(scope="module")
def physionet(tmp_path_factory: pytest.TempPathFactory) -> PhysioNetFolder:
    return write_physionet(tmp_path_factory.mktemp("raw") / "mimic", seed=0, patients=20)


def _mimic_cxr(folder: PhysioNetFolder, output: Path, *more: object) -> list[object]:
    tables = ("--metadata", folder.metadata, "--splits", folder.splits)
    return [
        *("data", "mimic-cxr", "--reports", folder.reports, *tables),
        *("--output", output, *more),
    ]


def _json(out: str) -> Any:
    return json.loads(out)


def test_mimic_cxr_goes_from_raw_folders_to_a_scored_run(
    run: Run, physionet: PhysioNetFolder, tmp_path: Path
) -> None:
    studies = tmp_path / "studies"
    ended = run(*_mimic_cxr(physionet, studies, "--images", physionet.images, "--json"))
    assert 0 == ended.status, ended.err
    report = _json(ended.out)
    assert 67 == report["found"]["studies"] == report["kept"]["total"]
    assert {"test": 14, "train": 47, "validate": 6} == report["kept"]["by_split"]
    spec = tmp_path / "prepared.yaml"
    spec.write_text(
        SPEC.format(
            studies=studies,
            images=physionet.images,
            train=studies / "train.jsonl",
            output=tmp_path / "run",
        )
    )
    ended = run("run", spec, "--json")
    assert 0 == ended.status, ended.err
    systems = _json(ended.out)["systems"]
    assert ["constant", "nearest-report", "prior-report"] == sorted(systems)
    assert all(14 == system["n"] for system in systems.values())


def test_prepared_studies_are_scored(run: Run, physionet: PhysioNetFolder, tmp_path: Path) -> None:
    output = tmp_path / "studies.jsonl"
    run(*_mimic_cxr(physionet, output))
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    answers = tmp_path / "answers.jsonl"
    answers.write_text(
        "".join(
            json.dumps({"study_id": one["study_id"], "prediction": one["reference"]["findings"]})
            + "\n"
            for one in lines
        )
    )
    ended = run(
        *("score", "--references", output, "--predictions", f"own={answers}"),
        *("--metrics", "bleu", "--resamples", "0", "--output", tmp_path / "run", "--json"),
    )
    assert 0 == ended.status, ended.err
    assert 1.0 == pytest.approx(
        _json(ended.out)["systems"]["own"]["metrics"]["bleu4"]["score"], rel=1e-9
    )


def test_what_was_kept_and_dropped_is_printed(
    run: Run, physionet: PhysioNetFolder, tmp_path: Path
) -> None:
    output = tmp_path / "studies.jsonl"
    ended = run(*_mimic_cxr(physionet, output, "--section", "findings+impression"))
    assert 0 == ended.status, ended.err
    assert "kept, validate" in ended.out
    assert ended.out.rstrip().endswith(str(output.with_name("studies.report.json")))


def test_the_same_raw_data_give_the_same_bytes(
    run: Run, physionet: PhysioNetFolder, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        run(*_mimic_cxr(physionet, tmp_path / name, "--priors", "strict"))
    for file in (tmp_path / "a").glob("*.jsonl"):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--priors", "strickt"), "Did you mean 'strict'"),
        (("--images", "nowhere"), "There is no folder nowhere"),
        (("--output", "studies.txt"), "Name a file that ends in .jsonl, or a folder"),
    ],
)
def test_a_wrong_choice_ends_with_2(
    run: Run, physionet: PhysioNetFolder, tmp_path: Path, more: tuple[str, str], message: str
) -> None:
    ended = run(*_mimic_cxr(physionet, tmp_path / "studies.jsonl", *more))
    assert (2, True) == (ended.status, message in ended.err), ended.err
    assert [] == list(tmp_path.iterdir())


def test_questions_and_libras_records_are_prepared(
    run: Run, physionet: PhysioNetFolder, tmp_path: Path
) -> None:
    words = ("--questions", physionet.medical_diff_vqa, "--metadata", physionet.metadata)
    pairs = run("data", "medical-diff-vqa", *words, "--output", tmp_path / "pairs", "--json")
    assert 0 == _json(pairs.out)["dropped"]["total"]
    single = run(
        *("data", "mimic-ext-vqa", "--dataset", physionet.mimic_ext_vqa),
        *("--images", physionet.images, "--output", tmp_path / "single", "--json"),
    )
    assert 67 == _json(single.out)["kept"]["total"]
    source = tmp_path / "pairs" / "train.jsonl"
    ended = run(
        *("data", "libra", "--input", source, "--to", "train"),
        *("--output", tmp_path / "train.json", "--json"),
    )
    assert 0 == ended.status, ended.err
    assert len(source.read_text().splitlines()) == len(
        json.loads((tmp_path / "train.json").read_text())
    )


def test_phantoms_are_laid_out_as_physionet_does(run: Run, tmp_path: Path) -> None:
    words = ("data", "phantoms", "--as-physionet", "--patients", "1", "--output", tmp_path / "raw")
    ended = run(*words, "--json")
    assert 0 == ended.status, ended.err
    paths = _json(ended.out)
    assert all(Path(path).exists() for path in paths.values())
    assert 2 == run(*words).status
