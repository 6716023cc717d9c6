"""Score prediction files that exist into a run folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.datasets import PredictionFile, StudySet, read_predictions, read_studies
from harness.datasets.column_maps import column_maps
from harness.errors import InputError
from harness.finish import finish_run
from harness.run_facts import RunFacts
from harness.run_folder import RunFolder
from harness.scoring import Scored, make_test_set, make_units
from harness.scoring_plan import ScoringPlan
from harness.slices import check_slices
from harness.study import Study
from harness.system_texts import import_predictions
from metrics.scoring import hash_test_set
from reports.text_safety import encodable


@dataclass(frozen=True)
class ScoreRequest:
    """What the command ``score`` was asked; ``predictions`` are ``FILE`` or ``NAME=FILE``.

    ``command`` is what was typed.
    """

    references: Path
    predictions: Sequence[str]
    output: Path
    plan: ScoringPlan
    command: str
    columns: Sequence[str] = ()
    images: Path | None = None
    allow_missing: bool = False
    max_line_mb: float = 8.0
    fresh: bool = False
    processes: int = 1


@dataclass(frozen=True)
class ScoreInputs:
    """What was read for a request, checked as a whole before anything is written."""

    study_set: StudySet
    systems: Mapping[str, PredictionFile]

    @property
    def studies(self) -> Sequence[Study]:
        """The studies, in file order."""
        return self.study_set.studies


def read_inputs(request: ScoreRequest) -> ScoreInputs:
    """Read and check every file and name of the request.

    Raises
    ------
    InputError
        If a file, name or setting is wrong.
    MissingError
        If weights that a metric needs are not on this machine.
    """
    request.plan.available()
    paths = named_files(request.predictions)
    columns = column_maps(
        request.columns, request.references, list(paths.values()), request.max_line_mb
    )
    study_set = read_studies(
        request.references,
        section=request.plan.section,
        columns=columns.references,
        max_line_mb=request.max_line_mb,
    )
    make_units(study_set.studies, request.plan.cluster)
    check_slices(request.plan.slices, study_set.studies)
    if request.images is not None and not request.images.is_dir():
        raise InputError(f"--images {request.images} is no folder. Name the studies' image folder.")
    systems = {
        name: read_predictions(
            path,
            study_set.ids,
            columns=columns.predictions.get(path),
            allow_missing=request.allow_missing,
            max_line_mb=request.max_line_mb,
        )
        for name, path in paths.items()
    }
    return ScoreInputs(study_set, systems)


def score_files(
    request: ScoreRequest,
    inputs: ScoreInputs,
    progress: Callable[[int], None] = lambda samples: None,
) -> tuple[RunFolder, Scored]:
    """Score what was read, and write a whole run folder.

    Raises
    ------
    InputError
        If the output folder holds another run or foreign files, or cannot be written.
    """
    plan, studies = request.plan, inputs.studies
    test_set = hash_test_set(make_test_set(studies, plan.section))
    with RunFolder.create(
        request.output, _spec(request, inputs), test_set=test_set, fresh=request.fresh
    ) as folder:
        for name, given in inputs.systems.items():
            import_predictions(folder, name, studies, given)
        facts = RunFacts(
            name=encodable(file_title(request.references)),
            command=request.command,
            data=[
                ("references", encodable(str(request.references))),
                ("format", inputs.study_set.format),
                ("SHA-256 of the references", inputs.study_set.sha256),
            ],
            images=request.images,
            notes=[*inputs.study_set.notes, *plan.notes],
        )
        systems = list(inputs.systems)
        scored = finish_run(folder, studies, systems, plan, facts, request.processes, progress)
    return folder, scored


def named_files(given: Sequence[str]) -> dict[str, Path]:
    """Return the files by system name; a file without a name is called as its stem.

    Raises
    ------
    InputError
        If two systems have the same name, or a name or file is empty.
    """
    files: dict[str, Path] = {}
    for one in given:
        name, equals, rest = one.partition("=")
        if not equals or Path(one).exists():
            path = Path(one)
            name = file_title(path)
        else:
            path = Path(rest)
        if not name or not path.name:
            raise InputError(f"--predictions {one!r}: write FILE or NAME=FILE.")
        if not name.isprintable():
            raise InputError(
                f"--predictions {one!r}: the system's name has characters that cannot be printed. "
                "Name it with --predictions NAME=FILE."
            )
        if name in files:
            raise InputError(
                f"Two systems are called {name!r}: {files[name]} and {path}. "
                "Name them with --predictions NAME=FILE."
            )
        files[name] = path
    return files


def file_title(path: Path) -> str:
    """Return the name of a file without its suffix, compressed or not.

    >>> file_title(Path("answers/model.v2.jsonl.gz"))
    'model.v2'
    """
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def _spec(request: ScoreRequest, inputs: ScoreInputs) -> dict[str, Any]:
    plan = request.plan.to_dict()
    for name in ("skipped", "judge", "wordings", "settings"):
        if not plan[name]:
            del plan[name]
    return {
        "verb": "score",
        "references": str(request.references),
        "predictions": {name: str(given.path) for name, given in inputs.systems.items()},
        "columns": list(request.columns),
        "images": None if request.images is None else str(request.images),
        "allow_missing": request.allow_missing,
        **plan,
    }
