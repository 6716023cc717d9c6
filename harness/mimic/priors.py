"""Find the prior image of every image: as published with Libra, or without its mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from harness.errors import InputError
from harness.mimic.strict_priors import strict_priors
from harness.mimic.views import FRONTAL, Views

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Method = Literal["published", "strict"]

COLUMNS = ("subject_id", "study_id", "StudyDate", "StudyTime", "ViewPosition", "image")


def pair_priors(
    frame: pd.DataFrame, method: Method = "published", views: Views = "all"
) -> pd.Series:
    """Return the prior image of every row, or None; the index is the frame's.

    Parameters
    ----------
    frame
        One row per image, in any order: ``subject_id``, ``study_id``, ``StudyDate`` (20100131),
        ``StudyTime`` (the number HHMMSS.fff), ``ViewPosition`` and ``image``.
    method
        ``published``: the last image of the patient's last earlier date, whatever its view or
        study; studies of one day share it (Libra's README, "Prior Image Retrieve").

        ``strict``: from the patient's latest study that was over before this one began, by date
        and time, the image of the same view, else a frontal one, else none. Of equals the first by
        name. A study without a time has only its date: on that day it is no prior and has none.
    views
        ``frontal``: only PA and AP take part; other rows get None.

    Raises
    ------
    InputError
        If a column is not there, a date or time is no number, or the method or the views are not
        among those above.

    Notes
    -----
    Rows of one date and time keep the order of the frame. A row without a date takes no part.
    """
    import numpy as np
    import pandas as pd

    _check(frame, method, views)
    table = _ordered(frame)
    takes_part = table["date"].notna().to_numpy()
    if views == "frontal":
        takes_part = takes_part & table["view"].isin(FRONTAL).to_numpy()
    table = table[takes_part].reset_index(drop=True)
    chosen = _published(table) if method == "published" else strict_priors(table)
    priors = np.full(len(frame), None, dtype=object)
    found = chosen >= 0
    images = table["image"].to_numpy(dtype=object)
    priors[table["row"].to_numpy()[found]] = images[chosen[found]]
    return pd.Series(priors, index=frame.index, dtype=object, name="prior_image")


def _check(frame: pd.DataFrame, method: str, views: str) -> None:
    if method not in get_args(Method):
        raise InputError(f"There is no method {method!r} of priors. Choose published or strict.")
    if views not in get_args(Views):
        raise InputError(f"There is no choice of views {views!r}. Choose all or frontal.")
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise InputError(
            f"The table of images has no column {', '.join(missing)}. "
            f"It needs {', '.join(COLUMNS)}."
        )
    for name in ("subject_id", "study_id", "image"):
        if frame[name].isna().any():
            raise InputError(f"A row of the table of images has no {name}. Leave the row out.")


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what pairing needs, by patient, date and time; ``row`` is the place in the frame."""
    import numpy as np
    import pandas as pd

    table = pd.DataFrame(
        {
            "row": np.arange(len(frame)),
            "subject": frame["subject_id"].to_numpy(),
            "study": frame["study_id"].to_numpy(),
            "date": _numbers(frame, "StudyDate"),
            "time": _numbers(frame, "StudyTime"),
            "view": frame["ViewPosition"].astype(object).fillna("").to_numpy(),
            "image": frame["image"].to_numpy(),
        }
    )
    return table.sort_values(["subject", "date", "time"], kind="stable", ignore_index=True)


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    import pandas as pd

    try:
        return pd.to_numeric(frame[name]).to_numpy("float64", na_value=float("nan"))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"A {name} of the table of images is no number. Write dates as 20100131 and times as "
            "134501.5, or leave the cell empty."
        ) from error


def _published(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the row of the last image of each row's last earlier date; -1 for none."""
    import numpy as np

    rows = np.arange(len(table))
    subject, date = table["subject"].to_numpy(), table["date"].to_numpy()
    new_subject = np.ones(len(table), bool)
    new_subject[1:] = subject[1:] != subject[:-1]
    new_date = new_subject.copy()
    new_date[1:] |= date[1:] != date[:-1]
    first_of_date = np.maximum.accumulate(np.where(new_date, rows, 0))
    return np.where(new_subject[first_of_date], -1, first_of_date - 1)
