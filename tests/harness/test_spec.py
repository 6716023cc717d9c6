import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.environment import expanded
from harness.errors import InputError
from harness.spec import bundled_benchmarks, find_benchmark, load_spec
from harness.suggest import suggestion
from models.errors import InputError as ModelsInputError

MINIMAL = """\
data: {path: test.jsonl}
models:
  - {id: constant, adapter: constant}
"""
PREDICTIONS = "adapter: predictions, path: "


def _file(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_defaults_are_filled_in_and_go_on_record(tmp_path: Path) -> None:
    benchmark = load_spec(_file(tmp_path, MINIMAL))
    assert benchmark.resolved() == {
        "name": "mine",
        "data": {"path": "test.jsonl", "section": "findings", "credentialed": False, "columns": {}},
        "models": [{"id": "constant", "adapter": "constant", "priors": ["real"]}],
        "statistics": {
            "resamples": 1000,
            "confidence": 0.95,
            "method": "percentile",
            "seed": 0,
            "cluster": "auto",
        },
        "slices": ["has_prior", "view", "report_length"],
        "output": "results/mine",
    }


def test_every_field_is_read(tmp_path: Path) -> None:
    text = """\
name: all
data: {format: csv, path: a.csv, images: img, split: test, section: findings+impression,
       credentialed: true, columns: {study_id: ID}}
models:
  - {id: m, adapter: predictions, path: p.csv, priors: [none], columns: {prediction: the text}}
  - {id: c, adapter: constant, text: Clear.}
  - {id: r, adapter: retrieval, bank: train.csv, sections: [indication]}
  - {id: p, adapter: prior_report, priors: [real, dummy, shuffled]}
metrics: [bleu, rouge1, temporal_f1]
protocol: radeval
statistics: {resamples: 5000, confidence: 0.9, method: bca, seed: 7, cluster: none}
slices: []
output: elsewhere
""".replace("temporal_f1", "rougeL")
    benchmark = load_spec(_file(tmp_path, text))
    assert [{}, {"text": "Clear."}, {"sections": ["indication"]}, {}] == [
        entry.options for entry in benchmark.models
    ]
    assert {"prediction": "the text"} == benchmark.models[0].columns
    assert [["m@none"], ["c"], ["r"], ["p", "p@dummy", "p@shuffled"]] == [
        entry.systems for entry in benchmark.models
    ]
    assert ("bca", 5000, "none", ()) == (
        benchmark.statistics.method,
        benchmark.statistics.resamples,
        benchmark.statistics.cluster,
        benchmark.slices,
    )


def test_merged_keys_are_no_repetition(tmp_path: Path) -> None:
    text = """\
data: {path: a}
models:
  - &first {id: a, adapter: constant, text: Clear.}
  - {<<: *first, id: b}
"""
    benchmark = load_spec(_file(tmp_path, text))
    assert [("a", {"text": "Clear."}), ("b", {"text": "Clear."})] == [
        (entry.id, entry.options) for entry in benchmark.models
    ]


def test_inputs_start_at_the_file_and_the_output_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MINIMAL + "output: out\n"
    (tmp_path / "inner").mkdir()
    _file(tmp_path / "inner", text.replace("{path:", "{images: /data/img, path:"))
    monkeypatch.chdir(tmp_path)
    benchmark = load_spec("inner/mine.yaml")
    monkeypatch.chdir("/")
    assert tmp_path / "inner" / "test.jsonl" == benchmark.data_path
    assert Path("/data/img") == benchmark.image_folder
    assert Path("out") == benchmark.output_path
    changed = benchmark.model_copy(update={"models": benchmark.models[:1]})
    assert tmp_path / "inner" / "test.jsonl" == changed.data_path


def test_paths_read_the_environment_and_texts_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIES", "/data/studies.jsonl")
    monkeypatch.delenv("IMAGES", raising=False)
    text = """\
data: {path: "${STUDIES}", images: "${IMAGES:-}"}
models: [{id: c, adapter: constant, text: "${HOME}"}]
output: ${OUT:-results}/here
"""
    benchmark = load_spec(_file(tmp_path, text))
    assert ("/data/studies.jsonl", None) == (benchmark.data.path, benchmark.image_folder)
    assert {"text": "${HOME}"} == benchmark.models[0].options
    assert "results/here" == benchmark.output


def test_the_environment_is_read_by_name_with_defaults() -> None:
    values = {"A": "/a", "EMPTY": ""}
    assert "/a/x/d" == expanded("${A}/x/${EMPTY:-d}", "here", values)
    assert "$A" == expanded("$A", "here", values)
    for text, message in (
        ("${B}", r"here: the environment variable B is not set. Set it \(`export B=…`\), or"),
        ("${EMPTY}", "the environment variable EMPTY is not set"),
        ("${A", "here: a variable is not written"),
        ("${1}", "here: a variable is not written"),
    ):
        with pytest.raises(InputError, match=message):
            expanded(text, "here", values)


@given(text=st.text())
def test_texts_without_variables_stay_as_they_are(text: str) -> None:
    plain = text.replace("${", "")
    assert plain == expanded(plain, "here", {})


BROKEN = [
    ("", "line 1: expected fields such as"),
    ("- a\n", "line 1: expected fields such as"),
    ("name: a\n", "line 1: data is missing. Add `data: …`."),
    (MINIMAL + "modles: []\n", "line 4, modles: unknown key 'modles'. Did you mean 'models'?"),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, weigths: x"),
        "line 3, models[0].weigths: unknown key 'weigths' of the adapter constant. Known: id,",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, txt: x"),
        "line 3, models[0].txt: unknown key 'txt' of the adapter constant. Did you mean 'text'?",
    ),
    (MINIMAL.replace("path:", "pth:"), "line 1, data.pth: unknown key 'pth'. Did you mean 'path'?"),
    (
        MINIMAL.replace("adapter: constant", "adapter: constnat"),
        "line 3, models[0].adapter: unknown adapter 'constnat'. Did you mean 'constant'?",
    ),
    (MINIMAL.replace("id: constant, ", ""), "line 3, models[0]: id is missing. Add `id: …`."),
    (
        MINIMAL.replace("id: constant", "id: 7"),
        "models[0].id: input should be a valid string. Write",
    ),
    (MINIMAL.replace("id: constant", 'id: "a\\nb"'), "models[0].id: it has characters that cannot"),
    (MINIMAL.replace("id: constant", "id: ''"), "models[0].id: it is empty. Write a value."),
    (
        MINIMAL + "  - {id: constant, adapter: prior_report}\n",
        "line 4, models[1].id: the system 'constant' appears twice (first at",
    ),
    (
        MINIMAL + "  - {id: p, adapter: prior_report, priors: [dummy]}\n"
        "  - {id: p@dummy, adapter: constant}\n",
        "line 5, models[2].id: the system 'p@dummy' appears twice",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, priors: [fake]"),
        "line 3, models[0].priors[0]: unknown value. Known: real, dummy, shuffled, none.",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, priors: [reel]"),
        "line 3, models[0].priors[0]: unknown value. Did you mean 'real'?",
    ),
    ("data: {path: a}\nmodels:\n", "line 2, models: it is empty. Name at least one model."),
    (MINIMAL + "output: ''\n", "line 4, output: it is empty. Write a folder, or leave it out for"),
    (MINIMAL + "output:\n", "line 4, output: it is empty. Write a folder, or leave it out for"),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, columns: {prediction: x}"),
        "line 3, models[0].columns: unknown key 'columns' of the adapter constant.",
    ),
    (
        MINIMAL.replace("adapter: constant", PREDICTIONS + "p.jsonl, columns: {prediction: x}"),
        "line 3, models[0].columns: it is for CSV and TSV files. Leave it out.",
    ),
    (
        MINIMAL.replace("adapter: constant", PREDICTIONS + "p.csv, columns: {predicton: x}"),
        "models[0].columns.predicton: unknown field of predictions 'predicton'. Did you mean 'pred",
    ),
    (
        MINIMAL.replace("adapter: constant", PREDICTIONS + "p.csv, columns: {prediction: ''}"),
        "line 3, models[0].columns.prediction: it is empty. Write a value.",
    ),
    (
        MINIMAL.replace("adapter: constant", PREDICTIONS + "p.csv, columns: [prediction]"),
        "line 3, models[0].columns: input should be a valid dictionary. Write fields such as",
    ),
    (MINIMAL.replace("adapter: constant", "adapter: predictions"), "models[0]: path is missing."),
    (
        MINIMAL.replace("adapter: constant", "adapter: predictions, path: p, priors: [real, none]"),
        "models[0].priors: one file of predictions has one prior mode.",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: retrieval"),
        "line 3, models[0]: the adapter retrieval needs training studies. Give either bank",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: retrieval, bank: a, bank_split: b"),
        "Give either bank (a file) or bank_split (another split of the same data).",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, bank: a"),
        "line 3, models[0].bank: unknown key 'bank' of the adapter constant.",
    ),
    (
        MINIMAL.replace("adapter: constant", "adapter: constant, text: 3"),
        "mine.yaml line 3, models[0] is wrong: Input should be a valid string.",
    ),
    (
        MINIMAL + "models: []\n",
        "line 4: the key 'models' appears twice (first on line 2). Keep one",
    ),
    ("data: {path: a}\nmodels: []\n", "line 2, models: it is empty. Name at least one model."),
    ("data: {path: a}\nmodels: 3\n", "line 2, models: input should be a valid list. Write a list"),
    ("data: a.jsonl\nmodels: []\n", "line 1, data: input should be a valid dictionary"),
    (MINIMAL.replace("path: test.jsonl", ""), "line 1, data: path is missing. Name the file"),
    (
        MINIMAL.replace("{path", "{format: studeis, path"),
        "line 1, data.format: unknown format 'studeis'. Did you mean 'studies'?",
    ),
    (
        MINIMAL.replace("{path", "{format: phantoms, path"),
        "line 1, data.path: the format phantoms draws its own data. Leave it out.",
    ),
    (
        MINIMAL.replace("{path", "{seed: 3, path"),
        "line 1, data.seed: it is for the format phantoms only. Leave it out.",
    ),
    (
        MINIMAL.replace("{path", "{format: flat, columns: {study_id: a}, path"),
        "line 1, data.columns: it is for format csv. Leave it out.",
    ),
    (
        MINIMAL.replace("test.jsonl", '"${CXR_TEST_UNSET}"'),
        "line 1, data.path: the environment variable CXR_TEST_UNSET is not set.",
    ),
    (MINIMAL + "metrics: [bleu, meteo]\n", "line 4, metrics[1]: Unknown metric 'meteo'. Did you"),
    (MINIMAL + "metrics: [bleu]\nprotocol: lbra\n", "line 5, protocol: Unknown protocol 'lbra'."),
    (MINIMAL + "metrics: []\n", "line 4, metrics: it is empty. Name at least one metric,"),
    (
        MINIMAL + "statistics:\n  resamples: -1\n",
        "line 5, statistics.resamples: input should be greater than or equal to 0. Mend",
    ),
    (
        MINIMAL + "statistics:\n  confidence: 95\n",
        "line 5, statistics.confidence: input should be less than 1. Mend the value.",
    ),
    (
        MINIMAL + "statistics: {resamples: 1e3}\n",
        "line 4, statistics.resamples: input should be a valid integer. Write a whole number.",
    ),
    (
        MINIMAL + "statistics: {method: bca}\n",
        "line 4, statistics: BCa intervals need at least 5000 resamples, not 1000.",
    ),
    (
        MINIMAL + "statistics: {method: percentle}\n",
        "line 4, statistics.method: unknown value. Did you mean 'percentile'?",
    ),
    (
        MINIMAL + "statistics: {seeds: 3}\n",
        "line 4, statistics.seeds: unknown key 'seeds'. Did you mean 'seed'?",
    ),
    ("data: {path: a\nmodels: b\n", "line 2 column 7: not YAML ("),
    ("a: b: c\n", "line 1 column 5: not YAML (mapping values are not allowed here)"),
    ("a: !!python/object/apply:os.system [ls]\n", "line 1 column 4: not YAML (could not determine"),
    ("a: 2001-02-31\n", "line 1: not a YAML file ("),
    ("a: &a [*a]\n", "line 1: not a YAML file ("),
    ("a: \0\n", "line 1: not YAML (it has characters that YAML does not allow)."),
]


@pytest.mark.parametrize(("text", "what"), BROKEN)
def test_a_broken_benchmark_is_refused_by_line_and_field(
    tmp_path: Path, text: str, what: str
) -> None:
    path = _file(tmp_path, text)
    with pytest.raises((InputError, ModelsInputError)) as caught:
        load_spec(path)
    assert what in str(caught.value)
    assert str(caught.value).startswith((str(path), "The option"))
    assert 2 == getattr(caught.value, "exit_status", None)


def test_a_file_that_is_not_utf8_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(ValueError, match=r"does not exist. Check the path."):
        load_spec(path)
    path.write_bytes(MINIMAL.encode("utf-16"))
    with pytest.raises(ValueError, match=r"line 1: the file is UTF-16. Save it as UTF-8."):
        load_spec(path)


def test_an_unknown_name_offers_the_nearest_bundled_one() -> None:
    assert "Did you mean 'iu_xray'?" == suggestion("iu_xry", [p.stem for p in bundled_benchmarks()])
    with pytest.raises(InputError, match=r"no benchmark 'iu_xry'.*Did you mean 'iu_xray'"):
        find_benchmark("iu_xry")


def test_a_file_in_the_working_directory_comes_before_a_bundled_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundled = find_benchmark("iu_xray")
    assert "benchmarks" == bundled.parent.name
    _file(tmp_path, MINIMAL, "iu_xray")
    assert Path("iu_xray") == find_benchmark("iu_xray")


@pytest.mark.parametrize("path", bundled_benchmarks(), ids=lambda path: path.stem)
def test_bundled_benchmarks_load_and_say_what_they_are(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = path.read_text()
    for name in ("IU_XRAY", "MIMIC_CXR_STUDIES", "MIMIC_CXR_TRAIN"):
        monkeypatch.setenv(name, "/data")
    for name in ("REXRANK_TEST", "REXRANK_VALID", "REXRANK_PREDICTIONS"):
        monkeypatch.setenv(name, "/data.json")
    for name in ("MEDICAL_DIFF_VQA", "MIMIC_EXT_VQA"):
        monkeypatch.setenv(name, "/questions")
    benchmark = load_spec(path.stem)
    assert path.stem == benchmark.name
    assert f"results/{path.stem}" == benchmark.output
    assert text.startswith("# ")


def test_listing_benchmarks_needs_no_heavy_package() -> None:
    heavy = ("numpy", "pandas", "pydantic", "sklearn", "torch", "yaml")
    code = (
        "import sys; import harness.spec; harness.spec.bundled_benchmarks(); "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert ("[]\n", "") == (done.stdout, done.stderr)


SETTINGS = MINIMAL + "metrics: [ratescore, bertscore]\nmetric_settings:\n"


def test_files_of_metric_settings_start_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASELINES", "ours.tsv")
    (tmp_path / "ours.tsv").write_text("LAYER,P,R,F\n5,0.5,0.5,0.5\n")
    text = SETTINGS + '  bertscore: {rescale: true, baseline_file: "${BASELINES}"}\n'
    found = load_spec(_file(tmp_path, text + "  ratescore: {matrix: short}\n"))
    assert found.settings == {
        "bertscore": {"rescale": True, "baseline_file": str(tmp_path / "ours.tsv")},
        "ratescore": {"matrix": "short"},
    }
    assert found.resolved()["metric_settings"]["bertscore"]["baseline_file"] == "ours.tsv"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("  bertscor: {idf: true}", "line 6, metric_settings.bertscor: .*'bertscore'"),
        ("  bertscore: {\n    id: true}", "line 7, metric_settings.bertscore.id: .*'idf'"),
        ("  bertscore: {layer: five}", "line 6, .*bertscore.layer: .* a whole number or null"),
        ("  bertscore: {baseline_file: b.tsv}", "line 5, metric_settings: .*Set rescale"),
        ("  radgraph: {matching: github}", "line 5, metric_settings: .*'radgraph'"),
        ("  bertscore: true", "line 6, metric_settings.bertscore: .*Write fields"),
    ],
)
def test_wrong_metric_settings_are_refused_by_line_and_field(
    tmp_path: Path, lines: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_spec(_file(tmp_path, SETTINGS + lines + "\n"))
