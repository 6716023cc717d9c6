"""Choose the current image of every study, and put its other images behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.mimic.views import FRONTAL, ORDER, Views

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def current_images(frame: pd.DataFrame, views: Views) -> pd.DataFrame:
    """Return the row of each study's current image, with ``images`` and ``views`` of the study.

    The current image is the first by view (PA, AP, then lateral and the rest as ``ORDER`` says,
    unknown views last) and then by name; ``images`` and ``views`` are in the same order. With
    ``frontal``, only PA and AP count. Studies are in the order of patient, date and time (where
    the frame has them) and id.
    """
    rank = {view: place for place, view in enumerate(ORDER)}
    if views == "frontal":
        frame = frame[frame["ViewPosition"].isin(FRONTAL)]
    ranked = frame.assign(rank=frame["ViewPosition"].map(rank).fillna(len(ORDER)))
    ranked = ranked.sort_values(["study_id", "rank", "image"], kind="stable")
    is_first = ~ranked.duplicated("study_id").to_numpy()
    first = ranked[is_first].assign(
        images=_tuples(ranked["image"], is_first), views=_tuples(ranked["ViewPosition"], is_first)
    )
    known = ("subject_id", "StudyDate", "StudyTime", "study_id")
    order = [name for name in known if name in frame]
    return first.sort_values(order, kind="stable", ignore_index=True)


def _tuples(column: pd.Series, is_first: NDArray[np.bool_]) -> pd.Series:
    """Cut a column before every row that is the first of its study."""
    values = column.to_list()
    starts = is_first.nonzero()[0].tolist()
    ends = [*starts, len(values)][1:]
    import pandas as pd

    cut = [tuple(values[start:end]) for start, end in zip(starts, ends, strict=True)]
    return pd.Series(cut, index=column.index[is_first], dtype=object)
