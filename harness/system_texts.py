"""The predictions of a run folder as the scorer takes them, in study order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from harness.atomic import write_bytes
from harness.claims import claim
from harness.datasets import PredictionFile
from harness.disk_errors import explained
from harness.prediction_log import read_lines
from harness.run_folder import RunFolder
from harness.scoring import SystemTexts
from harness.study import Study


def import_predictions(
    folder: RunFolder, system: str, studies: Sequence[Study], given: PredictionFile
) -> None:
    """Keep predictions that exist already in the run folder, as they are.

    Raises
    ------
    InputError
        If the folder holds other predictions of this system.
    """
    claim(folder, system, {"predictions": given.sha256}, model=system)
    lines = (
        _line(study, given, row)
        for row, study in enumerate(studies)
        if given.texts[row] is not None
    )
    path = folder.predictions_path(system)
    with explained(path):
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def load_texts(folder: RunFolder, system: str, studies: Sequence[Study]) -> SystemTexts:
    """Return a system's predictions from the run folder; None where a study has none.

    Of several answers, the first counts.
    """
    lines = {
        line.get("sample_id", line["study_id"]): line
        for line in read_lines(folder.predictions_path(system))
        if not line.get("sequence")
    }
    found = [lines.get(study.sample_id, {}) for study in studies]
    return SystemTexts(
        predictions=[line.get("prediction") for line in found],
        finish_reasons=[line.get("finish_reason") for line in found],
        priors=[line.get("prior") for line in found],
    )


def _line(study: Study, given: PredictionFile, row: int) -> Mapping[str, object]:
    line = {
        "sample_id": study.sample_id if study.sample_id != study.study_id else None,
        "study_id": study.study_id,
        "prediction": given.texts[row],
        "finish_reason": given.finish_reasons[row],
        "tokens": given.tokens[row],
        "prior": given.priors[row],
    }
    return {key: value for key, value in line.items() if value is not None}
