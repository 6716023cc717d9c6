import os
import resource
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_studies
from harness.errors import InputError
from harness.mimic.overrides import OVERRIDDEN
from metrics.errors import InputError as MetricsInputError
from tests.harness.mimic.tree import Tree, report


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a tree with one study that is in order, ``s50000001`` of ``p10000001``."""
    tree = Tree(tmp_path)
    tree.study(50000001)
    return tree


def test_a_study_has_what_a_model_and_a_score_need(tree: Tree) -> None:
    tree.image("b", 50000002, view="LATERAL", date=21500301)
    tree.image("a", 50000002, view="PA", date=21500301)
    tree.report(50000002, report("Small effusion."))
    assert {
        "study_id": "s50000002",
        "subject_id": "p10000001",
        "images": ["p10/p10000001/s50000002/a.jpg", "p10/p10000001/s50000002/b.jpg"],
        "image_views": ["PA", "LATERAL"],
        "prior_images": ["p10/p10000001/s50000001/image-50000001.jpg"],
        "context": {"indication": "Cough."},
        "reference": {"findings": "Small effusion."},
        "tags": {"view": "PA"},
        "prior_study_id": "s50000001",
        "prior_report": "Clear lungs.",
        "study_date": "2150-03-01",
        "split": "test",
    } == tree.prepare().studies[1]


def test_what_was_written_is_read_as_studies(tree: Tree) -> None:
    tree.prepare()
    (study,) = read_studies(
        tree.folder / "out" / "studies.jsonl", section="findings", split="test"
    ).studies
    assert "Clear lungs." == study.reference["findings"]


def test_the_current_image_is_frontal_where_there_is_one(tree: Tree) -> None:
    for name, view in (("a", "LATERAL"), ("c", ""), ("b", "AP"), ("d", "PA"), ("e", "LL")):
        tree.image(name, 50000002, view=view)
    tree.report(50000002, report("Clear."))
    study = tree.prepare().studies[1]
    assert ["PA", "AP", "LATERAL", "LL", ""] == study["image_views"]
    assert "d.jpg" == study["images"][0].rpartition("/")[2]


def test_a_study_with_a_lateral_image_alone_is_kept_or_counted(tree: Tree) -> None:
    tree.study(50000002, view="LATERAL")
    assert ["s50000001", "s50000002"] == tree.prepare().kept
    frontal = tree.prepare(views="frontal")
    assert ["s50000001"] == frontal.kept
    assert {"s50000002": "no_frontal"} == frontal.dropped()


def test_a_tree_of_lateral_images_alone_leaves_no_study(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.study(50000001, view="LATERAL")
    with pytest.raises(InputError, match=r"No study is left to write \(no_frontal: 1\)"):
        tree.prepare(views="frontal")


def test_every_study_is_kept_or_dropped_for_one_reason(tree: Tree) -> None:
    tree.image("no-report", 50000002)
    tree.image("empty-report", 50000003)
    tree.report(50000003, " \n")
    tree.image("empty-findings", 50000004)
    tree.report(50000004, report("") + " \n IMPRESSION:  Normal.\n")
    tree.image("no-findings", 50000005)
    tree.report(50000005, "FINAL REPORT\n IMPRESSION:  Normal.\n")
    tree.report(50000006, report("No image."))
    tree.study(int(min(OVERRIDDEN)[1:]))
    tree.image("elsewhere", 50000008)
    tree.report(50000008, report("Clear."), subject=10000002)
    found = tree.prepare()
    expected = {
        "s50000002": "no_report",
        "s50000003": "empty_report",
        "s50000004": "empty_section",
        "s50000005": "no_section",
        "s50000006": "study_not_in_tables",
        min(OVERRIDDEN): "overridden",
        "s50000008": "report_of_another_subject",
    }
    assert expected == found.dropped()
    assert ["s50000001"] == found.kept
    assert len(expected) == found.report["dropped"]["total"]
    assert 1 + len(expected) == found.report["found"]["studies"]
    assert 1 == found.report["dropped"]["reasons"]["no_report"]["count"]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("findings", [1, 3]),
        ("impression", [2, 3]),
        ("findings+impression", [3]),
        ("any", [1, 2, 3]),
    ],
)
def test_the_section_asked_for_decides_what_is_kept(
    tmp_path: Path, section: str, expected: list[int]
) -> None:
    tree = Tree(tmp_path)
    for number, text in enumerate(
        (
            report("Clear."),
            "FINAL REPORT\n IMPRESSION:  Normal.\n",
            report("Clear.") + " \n IMPRESSION:  Normal.\n",
        ),
        start=50000001,
    ):
        tree.image(f"i{number}", number)
        tree.report(number, text)
    assert [f"s5000000{n}" for n in expected] == tree.prepare(section=section).kept


def test_tables_that_do_not_agree_are_counted(tree: Tree) -> None:
    tree.study(50000002, split="train", subject=10000002)
    tree.image("other-split", 50000002, split="test", subject=10000002)
    tree.study(50000003)
    tree.image("other-subject", 50000003, subject=10000003)
    tree.study(50000004)
    tree.splits.pop()
    tree.study(50000005)
    tree.metadata.pop()
    tree.study(50000006)
    tree.image("moved", 50000006)
    tree.splits[-1]["study_id"] = 50000001
    found = tree.prepare()
    assert {
        "s50000002": "study_in_two_splits",
        "s50000003": "study_of_two_subjects",
        "s50000004": "study_not_in_splits",
        "s50000005": "study_not_in_metadata",
    } == found.dropped()
    assert ["s50000001", "s50000006"] == found.kept
    assert ["moved"] == found.noted("image_contradicted")
    assert 6 == found.report["found"]["studies"]


def test_repeated_rows_and_reports_are_counted_and_the_first_counts(tree: Tree) -> None:
    tree.metadata.append({**tree.metadata[0], "ViewPosition": "AP"})
    tree.splits.append(tree.splits[0])
    tree.report(50000001, report("Second."))
    with pytest.warns(UserWarning, match="Duplicate name"):
        found = tree.prepare()
    assert ["image-50000001"] * 2 == found.noted("image_row_repeated")
    assert ["s50000001"] == found.noted("report_repeated")
    assert "Clear lungs." == found.studies[0]["reference"]["findings"]
    assert "PA" == found.studies[0]["tags"]["view"]


def test_a_report_that_is_not_utf8_is_read_and_noted(tree: Tree) -> None:
    tree.image("b", 50000002)
    tree.report(50000002, report("10 \u00b5m.").encode("latin-1"))
    found = tree.prepare()
    assert ["s50000002"] == found.noted("report_not_utf8")
    assert "10 \u00b5m." == found.studies[1]["reference"]["findings"]


def test_reports_may_end_their_lines_as_windows_does(tree: Tree) -> None:
    tree.image("b", 50000002)
    tree.report(50000002, report("Clear.").replace("\n", "\r\n"))
    assert "Clear." == tree.prepare().studies[1]["reference"]["findings"]


def test_studies_of_one_day_show_where_the_priors_differ(tree: Tree) -> None:
    tree.study(50000002, date=21500102, time=80000)
    tree.study(50000003, date=21500102, time=90000)
    published, strict = tree.prepare(), tree.prepare(priors="strict")
    assert "s50000001" == published.studies[2]["prior_study_id"]
    assert "s50000002" == strict.studies[2]["prior_study_id"]
    for found in (published, strict):
        assert ["s50000003"] == found.noted("prior_same_day")
        counts = found.report["priors"]
        assert (1, 1, 1) == (counts["same"], counts["none_in_both"], counts["different"])


def test_the_other_causes_of_different_priors_are_told_apart(tree: Tree) -> None:
    tree.image("z", 50000001, view="LATERAL")
    tree.study(50000002, date=21500201)
    tree.study(50000003, date=21500301, view="LATERAL")
    tree.study(50000004, date=21500401)
    tree.image("two-days", 50000004, date=21500402, view="AP")
    tree.study(50000005, date=21500502)
    tree.image("day-before", 50000005, date=21500501, view="AP")
    found = tree.prepare()
    assert ["s50000002"] == found.noted("prior_other_view")
    assert ["s50000004"] == found.noted("prior_no_view")
    assert ["s50000005"] == found.noted("prior_of_own_study")
    assert 3 == found.report["priors"]["different"]


def test_no_prior_crosses_the_splits(tree: Tree) -> None:
    tree.study(50000002, date=21500301, split="train")
    found = tree.prepare()
    assert [[], []] == [study["prior_images"] for study in found.studies]
    assert ["p10000001"] == found.noted("subject_in_two_splits")


def test_a_study_without_a_date_has_no_prior_and_is_none(tree: Tree) -> None:
    tree.study(50000002, date="", time="")
    tree.study(50000003, date=21500301)
    found = tree.prepare()
    priors = {study["study_id"]: study.get("prior_study_id") for study in found.studies}
    assert {"s50000001": None, "s50000003": "s50000001", "s50000002": None} == priors
    assert ["s50000002"] == found.noted("no_date")


@pytest.mark.parametrize("below", ["files", "."])
@pytest.mark.parametrize("ending", [".jpg", ".dcm"])
def test_images_that_are_not_there_are_left_out(tree: Tree, ending: str, below: str) -> None:
    tree.image("gone", 50000001, view="AP")
    tree.study(50000002)
    root = tree.folder / "images"
    for study in (50000001, 50000002):
        file = root / below / f"p10/p10000001/s{study}/image-{study}{ending}"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"image" if study == 50000001 else b"")
    found = tree.prepare(images=root)
    assert ["p10/p10000001/s50000001/image-50000001" + ending] == found.studies[0]["images"]
    assert {"s50000002": "no_image_file"} == found.dropped()
    assert ["gone"] == found.noted("image_file_missing")
    assert str(root if below == "." else root / "files") == found.report["settings"]["images"]


def test_a_folder_without_images_is_refused(tree: Tree) -> None:
    (tree.folder / "images").mkdir()
    with pytest.raises(InputError, match="holds none of the images"):
        tree.prepare(images=tree.folder / "images")


def test_reports_may_lie_unpacked_in_a_folder(tree: Tree) -> None:
    from harness.mimic.studies import prepare_mimic_cxr

    expected = tree.prepare().studies
    for name, content in tree.reports:
        file = tree.folder / "unpacked" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    output = tree.folder / "again.jsonl"
    prepare_mimic_cxr(
        tree.folder / "unpacked",
        tree.folder / "metadata.csv.gz",
        tree.folder / "split.csv.gz",
        output,
    )
    assert [s["study_id"] for s in expected] == read_studies(output).ids
    same = tree.folder / "out" / "studies.jsonl"
    assert same.read_bytes() == output.read_bytes()


def test_a_folder_as_output_gets_one_file_for_each_split(tree: Tree) -> None:
    from harness.mimic.studies import prepare_mimic_cxr

    tree.study(50000002, subject=10000002, split="train")
    tree.prepare()
    tables = (tree.folder / "metadata.csv.gz", tree.folder / "split.csv.gz")
    prepare_mimic_cxr(tree.folder / "mimic-cxr-reports.zip", *tables, tree.folder / "studies")
    assert [
        "preparation.ids.csv",
        "preparation.report.json",
        "test.jsonl",
        "train.jsonl",
    ] == sorted(os.listdir(tree.folder / "studies"))
    assert ["s50000001"] == read_studies(tree.folder / "studies", split="test").ids


@pytest.mark.parametrize(
    ("choices", "message"),
    [({"rules": "offical"}, "Did you mean 'official'"), ({"section": "none"}, "section cannot be")],
)
def test_an_unknown_choice_is_refused(tree: Tree, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tree.prepare(**choices)


def test_nothing_is_written_where_no_study_is_left(tree: Tree) -> None:
    with pytest.raises(InputError, match=r"No study is left to write \(no_section: 1\)"):
        tree.prepare(section="impression")
    assert not (tree.folder / "out").exists()


def test_what_was_written_before_survives_a_refusal_to_write(tree: Tree) -> None:
    from harness.mimic.studies import prepare_mimic_cxr

    tree.prepare()
    folder = tree.folder / "out"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    tables = (tree.folder / "metadata.csv.gz", tree.folder / "split.csv.gz")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        with pytest.raises(InputError, match=r"Raise the limit .* run the same command again, or"):
            prepare_mimic_cxr(
                tree.folder / "mimic-cxr-reports.zip", *tables, folder / "studies.jsonl"
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("study_id", "x1", r"metadata.csv.gz line 2: study_id is no number"),
        ("StudyDate", "soon", r"metadata.csv.gz line 2: StudyDate is no number"),
        ("StudyDate", "inf", r"metadata.csv.gz line 2: StudyDate is no number"),
        ("StudyTime", "1e300", r"metadata.csv.gz line 2: StudyTime is no number"),
        ("dicom_id", "", r"metadata.csv.gz line 2: dicom_id is empty"),
        ("dicom_id", "../a", r"metadata.csv.gz line 2: dicom_id is empty or no name"),
    ],
)
def test_a_wrong_cell_is_named(tree: Tree, column: str, value: str, message: str) -> None:
    tree.metadata[0][column] = value
    with pytest.raises(InputError, match=message):
        tree.prepare()


@pytest.mark.parametrize("split", ["", "../test"])
def test_a_split_that_cannot_name_a_file_is_refused(tree: Tree, split: str) -> None:
    tree.splits[0]["split"] = split
    with pytest.raises(InputError, match=r"split.csv.gz line 2: split is empty or no name"):
        tree.prepare()


def test_rows_longer_than_the_header_are_refused(tmp_path: Path) -> None:
    from harness.datasets.raw_tables import read_table

    (tmp_path / "table.csv").write_text("a,b\n1,2,3\n4,5,6\n")
    with pytest.raises(InputError, match="more cells than its header"):
        read_table(tmp_path / "table.csv", ("a", "b"))


def test_a_table_without_a_column_is_refused(tree: Tree) -> None:
    del tree.metadata[0]["ViewPosition"]
    with pytest.raises(InputError, match="has no column ViewPosition"):
        tree.prepare()


def test_a_broken_zip_file_is_refused(tree: Tree, tmp_path: Path) -> None:
    from harness.mimic.report_files import read_reports

    (tmp_path / "broken.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="no whole zip file"):
        list(read_reports(tmp_path / "broken.zip"))
    with pytest.raises(InputError, match="holds no reports"):
        list(read_reports(tmp_path))
    with pytest.raises(InputError, match="does not exist"):
        list(read_reports(tmp_path / "nowhere"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a zip file with one packed report."""
    with zipfile.ZipFile(tmp_path / "reports.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("files/p10/p10000001/s50000001.txt", report("Clear lungs. " * 50))
    return tmp_path / "reports.zip"


@pytest.mark.parametrize(
    ("local", "central", "value", "message"),
    [
        (6, 8, 1, "is encrypted, or packed"),
        (8, 10, 97, "is encrypted, or packed"),
        (14, 16, 0, "no whole zip file"),
    ],
)
def test_a_zip_file_that_cannot_be_unpacked_is_refused(
    archive: Path, local: int, central: int, value: int, message: str
) -> None:
    from harness.mimic.report_files import read_reports

    content = bytearray(archive.read_bytes())
    for at in (content.index(b"PK\3\4") + local, content.index(b"PK\1\2") + central):
        content[at] = value if content[at] != value else value + 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_reports(archive))


def test_garbled_content_of_a_zip_file_is_refused(archive: Path) -> None:
    from harness.mimic.report_files import read_reports

    content = bytearray(archive.read_bytes())
    content[70:90] = b"\xff" * 20
    archive.write_bytes(content)
    with pytest.raises(InputError, match="no whole zip file"):
        list(read_reports(archive))


def test_a_report_longer_than_any_report_is_refused(archive: Path) -> None:
    from harness.mimic.report_files import read_reports

    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("files/p10/p10000001/s50000001.txt", b"\0" * 1_000_001)
    with pytest.raises(InputError, match=r"s50000001.txt is longer than 1 MB"):
        list(read_reports(archive))


def test_folders_of_reports_may_be_links_even_in_a_circle(tmp_path: Path) -> None:
    from harness.mimic.report_files import read_reports

    patient = tmp_path / "disk" / "p10000001"
    patient.mkdir(parents=True)
    (patient / "s50000001.txt").write_text("text")
    (patient / "back").symlink_to(tmp_path / "disk")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "p10").symlink_to(tmp_path / "disk")
    found = list(read_reports(tmp_path / "files"))
    assert [("p10000001", "s50000001")] == [(one.subject_id, one.study_id) for one in found]


def test_a_pipe_among_the_reports_is_refused_not_waited_for(tmp_path: Path) -> None:
    from harness.mimic.report_files import read_reports

    (tmp_path / "p10000001").mkdir()
    os.mkfifo(tmp_path / "p10000001" / "s50000001.txt")
    for path in (tmp_path, tmp_path / "p10000001" / "s50000001.txt"):
        with pytest.raises(MetricsInputError, match="not a regular file"):
            list(read_reports(path))
