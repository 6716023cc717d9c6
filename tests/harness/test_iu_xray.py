import json
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_studies
from harness.datasets.open_i import prepare_iu_xray
from harness.errors import InputError

XML = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="{uid}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">Cough</AbstractText>
<AbstractText Label="FINDINGS">{findings}</AbstractText>
<AbstractText Label="IMPRESSION">Normal chest.</AbstractText>
</Abstract></Article></MedlineCitation>{images}</eCitation>"""
IMAGE = '<parentImage id="{name}"><figureId>F1</figureId></parentImage>'
STUDY = {
    "section_findings": "Clear lungs.",
    "section_impression": "Normal.",
    "context": "Indication: Cough",
    "image_path": ["CXR1/0.png", "CXR1/1.png"],
    "key_image_path": "CXR1/0.png",
    "frontal_lateral": ["Frontal", "Lateral"],
}


def _xml(
    folder: Path, number: int, findings: str = "Clear.", images: int = 1, uid: str | None = None
) -> None:
    folder.mkdir(exist_ok=True)
    names = "".join(IMAGE.format(name=f"CXR{number}_IM-{i}") for i in range(images))
    text = XML.format(uid=uid or f"CXR{number}", findings=findings, images=names)
    (folder / f"{number}.xml").write_text(text, encoding="utf-8")


def _reasons(report: dict[str, Any]) -> dict[str, int]:
    return {reason: one["count"] for reason, one in report["dropped"]["reasons"].items()}


def test_reports_of_open_i_become_studies_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2):
        _xml(tmp_path / "ecgen-radiology", number, "Clear\n  lungs.", images=2)
    prepare_iu_xray(tmp_path, tmp_path / "out" / "studies.jsonl")
    first, second = read_studies(tmp_path / "out" / "studies.jsonl", section="findings").studies
    assert ["CXR2", "CXR10"] == [first.study_id, second.study_id]
    assert ("CXR2_IM-0.png", "CXR2_IM-1.png") == first.images
    assert {"findings": "Clear lungs.", "impression": "Normal chest."} == first.reference
    assert {"indication": "Cough", "comparison": "None."} == first.context
    assert False is first.has_prior


def test_reports_of_open_i_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    _xml(tmp_path / "xml", 1)
    _xml(tmp_path / "xml", 2, findings=" ")
    _xml(tmp_path / "xml", 3, images=0)
    _xml(tmp_path / "xml", 4, uid="CXR1")
    (tmp_path / "xml" / "5.xml").write_text("<eCitation>")
    (tmp_path / "xml" / "6.xml").write_text('<?xml version="1.0" encoding="none"?><a/>')
    report = prepare_iu_xray(tmp_path / "xml", tmp_path / "studies.jsonl")
    expected = {"broken_file": 2, "no_findings": 1, "no_image": 1, "study_repeated": 1}
    assert expected == _reasons(report)
    assert 6 == report["found"]["studies"] == report["kept"]["total"] + 5


def test_an_image_of_open_i_without_a_name_is_none(tmp_path: Path) -> None:
    _xml(tmp_path / "xml", 1)
    (tmp_path / "xml" / "2.xml").write_text(
        XML.format(uid="CXR2", findings="Clear.", images="<parentImage/>")
    )
    report = prepare_iu_xray(tmp_path / "xml", tmp_path / "studies.jsonl")
    assert {"no_image": 1} == _reasons(report)


def test_lists_of_rexrank_give_each_study_its_split(tmp_path: Path) -> None:
    for split in ("test", "valid"):
        text = json.dumps({f"CXR-{split}": STUDY})
        (tmp_path / f"ReXRank_IUXray_{split}.json").write_text(text)
    report = prepare_iu_xray(tmp_path, tmp_path / "out")
    (study,) = read_studies(tmp_path / "out", split="valid", section="findings").studies
    assert ("CXR-valid", "CXR1/0.png", ("Frontal", "Lateral")) == (
        study.study_id,
        study.current_image,
        study.image_views,
    )
    assert {"test": 1, "valid": 1} == report["kept"]["by_split"]


def test_images_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(json.dumps({"a": STUDY, "b": {**STUDY, "image_path": []}}))
    (tmp_path / "images" / "CXR1").mkdir(parents=True)
    (tmp_path / "images" / "CXR1" / "1.png").write_bytes(b"image")
    (tmp_path / "images" / "CXR1" / "0.png").write_bytes(b"")
    output = tmp_path / "studies.jsonl"
    report = prepare_iu_xray(tmp_path / "test.json", output, tmp_path / "images")
    (study,) = read_studies(output).studies
    assert ("CXR1/1.png",) == study.images
    assert ("CXR1/1.png", ("Lateral",)) == (study.current_image, study.image_views)
    assert {"view": "Lateral"} == study.tags
    assert {"no_image": 1} == _reasons(report)
    assert 1 == report["noted"]["image_file_missing"]["count"]


def test_a_folder_of_neither_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds neither Open-I's reports"):
        prepare_iu_xray(tmp_path, tmp_path / "studies.jsonl")
    _xml(tmp_path, 1)
    with pytest.raises(InputError, match="is of no split"):
        prepare_iu_xray(tmp_path, tmp_path / "folder")
