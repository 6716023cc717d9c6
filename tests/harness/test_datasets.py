import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets import read_predictions, read_studies, write_studies
from harness.datasets.context_text import context_sections
from harness.datasets.phantoms import phantom_folder
from harness.datasets.record import record_of
from harness.errors import InputError
from harness.study import Study

IDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.dictionaries(st.sampled_from(["indication", "view", "x y"]), TEXT, max_size=2)


@st.composite
def studies(draw: st.DrawFn) -> Study:
    images = tuple(draw(st.lists(IDS, max_size=2)))
    tags = draw(WORDS)
    return Study(
        sample_id=draw(IDS),
        study_id=draw(IDS),
        subject_id=draw(st.none() | IDS),
        images=images,
        image_views=draw(st.sampled_from([(), tuple("PA" for _ in images)])),
        prior_images=draw(st.none() | st.lists(IDS, max_size=2).map(tuple)),
        current_image=images[-1] if images else None,
        context=draw(WORDS),
        reference={"findings": draw(TEXT | st.lists(TEXT, min_size=1, max_size=3).map(tuple))},
        tags=tags,
        prior_study_id=draw(st.none() | IDS),
        prior_report=draw(st.none() | TEXT),
        question=draw(st.none() | TEXT),
        study_date=draw(st.none() | IDS),
        split=draw(st.none() | IDS),
    )


def _lines(path: Path, *records: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def _one(path: Path, **options: Any) -> Study:
    (study,) = read_studies(path, **options).studies
    return study


@given(drawn=st.lists(studies(), min_size=1, max_size=4, unique_by=lambda s: s.sample_id))
def test_studies_that_were_written_are_read(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Study]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    write_studies(folder / "a.jsonl", drawn)
    found = read_studies(folder / "a.jsonl", "studies")
    assert drawn == list(found.studies)
    write_studies(folder / "b.jsonl", found.studies)
    assert (folder / "a.jsonl").read_bytes() == (folder / "b.jsonl").read_bytes()


def test_a_line_of_our_form_is_read_whole(tmp_path: Path) -> None:
    path = _lines(
        tmp_path / "a.jsonl",
        {
            "study_id": 50414267,
            "subject_id": "p1",
            "images": ["a.jpg", "b.jpg"],
            "prior_images": [],
            "context": {"indication": "Cough.", "history": None},
            "reference": {"findings": "Clear.", "impression": None},
            "tags": {"view": "PA", "abnormal": False, "age": 61},
            "study_date": 20180101,
        },
    )
    found = read_studies(path, section="findings")
    assert ("studies", hashlib.sha256(path.read_bytes()).hexdigest(), ["50414267"]) == (
        found.format,
        found.sha256,
        found.ids,
    )
    assert [] == list(found.notes)
    assert found.studies[0] == Study(
        sample_id="50414267",
        study_id="50414267",
        subject_id="p1",
        images=("a.jpg", "b.jpg"),
        prior_images=(),
        current_image="a.jpg",
        context={"indication": "Cough."},
        reference={"findings": "Clear."},
        tags={"view": "PA", "abnormal": "no", "age": "61"},
        study_date="20180101",
    )
    assert (str(path), 1) == (found.studies[0].file, found.studies[0].line)


def test_flat_lines_put_sections_views_and_context_in_their_places(tmp_path: Path) -> None:
    path = _lines(
        tmp_path / "a.jsonl",
        {
            "study_id": "s1",
            "findings": "Clear.",
            "impression": "",
            "context": "Indication: Cough Comparison: None.",
            "indication": "Cough",
            "comparison": "None.",
            "images": ["s1/0.png", "s1/1.png"],
            "key_image": "s1/1.png",
            "views": ["Frontal", "Lateral"],
            "split": "test",
        },
    )
    assert "flat" == read_studies(path).format
    assert _one(path) == Study(
        sample_id="s1",
        study_id="s1",
        images=("s1/0.png", "s1/1.png"),
        image_views=("Frontal", "Lateral"),
        current_image="s1/1.png",
        context={"indication": "Cough", "comparison": "None."},
        reference={"findings": "Clear.", "impression": ""},
        tags={"view": "Lateral"},
        split="test",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("Cough.", {"context": "Cough."}),
        ("INDICATION: a\nTechnique : b", {"indication": "a", "technique": "b"}),
        ("Woman. Clinical history: a", {"context": "Woman.", "history": "a"}),
        ("Indication: Indication: a Comparison:", {"indication": "a", "comparison": ""}),
    ],
)
def test_a_context_in_one_piece_is_cut_at_its_headings(text: str, expected: dict[str, str]) -> None:
    assert expected == context_sections(text)


@pytest.mark.parametrize(
    ("image", "images", "prior"),
    [
        ("a.jpg", ("a.jpg",), ()),
        (["a.jpg"], ("a.jpg",), ()),
        (["a.jpg", "b.jpg"], ("a.jpg",), ("b.jpg",)),
        (["a.jpg", "a.jpg"], ("a.jpg",), ()),
        (None, (), None),
    ],
)
def test_libra_questions_name_the_current_and_the_prior_image(
    tmp_path: Path, image: Any, images: tuple[str, ...], prior: tuple[str, ...] | None
) -> None:
    record = {"question_id": 3, "image": image, "text": "Describe.", "reference": "Clear."}
    path = _lines(tmp_path / "a.jsonl", record)
    assert "libra" == read_studies(path).format
    study = _one(path, section="findings")
    assert ("3", images, prior) == (study.sample_id, study.images, study.prior_images)
    assert ("Describe.", ["Clear."]) == (study.question, study.reference_texts("findings"))


def test_rexrank_documents_are_read_by_id(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    record = {
        "study_id": "x",
        "section_findings": "Clear.",
        "section_impression": None,
        "context": "Indication: Cough",
        "image_path": ["0.png", "1.png"],
        "key_image_path": "1.png",
        "frontal_lateral": ["Frontal", "Lateral"],
        "subject_id": 12,
        "model_prediction": "All clear.",
    }
    expected = Study(
        sample_id="CXR1",
        study_id="CXR1",
        subject_id="12",
        images=("0.png", "1.png"),
        image_views=("Frontal", "Lateral"),
        current_image="1.png",
        context={"indication": "Cough"},
        reference={"findings": "Clear."},
        tags={"view": "Lateral"},
    )
    for indent in (None, 2):
        path.write_text(json.dumps({"CXR1": record}, indent=indent))
        assert "rexrank" == read_studies(path, section="findings").format
        assert expected == _one(path)
        assert ["All clear."] == read_predictions(path, ["CXR1"]).texts


def test_tables_are_read_with_a_map_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(
        "ID\tReport\timage\tprior_images\tindication\tViewPosition\tAbnormal\tage\n"
        's1\t"Clear.\nNo ""effusion""."\ta.png\t\tCough\tPA\tyes\t\n'
        's2\t\t\t["p.png"]\t\t\t\t61\n'
    )
    columns = {"study_id": "ID", "findings": "Report", "tags.abnormal": "Abnormal"}
    found = read_studies(path, columns=columns, section="findings")
    first, second = found.studies
    assert first == Study(
        sample_id="s1",
        study_id="s1",
        images=("a.png",),
        current_image="a.png",
        prior_images=(),
        context={"indication": "Cough"},
        reference={"findings": 'Clear.\nNo "effusion".'},
        tags={"view": "PA", "abnormal": "yes"},
    )
    assert (("p.png",), {"findings": ""}, 4) == (second.prior_images, second.reference, second.line)
    assert any("not read: 'age'" in note for note in found.notes)
    assert any("1 of 2 studies have an empty findings" in note for note in found.notes)


def test_all_formats_give_the_same_reports_for_the_same_studies(tmp_path: Path) -> None:
    flat = _lines(tmp_path / "a.jsonl", {"study_id": "s1", "findings": "Clear, a bit."})
    ours = _lines(
        tmp_path / "b.jsonl", {"study_id": "s1", "reference": {"findings": "Clear, a bit."}}
    )
    libra = _lines(tmp_path / "c.jsonl", {"question_id": "s1", "findings": "Clear, a bit."})
    table = tmp_path / "d.csv"
    table.write_text('study_id,findings\ns1,"Clear, a bit."\n')
    document = tmp_path / "e.json"
    document.write_text('{"s1": {"section_findings": "Clear, a bit."}}')
    zipped = tmp_path / "f.csv.gz"
    zipped.write_bytes(gzip.compress(table.read_bytes()))
    for path in (flat, ours, libra, table, document, zipped):
        assert ["Clear, a bit."] == _one(path).reference_texts("findings")


@pytest.mark.parametrize(
    "name", ["[/red]", "../../etc/passwd", "a b", "Ünï", "=1+1", "x" * 512, "-"]
)
def test_odd_ids_are_only_ids(tmp_path: Path, name: str) -> None:
    studies_file = _lines(tmp_path / "a.jsonl", {"study_id": name, "findings": "Clear."})
    predictions = _lines(tmp_path / "p.jsonl", {"study_id": name, "prediction": "Clear."})
    found = read_studies(studies_file)
    assert [name] == found.ids
    assert ["Clear."] == read_predictions(predictions, found.ids).texts


def test_misspelt_fields_come_to_light(tmp_path: Path) -> None:
    path = _lines(tmp_path / "a.jsonl", {"study_id": "s1", "findings": "x", "prior_image": ["a"]})
    (note,) = read_studies(path).notes
    assert note.endswith("fields that are not read: 'prior_image'. Did you mean 'prior_images'?")


def test_a_split_is_taken_from_the_file_or_from_the_studies(tmp_path: Path) -> None:
    both: list[dict[str, Any]] = [
        {"study_id": "a", "findings": "A.", "split": "train"},
        {"study_id": "b", "findings": "B.", "tags": {"split": "test"}},
    ]
    one_file = _lines(tmp_path / "all.jsonl", *both)
    assert ["a"] == read_studies(one_file, split="train").ids
    assert ["b"] == read_studies(one_file, split="test").ids
    assert ["a", "b"] == read_studies(one_file).ids
    _lines(tmp_path / "valid.jsonl", {"study_id": "c", "findings": "C."})
    in_folder = read_studies(tmp_path, split="valid")
    assert (["c"], []) == (in_folder.ids, list(in_folder.notes))
    (note,) = read_studies(tmp_path / "valid.jsonl", split="test").notes
    assert note.endswith("no study names its split; all are taken for 'test'.")


def test_predictions_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = _lines(
        tmp_path / "p.jsonl",
        {
            "study_id": "b",
            "prediction": "B.",
            "finish_reason": "length",
            "tokens": 3,
            "prior": "dummy",
        },
        {"question_id": "a", "text": ""},
    )
    found = read_predictions(path, ["a", "missing", "b"], allow_missing=True)
    assert ["", None, "B."] == found.texts
    assert [None, None, "length"] == found.finish_reasons
    assert [None, None, 3] == found.tokens
    assert [None, None, "dummy"] == found.priors
    assert ["missing"] == found.missing
    assert hashlib.sha256(path.read_bytes()).hexdigest() == found.sha256


def test_predictions_are_read_from_tables(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text('study_id,prediction,tokens,finish_reason\nb,,3,\na,"A, b.",,stop\n')
    found = read_predictions(path, ["a", "b"])
    assert ["A, b.", ""] == found.texts
    assert [None, 3] == found.tokens
    assert ["stop", None] == found.finish_reasons


def test_columns_of_predictions_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    path.write_text(
        "case\taccession\ttext\tgenerated report\tn\twhy\tshown\n"
        "1\tb\tquestion\tB.\t3\tlength\tnone\n2\ta\tquestion\t\t\t\t\n"
    )
    columns = {
        "study_id": "accession",
        "prediction": "generated report",
        "tokens": "n",
        "finish_reason": "why",
        "prior": "shown",
    }
    found = read_predictions(path, ["a", "b"], columns=columns)
    assert ["", "B."] == found.texts
    assert [None, 3] == found.tokens
    assert [None, "length"] == found.finish_reasons
    assert [None, "none"] == found.priors
    again = read_predictions(path, ["1", "2"], columns={"sample_id": "case"})
    assert ["question", "question"] == again.texts


def test_a_mapped_column_comes_before_one_of_our_name(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("study_id,prediction,final\na,draft,Clear.\n")
    assert ["Clear."] == read_predictions(path, ["a"], columns={"prediction": "final"}).texts


def test_phantoms_are_drawn_once_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path))
    folder = phantom_folder(seed=1, patients=5)
    before = folder.stat().st_mtime_ns
    assert folder == phantom_folder(seed=1, patients=5)
    assert before == folder.stat().st_mtime_ns
    found = read_studies(folder, "studies", split="train", section="findings")
    assert tmp_path in found.path.parents
    assert [] == list(found.notes)
    assert all((folder / study.images[0]).is_file() for study in found.studies)


def test_views_are_one_for_each_image_and_are_written_back(tmp_path: Path) -> None:
    record = {
        "study_id": "s1",
        "images": ["a.png", "b.png"],
        "image_views": ["PA", "LATERAL"],
        "reference": {"findings": "Clear."},
    }
    path = _lines(tmp_path / "a.jsonl", record)
    assert ("PA", "LATERAL") == _one(path).image_views
    assert record["image_views"] == record_of(_one(path))["image_views"]
    assert "image_views" not in record_of(Study("s", "s"))


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (["PA"], "image_views has 1 views for 2 images. Write one for each image"),
        ("PA", "image_views is a text. Write a list of words"),
        (["PA", 3], "a word in image_views is a number. Write a text"),
    ],
)
def test_views_that_do_not_fit_the_images_are_refused(
    tmp_path: Path, views: object, message: str
) -> None:
    path = _lines(
        tmp_path / "a.jsonl",
        {
            "study_id": "s1",
            "images": ["a.png", "b.png"],
            "image_views": views,
            "reference": {"findings": "Clear."},
        },
    )
    with pytest.raises(InputError, match=re.escape(message)):
        read_studies(path, "studies")
