import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.mimic import pair_priors

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "mimic" / "prior_pairs.json").read_text("utf-8")
)
VIEWS: tuple[tuple[str, Literal["all", "frontal"]], ...] = (
    ("all_views", "all"),
    ("frontal_only", "frontal"),
)
Row = dict[str, Any]


def _row(study: int, date: int, time: float | None, view: str, image: str, subject: int = 1) -> Row:
    return {
        "subject_id": subject,
        "study_id": study,
        "StudyDate": date,
        "StudyTime": time,
        "ViewPosition": view,
        "image": image,
    }


def _strict(*rows: Row, views: Literal["all", "frontal"] = "all") -> list[str | None]:
    return list(pair_priors(pd.DataFrame(list(rows)), "strict", views))


@pytest.mark.parametrize(("key", "views"), VIEWS)
@pytest.mark.parametrize("table", GOLDEN["tables"], ids=lambda table: str(table["name"]))
def test_published_pairs_equal_those_of_the_original(
    table: dict[str, Any], key: str, views: Literal["all", "frontal"]
) -> None:
    frame = pd.DataFrame(table["rows"])
    found = pair_priors(frame, "published", views)
    expected = {pair["image"]: pair["prior_image"] for pair in table[key]}
    assert expected == {
        image: prior
        for image, prior in zip(frame["image"], found, strict=True)
        if image in expected
    }
    assert all(found[~frame["image"].isin(list(expected))].isna())


ROWS = st.lists(
    st.builds(
        _row,
        study=st.integers(0, 5),
        date=st.sampled_from([21500101, 21500102, 21500215]),
        time=st.sampled_from([None, 0.0, 80000.125, 80000.25, 235959.999]),
        view=st.sampled_from(["PA", "AP", "LATERAL", ""]),
        image=st.integers(0, 99).map(lambda n: f"i{n:02}.jpg"),
        subject=st.integers(1, 2),
    ),
    max_size=14,
    unique_by=lambda row: row["image"],
)


def _longhand(rows: list[Row], row: Row) -> str | None:
    """Return a row's strict prior, from the definition."""

    def is_study_of(one: Row, other: Row) -> bool:
        return bool(
            one["subject_id"] == other["subject_id"] and one["study_id"] == other["study_id"]
        )

    def span(one: Row) -> tuple[bool, list[tuple[int, float]]]:
        own = [other for other in rows if is_study_of(one, other)]
        timed = all(other["StudyTime"] is not None for other in own)
        return timed, sorted((o["StudyDate"], o["StudyTime"] if timed else -1.0) for o in own)

    def over_before(one: Row) -> bool:
        (timed, mine), (other_timed, other) = span(row), span(one)
        if one["subject_id"] != row["subject_id"]:
            return False
        if timed and other_timed:
            return other[-1] < mine[0]
        return other[-1][0] < mine[0][0]

    earlier = [one for one in rows if over_before(one)]
    if not earlier:
        return None
    last = max(span(one)[1][-1] for one in earlier)
    pool = sorted((one for one in earlier if span(one)[1][-1] == last), key=lambda o: o["image"])
    same = [one for one in pool if one["ViewPosition"] == row["ViewPosition"]]
    frontal = [one for one in pool if one["ViewPosition"] in ("PA", "AP")]
    return next((str(one["image"]) for one in [*same, *frontal]), None)


@settings(deadline=None)
@given(rows=ROWS, views=st.sampled_from(["all", "frontal"]))
def test_strict_pairs_equal_the_definition_written_longhand(
    rows: list[Row], views: Literal["all", "frontal"]
) -> None:
    kept = [row for row in rows if views == "all" or row["ViewPosition"] in ("PA", "AP")]
    expected = [_longhand(kept, row) if row in kept else None for row in rows]
    frame = pd.DataFrame(rows, columns=list(_row(1, 1, 1, "", "")))
    assert expected == list(pair_priors(frame, "strict", views))


def test_the_strict_prior_is_of_the_latest_earlier_study_even_of_the_same_day() -> None:
    rows = (
        _row(1, 21500101, 80000, "PA", "a"),
        _row(2, 21500102, 80000, "PA", "b"),
        _row(3, 21500102, 90000, "PA", "c"),
    )
    assert [None, "a", "b"] == _strict(*rows)
    assert [None, "a", "a"] == list(pair_priors(pd.DataFrame(list(rows)), "published"))


def test_the_strict_prior_has_the_same_view_else_is_frontal_else_none() -> None:
    earlier = [
        _row(1, 21500101, 80000, "LATERAL", "lateral"),
        _row(1, 21500101, 80000, "PA", "pa2"),
        _row(1, 21500101, 80000, "PA", "pa1"),
    ]
    for view, expected in (("LATERAL", "lateral"), ("PA", "pa1"), ("AP", "pa1"), ("LL", "pa1")):
        assert expected == _strict(*earlier, _row(2, 21500102, 80000, view, "now"))[-1]
    assert None is _strict(earlier[0], _row(2, 21500102, 80000, "PA", "now"))[-1]


def test_a_study_without_a_time_is_no_prior_of_its_day() -> None:
    rows = (_row(1, 21500101, None, "PA", "a"), _row(2, 21500101, 90000, "PA", "b"))
    assert [None, None] == _strict(*rows)
    assert [None, None, "b"] == _strict(*rows, _row(3, 21500102, None, "PA", "c"))


def test_the_index_of_the_frame_is_kept() -> None:
    frame = pd.DataFrame(
        [_row(2, 21500102, 1, "PA", "b"), _row(1, 21500101, 1, "PA", "a")], index=[7, 7]
    )
    found = pair_priors(frame)
    assert ["a", None] == list(found)
    assert [7, 7] == list(found.index)


def test_a_row_without_a_date_takes_no_part() -> None:
    frame = pd.DataFrame([_row(1, 21500101, 1, "PA", "a"), _row(2, 21500102, 1, "PA", "b")])
    frame["StudyDate"] = [np.nan, 21500102]
    assert [None, None] == list(pair_priors(frame, "published"))
    assert [None, None] == list(pair_priors(frame, "strict"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"StudyDate": ["today"]}, "StudyDate"),
        ({"subject_id": [None]}, "no subject_id"),
    ],
)
def test_a_wrong_cell_is_named(change: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame([_row(1, 21500101, 1, "PA", "a")]).assign(**change)
    with pytest.raises(InputError, match=message):
        pair_priors(frame)


def test_a_missing_column_is_named() -> None:
    frame = pd.DataFrame([_row(1, 21500101, 1, "PA", "a")]).drop(columns="StudyTime")
    with pytest.raises(InputError, match="no column StudyTime"):
        pair_priors(frame)
