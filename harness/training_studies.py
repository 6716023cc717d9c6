"""Studies and Libra's records as what tuning learns from, read one by one from their files."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Literal

from harness.datasets.flat import flat_record
from harness.datasets.record import study_of
from harness.datasets.source import Place
from harness.datasets.studies import studies_record
from harness.environment import expanded, unset_variables
from harness.errors import InputError, MissingError
from harness.suggest import suggestion
from harness.training_conversations import of_libra, of_study
from harness.training_index import TrainingFile, index_file
from models.training.tuning.recipe import TuningData
from models.training.tuning.records import TrainingRecord


class StudyRecords:
    """The records of one or more files, in their order; only their places are in memory.

    A study with a question is one record; any other one for each section that is asked for. Use
    `open_records`.

    Parameters
    ----------
    files
        Their places.
    data
        What is asked of each study.
    images
        The folder that images are relative to; None: the folder of the file that names them.
    """

    def __init__(
        self, files: Sequence[TrainingFile], data: TuningData, images: Path | None
    ) -> None:
        self._files = tuple(files)
        self._ends = list(accumulate(len(file) for file in files))
        self._data = data
        self._images = images

    @property
    def notes(self) -> list[str]:
        """Remarks on the files, for the person who trains."""
        known = sorted(frozenset[str]().union(*(file.context for file in self._files)))
        return [
            *(note for file in self._files for note in file.notes),
            *(
                f"data.context: no study has the section {name!r}. "
                + (suggestion(name, known) if known else "Studies have no context.")
                for name in self._data.context or ()
                if name not in known
            ),
        ]

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> TrainingRecord:
        """Return a record; raises as `Records` says, and IndexError beyond the last."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, index)
        file = self._files[number]
        row = index - self._ends[number] + len(file)
        place = Place(str(file.path), int(file.lines[row]))
        images = file.path.parent if self._images is None else self._images
        content = file.content(row)
        if file.form == "list":
            return of_libra(content, place, images, canvas=self._data.canvas)
        read = studies_record if file.form == "studies" else flat_record
        study = study_of(read(content), place)
        section = self._data.sections[int(file.asked[row])]
        is_one = len(self._data.sections) == 1 or study.question is not None
        return of_study(
            study,
            study.sample_id if is_one else f"{study.sample_id} ({section})",
            section,
            self._data.context,
            images,
            canvas=self._data.canvas,
        )

    def digest(self) -> str:
        """Return a SHA-256 over the files' bytes and what is asked of them."""
        asked = [self._data.sections, self._data.context, self._data.split, self._data.canvas]
        files = [[str(file.path.parent.resolve()), file.sha256] for file in self._files]
        said = json.dumps([asked, str(self._images), files])
        return hashlib.sha256(said.encode()).hexdigest()


def open_records(
    data: TuningData,
    which: Literal["train", "valid"],
    folder: Path,
    needs: Mapping[str, str] | None = None,
) -> StudyRecords:
    """Return the records that a stage trains on, or those that it is judged on.

    Parameters
    ----------
    data
        What the recipe says; its ``split`` chooses among the studies to train on only.
    folder
        Where the recipe is: its paths are relative to that.
    needs
        How to get what a variable of the environment stands for, by the variable's name.

    Raises
    ------
    InputError
        If a file cannot be read, see `index_file`, or the image folder is none.
    MissingError
        If a variable that a path reads is not set.
    """
    named = data.train if which == "train" else data.valid
    paths = [folder / _path(text, f"data.{which}", needs or {}) for text in named]
    images = None
    if data.images is not None:
        images = folder / _path(data.images, "data.images", needs or {})
        if not images.is_dir():
            raise InputError(f"data.images: there is no folder {images}. Check the path.")
    split = data.split if which == "train" else None
    files = [index_file(path, len(data.sections), split) for path in paths]
    return StudyRecords(files, data, images)


def _path(text: str, where: str, needs: Mapping[str, str]) -> Path:
    for name in unset_variables(text):
        what = f" It stands for: {needs[name].strip()}" if name in needs else ""
        raise MissingError(
            f"{where}: the environment variable {name} is not set. Set it "
            f"(`export {name}=…`).{what}"
        )
    return Path(expanded(text, where)).expanduser()
