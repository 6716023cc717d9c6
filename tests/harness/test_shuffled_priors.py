import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.model_requests import build_requests
from harness.shuffled_priors import shuffled_priors
from harness.study import Study


def _study(index: int, patient: str | None, view: str = "PA", has_prior: bool = True) -> Study:
    return Study(
        sample_id=f"s{index}",
        study_id=f"s{index}",
        subject_id=patient,
        prior_images=[f"prior-of-s{index}.png"] if has_prior else [],
        prior_report=f"Report before s{index}." if has_prior else None,
        tags={"view": view},
    )


_ROWS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["PA", "AP"]), st.booleans()), max_size=30
)


@given(rows=_ROWS, seed=st.integers(0, 5))
def test_nobody_is_shown_a_prior_of_their_own(rows: list[tuple[str, str, bool]], seed: int) -> None:
    studies = [_study(i, *row) for i, row in enumerate(rows)]
    with_prior = {s.sample_id: s for s in studies if s.has_prior}
    if len({s.subject_id for s in with_prior.values()}) == 1:
        with pytest.raises(InputError, match="at least two patients"):
            shuffled_priors(studies, np.random.default_rng(seed))
        return
    donors = shuffled_priors(studies, np.random.default_rng(seed))
    assert with_prior.keys() == donors.keys()
    assert all(with_prior[i].subject_id != donor.subject_id for i, donor in donors.items())
    assert all(donor.has_prior for donor in donors.values())
    assert donors == shuffled_priors(studies, np.random.default_rng(seed))


def test_each_prior_is_used_once_and_the_view_is_kept() -> None:
    studies = [_study(i, f"p{i // 3}", "PA" if i % 2 else "AP") for i in range(60)]
    donors = shuffled_priors(studies, np.random.default_rng(0))
    assert len({donor.sample_id for donor in donors.values()}) == 60
    assert all(donors[s.sample_id].tags == s.tags for s in studies)


def test_another_view_is_taken_where_the_view_has_one_patient_only() -> None:
    studies = [_study(0, "p0", "AP"), _study(1, "p1"), _study(2, "p2")]
    donors = shuffled_priors(studies, np.random.default_rng(0))
    assert donors["s0"].subject_id in ("p1", "p2")
    assert ("p2", "p1") == (donors["s1"].subject_id, donors["s2"].subject_id)


def test_the_seed_decides_who_gets_whose() -> None:
    studies = [_study(i, f"p{i}") for i in range(50)]
    outcomes = [
        [r.prior_report for r in build_requests(studies, "shuffled", seed)] for seed in (0, 0, 1)
    ]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] != outcomes[2]


def test_a_study_without_a_prior_stays_without() -> None:
    studies = [_study(0, "a"), _study(1, "b"), _study(2, "c", has_prior=False)]
    requests = build_requests(studies, "shuffled", 0)
    assert ["Report before s1.", "Report before s0.", None] == [r.prior_report for r in requests]
    assert requests[2].prior_image is None
