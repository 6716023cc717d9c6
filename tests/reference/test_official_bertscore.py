from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics._bertscore import BertScore
from metrics.official.clinical import ReferenceWorker
from metrics.samples import Samples, TestSet
from tests.reference.report_texts import reports

pytestmark = pytest.mark.reference
GOLDEN = Path(__file__).parents[1] / "golden" / "bertscore"
TEXTS = reports(5, 121)
HYPS, REFS = [*TEXTS[:60], ""], TEXTS[60:]


@pytest.mark.parametrize("model", ["tiny-bert", "tiny-distilbert", "tiny-roberta", "tiny-deberta"])
@pytest.mark.parametrize(("layer", "idf", "rescale"), [(3, False, False), (2, True, True)])
def test_unseen_pairs_get_the_official_scores(
    official: ReferenceWorker,
    model: str,
    layer: int,
    idf: bool,
    rescale: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path))
    baselines = str(GOLDEN / "baselines.tsv") if rescale else None
    settings: dict[str, Any] = {
        "model": str(GOLDEN / model),
        "layer": layer,
        "rescale": rescale,
        "baseline_file": baselines,
    }
    expected = official.ask(
        "bertscore",
        **settings,
        idf_texts=REFS if idf else None,
        batch_size=64,
        hyps=HYPS,
        refs=REFS,
    ).result
    samples = Samples.of(
        HYPS, TestSet([str(i) for i in range(len(REFS))], [[text] for text in REFS])
    )
    metric = BertScore(**settings, idf=idf).fit(samples)
    np.testing.assert_allclose(expected, metric.pair_scores(samples).T, rtol=1e-5, atol=5e-5)
