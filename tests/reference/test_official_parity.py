from dataclasses import replace
from pathlib import Path

import pytest

from metrics._bertscore import BertScore
from metrics.parity import compare_engines
from metrics.samples import TestSet
from metrics.selection import select
from tests.reference.conftest import FOLDER
from tests.reference.report_texts import reports

pytestmark = pytest.mark.reference
GOLDEN = Path(__file__).parents[1] / "golden"
WEIGHTS = {
    "radgraph.tar.gz": "radgraph/radgraph/radgraph.tar.gz",
    "pubmedbert": "radgraph/radgraph/tiny-encoder",
    "chexbert.pth": "chexbert/chexbert.pth",
    "bert-base": "chexbert/bert-base-uncased",
    "distilbert-base-uncased": "bertscore/tiny-distilbert",
}


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, golden in WEIGHTS.items():
        (tmp_path / place).symlink_to(GOLDEN / golden)
    monkeypatch.setenv("CXR_HARNESS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("CXR_HARNESS_REFERENCE_ENV", str(FOLDER))


@pytest.mark.parametrize("several", [False, True])
def test_all_clinical_metrics_equal_the_official_packages(several: bool) -> None:
    texts = [*reports(6, 40), "", " "]
    references = [[text] for text in texts[20:40]]
    predictions = [*texts[:16], *texts[36:38], *texts[40:]]
    if several:
        references = [[*group, text] for group, text in zip(references, texts[5:], strict=False)]
    selected = select(["radgraph", "radgraph_combined", "chexbert", "semb_score", "bertscore"])
    own = [
        replace(one, metric=BertScore(layer=3, idf=True))
        if isinstance(one.metric, BertScore)
        else one
        for one in selected
    ]
    test_set = TestSet([str(i) for i in range(len(references))], references)
    with pytest.warns(UserWarning, match="empty side"):
        rows = compare_engines(own, test_set, predictions)
    assert [] == [row for row in rows if not row.equal]
    official = {row.engine for row in rows if row.official is not None}
    labels = set() if several else {"chexbert"}
    assert {"radgraph", "bertscore", "chexbert"} == official | labels
    # 4 kinds of entities are ours alone; f1chexbert knows one reference per study
    assert (4 + 23 * several) == sum(row.official is None for row in rows)
