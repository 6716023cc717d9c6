from dataclasses import replace

import pytest

from reports.errors import InputError
from reports.html import render_report
from reports.shareable import hashed_id, shareable
from tests.reports.factory import report
from tests.reports.study_factory import png


def test_no_text_id_image_or_tag_is_left() -> None:
    data = report(n_studies=9)
    studies = [replace(s, tags={**s.tags, "ward": "ward-17"}) for s in data.studies]
    page = render_report(shareable(replace(data, studies=studies), "pepper"))
    assert "ward-17" not in page
    assert "data:image" not in page
    assert png(0) not in page
    for study in studies:
        assert study.sample_id not in page
        for text in (*study.references, *study.predictions.values(), *study.context.values()):
            assert text not in page


def test_scores_stay_under_the_hashed_id() -> None:
    data = report(n_studies=9)
    stripped = {study.sample_id: study for study in shareable(data, "pepper").studies}
    for study in data.studies:
        assert study.scores == stripped[hashed_id(study.sample_id, "pepper")].scores


def test_the_page_says_what_was_taken_out() -> None:
    assert "Shareable version." in render_report(shareable(report(n_studies=3), "pepper"))


def test_studies_are_in_the_order_of_their_hashes_not_of_the_test_set() -> None:
    ids = [study.sample_id for study in shareable(report(n_studies=50), "pepper").studies]
    assert sorted(ids) == ids


def test_another_salt_gives_other_ids() -> None:
    assert hashed_id("s1", "a") != hashed_id("s1", "b")
    assert 16 == len(hashed_id("s1", "a"))


def test_an_empty_salt_is_refused() -> None:
    with pytest.raises(InputError, match="needs a salt"):
        shareable(report(n_studies=1), "")
