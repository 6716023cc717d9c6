"""Every record is read once, and what teaches nothing is counted and named."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import InputError
from models.training.masking import encode_conversation
from models.training.tuning import survey as module
from models.training.tuning.records import TrainingRecord
from models.training.tuning.survey import survey
from tests.models.training.tuning.listed_records import ListedRecords, encoding, record, saved


@pytest.fixture
def records(tmp_path: Path) -> ListedRecords:
    image = saved(tmp_path / "a.png", 0)
    return ListedRecords(
        (
            record("good", image),
            "empty_section",
            record("gone", image, tmp_path / "gone.png"),
            record("text", words=5),
            record("late", image, words=200),
            record("void", image, answer=""),
            record("marked", image, answer="None.</s>USER: Sure?"),
            TrainingRecord("turned", ({"from": "human", "value": "?"},) * 2, (image,), ""),
        )
    )


def test_lengths_count_an_image_as_its_patches(records: ListedRecords, tmp_path: Path) -> None:
    found = survey(records, encoding(), 0, tmp_path / "kept")
    how = encoding()
    for row in (0, 3):
        one = records[row]
        ids, labels = encode_conversation(
            one.conversation, how.tokenizer, how.template, bool(one.images)
        )
        patches = 8 if one.images else 0
        assert len(ids) + patches == found.lengths[row]
        assert sum(label != -100 for label in labels) == found.answers[row]
    assert [0, 3, 6] == found.rows.tolist()
    assert (np.int32, np.int32) == (found.lengths.dtype, found.answers.dtype)


def test_what_teaches_nothing_is_counted_and_named(records: ListedRecords, tmp_path: Path) -> None:
    found = survey(records, encoding(), 0, tmp_path / "kept")
    wanted = {"empty_section": 1, "missing_image": 1, "no_token": 2, "refused": 1}
    assert Counter(wanted) == found.counts
    assert ["r1", "gone", "late", "void", "turned"] == [one.record for one in found.left_out]
    assert ["marked"] == [one.record for one in found.marked]
    lines = (tmp_path / "kept" / "left_out.jsonl").read_text().splitlines()
    assert {"record": "gone", "reason": "missing_image"} == json.loads(lines[1])
    assert found.summary() == (
        "3 of 8 records teach. Left out are 1 because the section asked for is empty in its "
        "report, 1 because a file of its images is not there, 2 because no token of it is learnt: "
        "it has no answer, or one beyond the longest length, 1 because its turns do not suit the "
        "conversation template. 1 hold a mark of the template in their text."
    )


def test_a_text_with_a_second_image_token_is_left_out_before_it_stops_training(
    tmp_path: Path,
) -> None:
    image = saved(tmp_path / "a.png", 0)
    records = ListedRecords((record("good", image), record("two", image, answer="See <image>.")))
    found = survey(records, encoding(), 0, tmp_path / "kept")
    assert [0] == found.rows.tolist()
    assert {"many_places": 1} == dict(found.counts)
    assert "1 because its text holds <image> more than once" in found.summary()


def test_texts_without_an_image_teach_a_projector_nothing(
    records: ListedRecords, tmp_path: Path
) -> None:
    found = survey(records, replace(encoding(), needs_image=True), 0, tmp_path / "kept")
    assert [0, 6] == found.rows.tolist()
    assert 1 == found.counts["no_place"]
    assert "text" in [one.record for one in found.left_out]


def test_a_second_survey_of_the_same_is_read_from_disk(
    records: ListedRecords, tmp_path: Path
) -> None:
    first = survey(records, encoding(), 0, tmp_path)
    read: list[int] = []
    again = survey(records, encoding(), 0, tmp_path, read.append)
    assert (first.counts, first.marked, []) == (again.counts, again.marked, read)
    np.testing.assert_array_equal(first.lengths, again.lengths)
    survey(records, encoding(patches=4), 0, tmp_path, read.append)
    survey(ListedRecords(records.content[:4]), encoding(), 0, tmp_path, read.append)
    assert [8, 4] == read
    (tmp_path / "survey.npz").write_bytes(b"torn")
    assert 2 == len(survey(ListedRecords(records.content[:4]), encoding(), 0, tmp_path).rows)


def test_worker_processes_find_what_one_process_finds(
    records: ListedRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ListedRecords(records.content * 3)
    alone = survey(many, encoding(), 0, tmp_path / "alone")
    monkeypatch.setattr(module, "_FEW", 4)
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    read: list[int] = []
    together = survey(many, encoding(), 2, tmp_path / "together", read.append)
    np.testing.assert_array_equal(alone.lengths, together.lengths)
    np.testing.assert_array_equal(alone.answers, together.answers)
    assert (alone.left_out, alone.marked) == (together.left_out, together.marked)
    assert [7, 7, 7, 3] == read


def test_data_that_teaches_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"0 of 2 records teach.*left_out\.jsonl names"):
        survey(ListedRecords(("no_image", "no_section")), encoding(), 0, tmp_path)


def test_a_folder_that_cannot_be_written_is_told(records: ListedRecords, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        survey(records, encoding(), 0, tmp_path / "file")


def test_an_unknown_template_is_refused(records: ListedRecords, tmp_path: Path) -> None:
    how = module.Encoding(encoding().tokenizer, "no_such", 256, 9)
    with pytest.raises(InputError, match="no_such"):
        survey(records, how, 0, tmp_path)
