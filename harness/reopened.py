"""A scored run read back from its folder, without counting anything again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from harness.datasets import read_studies
from harness.errors import InputError
from harness.run_facts import RunFacts
from harness.run_folder import RunFolder
from harness.run_record import RUN_FILE
from harness.scoring import Scored, judge, make_test_set, make_units
from harness.scoring_plan import ScoringPlan
from harness.study import Study
from harness.system_texts import load_texts
from metrics.errors import InputError as MetricsInputError
from metrics.errors import MissingError as MetricsMissingError
from metrics.evaluation import Statistics
from metrics.scoring import Tally, hash_test_set
from metrics.selection import Selected
from metrics.statistics import Units

_AGAIN = "Give the run's command again with --fresh."


def reopen(folder: RunFolder) -> tuple[Scored, ScoringPlan, RunFacts]:
    """Return what a finished run scored, how, and the facts about it.

    Raises
    ------
    InputError
        If the run is not finished, or its files do not belong together.
    """
    plan, studies, counted = reopen_counts(folder)
    record = folder.record
    texts = {system: load_texts(folder, system, studies) for system in record["systems"]}
    shown = plan.without_lost_slices()
    scored = judge(studies, texts, counted, shown, name=record["name"], partial=record["partial"])
    facts = _facts(record, [*scored.notes, *scored.caveats])
    lost = [note for note in shown.notes if note not in facts.notes]
    return scored, plan, replace(facts, notes=[*facts.notes, *lost])


def reopen_counts(folder: RunFolder) -> tuple[ScoringPlan, Sequence[Study], Tally]:
    """Return the plan, the studies and the additive statistics of a finished run."""
    if not folder.record.get("complete"):
        raise InputError(f"{folder.path} is not finished. Give its command again to finish it.")
    plan, systems = _recorded(folder)
    studies = read_studies(folder.path / "studies.jsonl", "studies", section=plan.section).studies
    if hash_test_set(make_test_set(studies, plan.section)) != folder.record.get("test_set"):
        raise InputError(
            f"{folder.path / 'studies.jsonl'} does not hold the studies that were scored. {_AGAIN}"
        )
    units, _ = make_units(studies, plan.cluster)
    selected = _selected(plan, folder)
    statistics, signatures = _statistics(folder, systems, selected, units)
    recorded = [replace(one, recorded=s) for one, s in zip(selected, signatures, strict=True)]
    return plan, studies, Tally(recorded, statistics, units)


def _selected(plan: ScoringPlan, folder: RunFolder) -> list[Selected]:
    try:
        return plan.selected()
    except MetricsInputError as error:
        raise InputError(f"{folder.path / RUN_FILE}: {error}") from error
    except MetricsMissingError as error:
        raise InputError(
            f"{folder.path / RUN_FILE} names something that is not here any more: {error} Put it "
            f"back. Or else: {_AGAIN}"
        ) from error


def _recorded(folder: RunFolder) -> tuple[ScoringPlan, list[str]]:
    """Return the plan and systems of run.json, where all that is read of it is there."""
    record = folder.record
    try:
        plan = ScoringPlan.from_dict(record["plan"])
        systems = [str(name) for name in record["systems"]]
        _facts(record, [])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder.path / RUN_FILE} lacks parts of what a finished run says. {_AGAIN}"
        ) from error
    return plan, systems


def _statistics(
    folder: RunFolder, systems: Sequence[str], selected: Sequence[Selected], units: Units
) -> tuple[Statistics, list[str]]:
    """Return the statistics and the metrics' signatures; weights may be gone or others by now."""
    path = folder.path / "statistics.npz"
    try:
        stored = folder.read_statistics()
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged. {_AGAIN}") from error
    signatures = list(stored.get(systems[0], {})) if systems else []
    wanted = [_without_weights(one.metric.signature) for one in selected]
    for system in systems:
        found = list(stored.get(system, {}))
        if found != signatures or [_without_weights(one) for one in found] != wanted:
            raise InputError(
                f"{folder.path} was scored by another version of its metrics, or with files that "
                "have changed since. Score it again."
            )
        if any(len(array) != units.n_samples for array in stored[system].values()):
            raise InputError(f"{path} is not of the studies beside it. {_AGAIN}")
    return {name: list(stored[name].values()) for name in systems}, signatures


def _without_weights(signature: str) -> str:
    return re.sub(r"\|(weights|judge):[^|]*", "", signature)


def run_name(path: Path) -> str:
    """Return what to call a run in a table of several."""
    return path.resolve().name


def _facts(record: dict[str, Any], made_again: Sequence[str]) -> RunFacts:
    images = record["images"]
    return RunFacts(
        name=record["name"],
        command=record["command"],
        data=list(record["data"].items()),
        images=None if images is None else Path(images),
        notes=[note for note in record["notes"] if note not in made_again],
        partial=record["partial"],
        text_only=record.get("text_only", []),
        performance=record.get("performance", {}),
    )
