"""Pair images with the latest study that was over before theirs began, in the same view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.mimic.views import FRONTAL

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_UNTIMED = -1.0
"""Stands for a missing time, before all times of its day."""


def strict_priors(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the row of each row's strict prior; -1 for none.

    Parameters
    ----------
    table
        One row per image, numbered from 0, with ``subject``, ``study``, ``date``, ``time`` (missing
        or not), ``view`` and ``image``.
    """
    import numpy as np

    if table.empty:
        return np.empty(0, np.int64)
    moments = _moments(table)
    prior_moment = _latest_earlier(moments)
    same_view = _first_rows(table, moments["end"].to_numpy(), by_view=True)
    frontal = table["view"].isin(FRONTAL).to_numpy()
    any_frontal = _first_rows(table[frontal], moments["end"].to_numpy()[frontal], by_view=False)
    wanted = _keys(prior_moment, table["view"])
    chosen = same_view.reindex(wanted).to_numpy("float64")
    fallback = any_frontal.reindex(prior_moment).to_numpy("float64")
    chosen = np.where(np.isnan(chosen), fallback, chosen)
    return np.where(np.isnan(chosen), -1, chosen).astype(np.int64)


def _moments(table: pd.DataFrame) -> pd.DataFrame:
    """Return each row's patient-wise codes of when its study began, ended, and its days did.

    Codes grow with patient, date and time, over all patients: of two codes of one patient, the
    smaller is the earlier. ``timed`` says whether all images of the study have a time.
    """
    import numpy as np
    import pandas as pd

    study = table.groupby(["subject", "study"], sort=False).ngroup().to_numpy()
    timed = ~table["time"].isna().groupby(study).transform("any").to_numpy()
    time = np.where(timed, table["time"].to_numpy(), _UNTIMED)
    subject, _ = pd.factorize(table["subject"])
    date = table["date"].to_numpy()
    code = _dense(subject, date, time)
    day = _dense(subject, date)
    grouped = pd.DataFrame({"code": code, "day": day}).groupby(study)
    return pd.DataFrame(
        {
            "subject": subject,
            "begin": grouped["code"].transform("min"),
            "end": grouped["code"].transform("max"),
            "first_day": grouped["day"].transform("min"),
            "last_day": grouped["day"].transform("max"),
            "timed": timed,
        }
    )


def _latest_earlier(moments: pd.DataFrame) -> NDArray[np.int64]:
    """Return, for each row, the ``end`` of the latest earlier study of the patient; -1 for none."""
    import numpy as np

    subject = moments["subject"].to_numpy()
    earlier_day = _last_below(moments, "last_day", moments["first_day"].to_numpy())
    timed = moments[moments["timed"]]
    earlier_time = _last_below(timed, "end", moments["begin"].to_numpy())
    # a study without a time is no prior on its day, and has none of its day
    usable = moments["timed"].to_numpy()
    found = np.maximum(earlier_day, np.where(usable, earlier_time, -1))
    first_of_subject = np.full(subject.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_of_subject, subject, moments["begin"].to_numpy())
    return np.where(found >= first_of_subject[subject], found, -1)


def _last_below(moments: pd.DataFrame, column: str, limits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the greatest ``end`` of the rows whose ``column`` is below each limit, or -1."""
    import numpy as np

    ordered = moments.sort_values([column, "end"], kind="stable")
    place = np.searchsorted(ordered[column].to_numpy(), limits) - 1
    if ordered.empty:
        return np.full(len(limits), -1)
    return np.where(place < 0, -1, ordered["end"].to_numpy()[np.maximum(place, 0)])


def _first_rows(table: pd.DataFrame, end: NDArray[np.int64], *, by_view: bool) -> pd.Series:
    """Return the row of the first image by name, by ``end``, or by ``end`` and view."""
    import pandas as pd

    rows = pd.DataFrame({"end": end, "view": table["view"], "image": table["image"]})
    rows["row"] = table.index
    names = ["end", "view"] if by_view else ["end"]
    first = rows.sort_values("image", kind="stable").drop_duplicates(names)
    keys = _keys(first["end"].to_numpy(), first["view"]) if by_view else first["end"].to_numpy()
    return pd.Series(first["row"].to_numpy(), index=keys)


def _keys(end: NDArray[np.int64], view: pd.Series) -> pd.MultiIndex:
    import pandas as pd

    return pd.MultiIndex.from_arrays([end, view.to_numpy(dtype=object)])


def _dense(*keys: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the place of each row among the distinct rows of ``keys``, in their order."""
    import numpy as np

    order = np.lexsort(keys[::-1])
    changed = np.zeros(len(order), bool)
    for key in keys:
        ordered = key[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(changed)
    return codes
