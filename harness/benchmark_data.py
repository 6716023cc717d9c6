"""The studies of a benchmark, the folder of their images, and other splits of the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.benchmark import PHANTOMS, Benchmark
from harness.datasets import StudySet, read_studies
from harness.datasets.phantoms import phantom_folder
from harness.errors import InputError, MissingError
from harness.study import Study


@dataclass(frozen=True)
class BenchmarkData:
    """The studies that a benchmark asks about, and where they come from."""

    spec: Benchmark
    study_set: StudySet
    source: Path
    images: Path | None

    @property
    def studies(self) -> Sequence[Study]:
        """The studies, in file order."""
        return self.study_set.studies

    @property
    def notes(self) -> Sequence[str]:
        """Remarks for the person who runs it."""
        return self.study_set.notes

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Rows of the run card."""
        data = self.spec.data
        drawn = f"phantoms, seed {data.seed or 0}" if data.format == PHANTOMS else str(data.path)
        rows = [("data", drawn), ("format", self.study_set.format)]
        rows += [("split", data.split)] if data.split else []
        return [*rows, ("SHA-256 of the studies", self.study_set.sha256)]

    def read_bank(self, path: Path) -> Sequence[Study]:
        """Return the studies of a file to copy from.

        Raises
        ------
        InputError
            If it cannot be read.
        MissingError
            If it is not there, and the benchmark tells how to get it.
        """
        self.spec.how_to_get.refuse_absent(path)
        return read_studies(path).studies

    def require_images(self, model: str) -> None:
        """Raise MissingError if the benchmark tells how to get an image folder and names none.

        For a model that looks at images; baselines run without.
        """
        steps = self.spec.how_to_get.images
        if self.images is None and steps:
            what = f"The model {model!r} looks at images, and data.images names no folder."
            raise MissingError(f"{what}\n\n{steps}")

    def other_split(self, split: str) -> Sequence[Study]:
        """Return the studies of another split of the same data.

        Raises
        ------
        InputError
            If it is the split that is asked about, or there is none of this name.
        """
        if split == self.spec.data.split:
            raise InputError(f"bank_split is {split!r}, the split that is scored. Name another.")
        studies = _read(self.spec, self.source, split, section=None).studies
        if any(study.split is None for study in studies) and not self.source.is_dir():
            raise InputError(
                f"{self.source}: no study names its split, so there is no split {split!r} to copy "
                "from. Give `bank`, a file of training studies."
            )
        return studies


def load_data(spec: Benchmark) -> BenchmarkData:
    """Read the studies of a benchmark; phantoms are drawn first, once per seed and size.

    Raises
    ------
    InputError
        If the data cannot be read, or nothing says where they are.
    MissingError
        If they are not there, and the benchmark tells how to get them.
    """
    data = spec.data
    if data.format == PHANTOMS:
        source = phantom_folder(data.seed, data.patients, data.test_studies)
        split = data.split or "test"
        return BenchmarkData(spec, _read(spec, source, split, data.section), source, source)
    path, images = spec.data_path or Path(), spec.image_folder
    spec.how_to_get.refuse_absent(path)
    study_set = _read(spec, path, data.split, data.section)
    if images is not None and not images.is_dir():
        spec.how_to_get.refuse_absent(images)
        raise InputError(f"data.images: {images} is no folder. Name the studies' image folder.")
    return BenchmarkData(spec, study_set, path, images)


def _read(spec: Benchmark, path: Path, split: str | None, section: str | None) -> StudySet:
    data = spec.data
    return read_studies(
        path,
        None if data.format == PHANTOMS else data.format,
        section=section,
        columns=data.columns or None,
        split=split,
    )
