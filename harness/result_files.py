"""Write what a scored run leaves behind: scores, per-sample scores, leaderboard, statistics."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator

from harness.condition_tables import conditions_csv
from harness.prior_gain import gains_json
from harness.run_folder import RunFolder
from harness.scoring import Scored
from metrics.metric import FloatArray
from metrics.results import ScoreTable
from reports.leaderboard import run_csv
from reports.text_safety import csv_text


def write_results(folder: RunFolder, scored: Scored) -> None:
    """Write ``statistics.npz``, ``per_sample.csv``, ``leaderboard.csv`` and ``scores.json``.

    With CheXbert F1 also ``conditions.csv``. ``scores.json`` comes last: where it is, the others
    are whole.
    """
    folder.write_statistics(named_statistics(scored))
    folder.write_text("per_sample.csv", per_sample_csv(scored.table))
    folder.write_text("leaderboard.csv", run_csv(scored.table))
    if scored.conditions:
        folder.write_text("conditions.csv", conditions_csv(scored.conditions))
    else:  # one of an earlier scoring of this run, with metrics that are left out now
        (folder.path / "conditions.csv").unlink(missing_ok=True)
    folder.write_text("scores.json", scores_json(scored))


def scores_json(scored: Scored) -> str:
    """Return the score table as ``scores.json`` holds it, with what the prior image is worth."""
    table = scored.table.to_json()
    if not scored.prior_gains:
        return table
    values = {**json.loads(table), "prior_gain": gains_json(scored.prior_gains)}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def per_sample_csv(table: ScoreTable) -> str:
    """Return one row per study and system, studies first, floats in full, undefined empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [name for name in table.metric_names if _defined_per_sample(table, name)]
    writer.writerow(["study_id", "system", *names])
    writer.writerows(_rows(table, names))
    return buffer.getvalue()


def _rows(table: ScoreTable, names: list[str]) -> Iterator[list[str]]:
    columns = {
        system: [values[name].tolist() for name in names]
        for system, values in table.per_sample.items()
    }
    for position, sample_id in enumerate(table.ids):
        for system, values in columns.items():
            scores = [_full(column[position]) for column in values]
            yield [csv_text(sample_id), csv_text(system), *scores]


def _defined_per_sample(table: ScoreTable, name: str) -> bool:
    return any(name in values for values in table.per_sample.values())


def _full(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def named_statistics(scored: Scored) -> dict[str, dict[str, FloatArray]]:
    """Return the additive statistics by system and metric signature."""
    signatures = [one.signature for one in scored.counted.selected]
    return {
        system: dict(zip(signatures, arrays, strict=True))
        for system, arrays in scored.counted.statistics.items()
    }
