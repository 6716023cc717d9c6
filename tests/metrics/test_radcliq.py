import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import RobertaConfig, RobertaModel

from metrics._bertscore import BertScore
from metrics._radcliq import Radcliq
from metrics._radcliq_composite import radcliq_composite
from metrics._radgraph_combined import RadgraphCombined
from metrics._semb_score import SembScore
from metrics._sentence_bleu import SentenceBleu2
from metrics.errors import InputError, MissingError
from metrics.samples import Samples, TestSet

GOLD = Path(__file__).parents[1] / "golden"
GOLDEN: dict[str, Any] = json.loads((GOLD / "radcliq.json").read_text("utf-8"))
PREDICTIONS = ["No  effusion. Heart size normal.", "lungs clear", "", "edema"]
REFERENCES = [
    ["No effusion. Mild cardiomegaly."],
    ["Lungs are clear.", "lungs clear"],
    [""],
    ["The lungs are clear."],
]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_golden_inputs_get_the_official_scores(version: Any) -> None:
    cases = {key: [case[key] for case in GOLDEN["cases"]] for key in GOLDEN["cases"][0]}
    scores = radcliq_composite(
        version,
        bleu2=cases["bleu_score"],
        bertscore=cases["bertscore"],
        semb_score=cases["semb_score"],
        radgraph=cases["radgraph_combined"],
    )
    np.testing.assert_allclose(scores, cases[f"radcliq_{version}"], rtol=0, atol=1e-9)


def test_golden_texts_get_the_official_bleu() -> None:
    cases = GOLDEN["bleu2_cases"]
    ids = [str(i) for i in range(len(cases))]
    samples = Samples.of([c["hyp"] for c in cases], TestSet(ids, [[c["ref"]] for c in cases]))
    found = SentenceBleu2().statistics(samples)[:, 0]
    np.testing.assert_allclose(found, [c["bleu2_fast_bleu"] for c in cases], rtol=0, atol=1e-9)


def test_inputs_that_do_not_fit_and_other_versions_are_errors() -> None:
    perfect: dict[str, Any] = {"bleu2": 1, "bertscore": 1, "semb_score": 1, "radgraph": 1}
    with pytest.raises(InputError, match="Known: v0, v1"):
        radcliq_composite("v2", **perfect)  # type: ignore[arg-type]
    for wrong in ([1, 1], "a"):
        with pytest.raises(InputError, match="four arrays of numbers"):
            radcliq_composite("v1", **{**perfect, "bleu2": wrong, "radgraph": [1, 1, 1]})


def test_the_reciprocal_is_one_over_the_mean_and_undefined_by_study() -> None:
    statistics = np.array([[1.0, 0.5, 1.0], [3.0, -1.0, 1.0]])
    assert [2.0, -0.25, -4.0] == Radcliq().reduce(statistics.sum(axis=0)).tolist()
    assert np.isnan(Radcliq().per_sample(statistics)[:, 2]).all()
    assert np.isnan(Radcliq().reduce(np.zeros(3))).all()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a weights folder that holds a tiny model of each kind."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("CXR_HARNESS_WEIGHTS", str(folder))
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    shutil.copytree(GOLD / "chexbert" / "bert-base-uncased", folder / "bert-base")
    shutil.copy(GOLD / "chexbert" / "chexbert.pth", folder)
    shutil.copytree(GOLD / "radgraph" / "radgraph" / "tiny-encoder", folder / "pubmedbert")
    shutil.copy(GOLD / "radgraph" / "radgraph" / "radgraph.tar.gz", folder)
    write_roberta(folder / "distilroberta-base")
    return folder


def write_roberta(folder: Path) -> None:
    """Write a random RoBERTa whose tokens are bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(ByteLevel.alphabet())])}
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=514,
    )
    RobertaModel(config).save_pretrained(folder)


def samples_of(predictions: list[str], references: list[list[str]]) -> Samples:
    return Samples.of(predictions, TestSet([str(i) for i in range(len(references))], references))


@pytest.mark.parametrize("idf", [False, True])
def test_texts_score_as_the_composite_of_the_four_metrics(weights: Path, idf: bool) -> None:
    samples = samples_of(PREDICTIONS, REFERENCES)
    single = samples_of([text.replace("  ", " ") for text in PREDICTIONS], REFERENCES)
    bert = BertScore(model="distilroberta-base", layer=5, rescale=True, idf=idf).fit(single)
    inputs: dict[str, Any] = {
        "bleu2": SentenceBleu2().statistics(samples)[:, 0],
        "bertscore": bert.statistics(single)[:, 2],
        "semb_score": SembScore().statistics(samples)[:, 0],
        "radgraph": RadgraphCombined().statistics(samples)[:, 0],
    }
    found = Radcliq(idf=idf).fit(samples).statistics(samples)
    for column, version in enumerate(("v0", "v1")):
        np.testing.assert_array_equal(
            radcliq_composite(version, **inputs),  # type: ignore[arg-type]
            found[:, column],
        )


def test_signature_holds_setting_and_weights(weights: Path) -> None:
    assert Radcliq().signature.startswith("radcliq|idf:no|weights:")
    assert Radcliq().signature != Radcliq(idf=True).signature
    assert ("chexbert", "radgraph") == Radcliq().annotators
    expected = {"chexbert", "bert-base", "radgraph", "pubmedbert", "distilroberta-base"}
    assert expected == set(Radcliq().weights)


def test_absent_weights_are_a_missing_error(weights: Path) -> None:
    shutil.rmtree(weights / "distilroberta-base")
    samples = samples_of(PREDICTIONS[:1], REFERENCES[:1])
    with pytest.raises(MissingError, match="distilroberta-base"):
        Radcliq().fit(samples).statistics(samples)
