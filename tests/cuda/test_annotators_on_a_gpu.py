"""Annotators read padded batches on a CUDA device, and say what they say on a CPU."""

import numpy as np
import pytest

from metrics.annotators import CheXbertAnnotator, RadGraphAnnotator
from metrics.annotators.bertscore import BertScoreAnnotator
from tests.metrics.annotators import test_bertscore_annotator as bertscore
from tests.metrics.annotators import test_chexbert as chexbert
from tests.metrics.annotators import test_radgraph as radgraph

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize("model_type", radgraph.TYPES)
def test_radgraph_s_annotations_equal_the_official_ones(model_type: str) -> None:
    archive = radgraph.GOLDEN / model_type / f"{model_type}.tar.gz"
    annotator = RadGraphAnnotator.load(archive, device="cuda")
    expected = radgraph.golden(model_type)
    assert expected["annotations"] == annotator.annotate(expected["reports"])
    assert radgraph.annotator(model_type).annotate(radgraph.ODD) == annotator.annotate(radgraph.ODD)


def test_chexbert_s_labels_equal_the_official_ones() -> None:
    annotator = CheXbertAnnotator.load(chexbert.CHECKPOINT, device="cuda")
    labels = annotator.annotate(chexbert.INPUTS["reports"]).labels
    np.testing.assert_array_equal(chexbert.GOLDEN["argmax_classes"], labels)
    on_cpu = CheXbertAnnotator.load(chexbert.CHECKPOINT).annotate(chexbert.TEXTS)
    on_gpu = annotator.annotate(chexbert.TEXTS)
    np.testing.assert_array_equal(on_cpu.labels, on_gpu.labels)
    np.testing.assert_allclose(on_cpu.vectors, on_gpu.vectors, atol=5e-5, rtol=1e-5)


@pytest.mark.parametrize("model", bertscore.MODELS)
def test_bertscore_is_within_the_tolerance_of_a_cpu(model: str) -> None:
    pairs = bertscore.PREDICTIONS, bertscore.REFERENCES
    on_cpu = BertScoreAnnotator.load(bertscore.FOLDER / model, 3).scores(*pairs)
    on_gpu = BertScoreAnnotator.load(bertscore.FOLDER / model, 3, device="cuda").scores(*pairs)
    np.testing.assert_allclose(on_cpu, on_gpu, atol=5e-5, rtol=1e-5)
