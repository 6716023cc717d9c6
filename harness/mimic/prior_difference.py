"""Count and explain where the published priors and the strict ones differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.datasets.outcomes import Outcomes
from harness.mimic.tables import subjects_of

if TYPE_CHECKING:
    import pandas as pd

MEANINGS = {
    "prior_of_own_study": "published: another image of the same study, which spans two dates",
    "prior_same_day": "strict: an earlier study of the same day, which the published never takes",
    "prior_other_view": "both from one study; published: its last image, strict: the same view",
    "prior_no_view": "strict: none, as the latest earlier study has neither the view nor a frontal",
    "prior_other_study": "both from earlier days, but from different studies",
}


def note_differences(
    current: pd.DataFrame, frame: pd.DataFrame, outcomes: Outcomes
) -> dict[str, Any]:
    """Note the kept studies whose two priors differ, by cause; return the counts of all.

    Parameters
    ----------
    current
        The row of each kept study's current image, with ``published`` and ``strict``.
    frame
        All images, with ``image``, ``study_id`` and ``StudyDate``.
    """
    import numpy as np

    published, strict = current["published"], current["strict"]
    has_published, has_strict = published.notna(), strict.notna()
    same = (published == strict) & has_published
    none = ~has_published & ~has_strict
    study = frame.set_index("image")["study_id"]
    date = frame.set_index("image")["StudyDate"]
    published_study, strict_study = published.map(study), strict.map(study)
    causes = np.select(
        [
            same | none,
            published_study == current["study_id"],
            has_strict & (strict.map(date) == current["StudyDate"]),
            has_published & ~has_strict,
            published_study == strict_study,
        ],
        ["", "prior_of_own_study", "prior_same_day", "prior_no_view", "prior_other_view"],
        "prior_other_study",
    )
    for cause in MEANINGS:
        outcomes.note(cause, subjects_of(current[causes == cause]))
    counts = {cause: int((causes == cause).sum()) for cause in MEANINGS}
    return {
        "same": int(same.sum()),
        "none_in_both": int(none.sum()),
        "different": sum(counts.values()),
        "different_by_cause": {
            cause: {"count": count, "meaning": MEANINGS[cause]} for cause, count in counts.items()
        },
    }
