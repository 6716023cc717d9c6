"""Studies and Libra's records are read in any order, and nothing is lost without a word."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError, MissingError
from harness.training_files import found_in_list, found_lines, record_at
from harness.training_studies import StudyRecords, open_records
from metrics.errors import InputError as MetricsInputError
from models.training.tuning.recipe import TuningData
from models.training.tuning.records import NothingToTeachError

FINDINGS = "Provide a detailed description of the findings in the radiology image."
REPORT = {"findings": "Clear lungs.", "impression": "Normal."}


def study(name: str, **more: Any) -> dict[str, Any]:
    return {"study_id": name, "images": [f"{name}.png"], "reference": REPORT, **more}


def written(folder: Path, *records: Any, name: str = "train.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), "utf-8")
    return path


def opened(path: Path, **settings: Any) -> StudyRecords:
    return open_records(TuningData(train=(path.name,), **settings), "train", path.parent)


def test_a_study_teaches_the_section_that_is_asked_for_with_its_context(tmp_path: Path) -> None:
    context = {"indication": "Cough.", "history": "Smoker."}
    path = written(tmp_path, study("s1", context=context, prior_images=["p.png"]))
    found = opened(path)[0]
    told = "Following clinical context: Indication: Cough., History: Smoker."
    assert (
        {"from": "human", "value": f"<image>\n{FINDINGS} {told}"},
        {"from": "gpt", "value": "Clear lungs."},
    ) == found.conversation
    assert ("s1", "Clear lungs.") == (found.id, found.reference)
    assert (tmp_path / "s1.png", tmp_path / "p.png") == found.images


def test_the_context_is_what_the_recipe_names_in_its_order(tmp_path: Path) -> None:
    path = written(tmp_path, study("s1", context={"indication": "A", "history": "B"}))
    asked = [
        opened(path, context=names)[0].conversation[0]["value"].partition("context: ")[2]
        for names in (("history", "indication"), ("technique",), ())
    ]
    assert ["History: B, Indication: A", "", ""] == asked


def test_a_context_section_that_no_study_has_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, study("s1", context={"indication": "A"}), study("s2"))
    assert [] == opened(path, context=("indication",)).notes
    assert [
        "data.context: no study has the section 'indicaton'. Did you mean 'indication'?"
    ] == opened(path, context=("indicaton", "indication")).notes


def test_a_question_teaches_its_answer_once_and_a_report_every_section(tmp_path: Path) -> None:
    asked = study("q1", question="Any change?", reference={"answer": "No."})
    path = written(tmp_path, study("s1"), asked, study("s2"))
    records = opened(path, sections=("findings", "impression"))
    assert ["s1 (findings)", "s1 (impression)", "q1", "s2 (findings)", "s2 (impression)"] == [
        records[i].id for i in range(len(records))
    ]
    assert "No." == records[2].reference
    assert "<image>\nAny change?" == records[2].conversation[0]["value"]
    assert "impression" in records[1].conversation[0]["value"]


def test_sections_that_are_joined_are_asked_for_together(tmp_path: Path) -> None:
    found = opened(written(tmp_path, study("s1")), sections=("findings+impression",))[0]
    assert "Clear lungs. Normal." == found.reference
    assert "the findings and impression in" in found.conversation[0]["value"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (study("s1", reference={"impression": "Normal."}), "no_section"),
        (study("s1", reference={"findings": " \n"}), "empty_section"),
        (study("s1", images=[]), "no_image"),
        (study("s1", question="Any?"), "no_answer"),
        (study("s1", question="Any?", reference={"answer": ""}), "no_answer"),
    ],
)
def test_what_teaches_nothing_says_why(record: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(NothingToTeachError) as told:
        opened(written(tmp_path, record))[0]
    assert ("s1", reason) == (told.value.record, told.value.reason)
    again = pickle.loads(pickle.dumps(told.value))
    assert str(told.value) == str(again)


def test_libras_own_list_is_read_as_it_stands(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "<image>\nAny?"},
        {"from": "gpt", "value": "Käse."},
        {"from": "human", "value": "Sure?"},
        {"from": "gpt", "value": "Yes."},
    ]
    records = [
        {"id": "a", "image": ["x.png", "x.png"], "conversations": turns},
        {"id": "a", "image": ["x.png", "y.png"], "conversations": turns[:2]},
        {"id": 3, "conversations": turns[:2]},
        {"id": "d", "image": ["x.png", "y.png", "z.png"], "conversations": turns},
    ]
    path = tmp_path / "train.json"
    path.write_text(json.dumps(records, ensure_ascii=False, indent=1), "utf-8")
    found = opened(path)
    assert 4 == len(found)
    assert [1, 2, 0] == [len(found[i].images) for i in range(3)]
    assert turns == list(found[0].conversation)
    assert ("Yes.", "Käse.", "3") == (found[0].reference, found[1].reference, found[2].id)
    with pytest.raises(NothingToTeachError) as told:
        found[3]
    assert "too_many_images" == told.value.reason


def test_several_files_follow_one_another(tmp_path: Path) -> None:
    written(tmp_path, study("a"), study("b"), name="one.jsonl")
    written(tmp_path, study("c"), name="two.jsonl")
    records = open_records(TuningData(train=("one.jsonl", "two.jsonl")), "train", tmp_path)
    assert ["a", "b", "c"] == [records[i].id for i in range(len(records))]
    for beyond in (3, -1):
        with pytest.raises(IndexError):
            records[beyond]


def test_a_canvas_shows_all_images_and_their_views(tmp_path: Path) -> None:
    record = study("s1", images=["b.png", "a.png"], image_views=["LATERAL", "PA"])
    found = opened(written(tmp_path, record), canvas=True)[0]
    assert (True, ("LATERAL", "PA"), 2) == (found.canvas, found.views, len(found.images))


def test_flat_studies_are_read_too(tmp_path: Path) -> None:
    path = written(tmp_path, {"study_id": "s1", "image": "a.png", "findings": "Clear."})
    assert "Clear." == opened(path)[0].reference


def test_images_stand_in_the_folder_that_the_recipe_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    monkeypatch.setenv("PICTURES", str(tmp_path / "files"))
    path = written(tmp_path, study("s1"))
    assert tmp_path / "files" / "s1.png" == opened(path, images="${PICTURES}")[0].images[0]
    with pytest.raises(InputError, match=r"data\.images: there is no folder .*nowhere"):
        opened(path, images="nowhere")


def test_a_variable_that_is_not_set_is_missing_and_says_what_it_stands_for(
    tmp_path: Path,
) -> None:
    data = TuningData(train=("${NO_SUCH_FILE}",))
    needs = {"NO_SUCH_FILE": "The studies, from `data mimic-cxr`.\n"}
    with pytest.raises(MissingError, match=r"NO_SUCH_FILE is not set.* from `data mimic-cxr`"):
        open_records(data, "train", tmp_path, needs)


def test_a_split_is_chosen_and_the_others_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, study("a", split="train"), study("b", tags={"split": "test"}))
    records = opened(path, split="train")
    assert ["a"] == [records[i].id for i in range(len(records))]
    assert [f"{path}: 1 studies are of other splits."] == records.notes
    with pytest.raises(InputError, match="no study is of the split 'valid'"):
        opened(path, split="valid")
    some = written(tmp_path, study("a", split="train"), study("b"), name="some.jsonl")
    with pytest.raises(InputError, match=r"some\.jsonl line 2: the study has no split"):
        opened(some, split="train")
    none = opened(written(tmp_path, study("a"), name="none.jsonl"), split="train")
    assert "no study names its split" in none.notes[0]


def test_fields_that_are_not_read_are_told(tmp_path: Path) -> None:
    records = opened(written(tmp_path, study("a", prior_image=["b.png"])))
    assert (
        "fields that are not read: 'prior_image'. Did you mean 'prior_images'?"
        in (records.notes[0])
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"study_id": "a"}\n\xff\n', "line 2: not UTF-8 at byte 18"),
        (b'{"study_id": "a"}\n{"study_id": \n', "line 2 column 15: not valid JSON"),
        (b'{"study_id": "a"}\n[1]\n', "line 2: expected an object in braces"),
        (b"", "line 1: the file is empty"),
        (
            b'{"study_id": "a", "tags": {}}\n\n{"study_id": "a"}\n',
            "line 3: the id 'a' appears",
        ),
        (b'{"study_id": "a", "tags": {}}\n{"images": []}\n', "line 2: no study_id"),
        (b'[{"id": 1},\n {"id": "\xff"}]', "line 2: not UTF-8 at byte 21"),
        (b'[{"id": 1},\n {"id": }]', "line 2 column 9: not valid JSON"),
        (b'[{"id": 1},\n 7]', "line 2: a number, not an object"),
        (b'[{"id": 1}', "not valid JSON"),
        (b'[{"id": 1}] x', "not valid JSON"),
        (b"[]", "holds no record"),
        (b"\x1f\x8b\x08", "is compressed"),
        (b'{"question_id": 1, "text": "?"}\n', "cannot be trained on. Convert it"),
        (b"\xff\xfe{\x00", "the file is UTF-16"),
    ],
)
def test_a_broken_file_is_refused_by_file_and_line(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    with pytest.raises((InputError, MetricsInputError)) as told:
        opened(path)
    assert str(path) in str(told.value)
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b'{"study_id": "a", "tags": {}, "images": 7}', "line 1: images is a number"),
        (b'{"study_id": "a", "tags": {}, "tags": {}}', "line 1: the key 'tags' appears twice"),
        (b'[\n{"id": "a", "image": 7, "conversations": []}]', "line 2: image is a number"),
        (b'[\n{"id": "a", "conversations": [{}]}]', "line 2: conversations is no list of objects"),
        (b'[\n{"conversations": []}]', "line 2: id is null"),
    ],
)
def test_a_record_that_cannot_be_used_is_refused_by_file_and_line(
    record: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(record)
    records = opened(path)
    with pytest.raises((InputError, MetricsInputError), match=message):
        records[0]


def test_a_file_that_changes_under_training_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, study("a", context={"indication": "ü" * 50}))
    records = opened(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(MetricsInputError, match="line 1"):
        records[0]


def test_the_digest_tells_files_and_questions_apart(tmp_path: Path) -> None:
    path = written(tmp_path, study("a"))
    first = opened(path).digest()
    assert first == opened(path).digest()
    others = [opened(path, sections=("impression",)), opened(path, context=())]
    written(tmp_path, study("a"), study("b"))
    others.append(opened(path))
    assert 4 == len({first, *(one.digest() for one in others)})


def test_records_travel_to_worker_processes(tmp_path: Path) -> None:
    records = opened(written(tmp_path, study("a"), study("b")))
    again = pickle.loads(pickle.dumps(records))
    assert records[1] == again[1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(OBJECTS, st.sampled_from([None, 0, 2]), st.integers(1, 40))
def test_every_object_of_a_list_is_found_where_it_stands(
    tmp_path_factory: pytest.TempPathFactory,
    objects: list[dict[str, Any]],
    indent: int | None,
    block: int,
) -> None:
    path = tmp_path_factory.mktemp("list") / "list.json"
    text = json.dumps(objects, ensure_ascii=False, indent=indent)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.training_files._BLOCK_BYTES", block)
        places = list(found_in_list(path))
    assert objects == [record_at(path, one.start, one.end, one.line) for one in places]


@settings(deadline=None, max_examples=40)
@given(OBJECTS)
def test_every_object_of_a_line_is_found_where_it_stands(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    lines = [json.dumps(one, ensure_ascii=False) for one in objects]
    path.write_bytes("\ufeff\n\n".encode() + "\r\n \n".join(lines).encode())
    places = list(found_lines(path))
    assert objects == [record_at(path, one.start, one.end, one.line) for one in places]
