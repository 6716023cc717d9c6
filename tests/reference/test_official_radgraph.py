from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics._radgraph_rewards import f1, reward_sets
from metrics.annotators import RadGraphAnnotator
from metrics.official.clinical import ReferenceWorker
from tests.reference.report_texts import reports

pytestmark = pytest.mark.reference
GOLDEN = Path(__file__).parents[1] / "golden" / "radgraph"
TYPES = ("radgraph", "radgraph-xl", "modern-radgraph-xl")


def models(kind: str) -> dict[str, str]:
    folder = GOLDEN / kind
    archive, encoder = folder / f"{kind}.tar.gz", folder / "tiny-encoder"
    return {"archive": str(archive), "encoder": str(encoder), "model_type": kind}


def annotator(kind: str) -> RadGraphAnnotator:
    given = models(kind)
    return RadGraphAnnotator.load(given["archive"], given["encoder"])


@pytest.mark.parametrize("kind", TYPES)
def test_unseen_reports_get_the_official_annotations(official: ReferenceWorker, kind: str) -> None:
    texts = reports(1, 60)
    expected = official.ask("radgraph", **models(kind), texts=texts).result
    found = annotator(kind).annotate(texts)
    # where the official package fails on a text without words, ours has no entities
    same = [
        e == f or (e is None and not f["entities"]) for e, f in zip(expected, found, strict=True)
    ]
    assert [] == [i for i, equal in enumerate(same) if not equal]
    assert sum(len(one["entities"]) for one in found) > 500


@pytest.mark.parametrize("kind", TYPES)
def test_unseen_pairs_get_the_official_rewards(official: ReferenceWorker, kind: str) -> None:
    texts = [text for text in reports(2, 60) if text.strip()]
    hyps, refs = texts[: len(texts) // 2], texts[-(len(texts) // 2) :]
    # equal texts, and shared beginnings, so that not all rewards are 0
    hyps[:5] = refs[:5]
    hyps[5:25] = [f"{ref} {hyp}" for hyp, ref in zip(hyps[5:25], refs[5:25], strict=True)]
    rewards = official.ask("radgraph_rewards", **models(kind), hyps=hyps, refs=refs).result
    both = annotator(kind).annotate([*hyps, *refs])
    found = [rewards_of(h, r) for h, r in zip(both[: len(hyps)], both[len(hyps) :], strict=True)]
    np.testing.assert_allclose(np.array(rewards["rewards"]).T, found, atol=1e-12)
    assert max(map(max, found)) > 0.5


def rewards_of(hypothesis: Any, reference: Any) -> Sequence[float]:
    sets = zip(reward_sets(hypothesis, "pypi"), reward_sets(reference, "pypi"), strict=True)
    return [f1(own, other) for own, other in sets]
