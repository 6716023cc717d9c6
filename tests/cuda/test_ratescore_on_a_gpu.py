import json
from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.annotators import RaTEScoreAnnotator

pytestmark = pytest.mark.cuda

FOLDER = Path(__file__).parents[1] / "golden" / "ratescore"
NER = FOLDER / "Angelakeke" / "RaTE-NER-Deberta"
ENCODER = FOLDER / "FremyCompany" / "BioLORD-2023-C"


def test_padded_batches_on_a_gpu_give_the_entities_and_scores_of_a_cpu() -> None:
    assert not torch.backends.cuda.matmul.allow_tf32
    pairs = json.loads((FOLDER / "expected.json").read_text("utf-8"))["pairs"]
    sides = [[pair[side] for pair in pairs] for side in ("candidate", "reference")]
    cpu = RaTEScoreAnnotator.load(NER, ENCODER)
    gpu = RaTEScoreAnnotator.load(NER, ENCODER, device="cuda")
    texts = [*sides[0], *sides[1]]
    assert cpu.annotate(texts) == gpu.annotate(texts)
    np.testing.assert_allclose(gpu.scores(*sides), cpu.scores(*sides), atol=5e-5, rtol=1e-5)
