import gzip
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.mimic.studies import prepare_mimic_cxr

IMAGES, STUDIES, SUBJECTS = 377_110, 227_835, 65_379
REPORTED = 200


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return reports, metadata and splits; the tables are as long as those of MIMIC-CXR."""
    draws = np.random.default_rng(0)
    study = np.r_[np.arange(STUDIES), draws.integers(0, STUDIES, IMAGES - STUDIES)]
    subject = np.sort(draws.integers(0, SUBJECTS, STUDIES))[study]
    keys = {
        "dicom_id": [f"{number:08x}-{number % 97:08x}" for number in draws.permutation(IMAGES)],
        "subject_id": 10_000_000 + subject,
        "study_id": 50_000_000 + study,
    }
    metadata = {
        **keys,
        "ViewPosition": draws.choice(["PA", "AP", "LATERAL", ""], IMAGES),
        "StudyDate": draws.integers(21_000_101, 22_001_231, STUDIES)[study],
        "StudyTime": (draws.random(STUDIES) * 235_959).round(3)[study],
    }
    splits = {**keys, "split": np.where(subject % 100 < 97, "train", "test")}
    paths = []
    for name, table in (("metadata", metadata), ("split", splits)):
        paths.append(tmp_path / f"{name}.csv.gz")
        with gzip.open(paths[-1], "wt", compresslevel=1) as file:
            pd.DataFrame(table).to_csv(file, index=False)
    reports = tmp_path / "reports.zip"
    with zipfile.ZipFile(reports, "w") as archive:
        for row in range(REPORTED):
            patient = f"p{10_000_000 + subject[row]}"
            name = f"files/{patient[:3]}/{patient}/s{50_000_000 + study[row]}.txt"
            archive.writestr(name, "FINAL REPORT\n FINDINGS:  Clear lungs.\n")
    return reports, paths[0], paths[1]


@pytest.mark.slow
def test_tables_as_long_as_mimic_cxrs_take_less_than_a_minute(
    tables: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    began = time.process_time()
    report = prepare_mimic_cxr(*tables, tmp_path / "studies.jsonl")
    assert time.process_time() - began < 60
    assert (REPORTED, STUDIES) == (report["kept"]["total"], report["found"]["studies"])
    assert STUDIES - REPORTED == report["dropped"]["total"]
