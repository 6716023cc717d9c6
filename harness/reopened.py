"""A scored run read back from its folder, without counting anything again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.datasets import read_studies
from harness.errors import InputError
from harness.finish import RunFacts
from harness.run_folder import RunFolder
from harness.scoring import Scored, ScoringPlan, judge, make_units
from harness.study import Study
from harness.system_texts import load_texts
from metrics.scoring import Tally


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
    scored = judge(studies, texts, counted, plan, name=record["name"], partial=record["partial"])
    return scored, plan, _facts(record, scored.notes)


def reopen_counts(folder: RunFolder) -> tuple[ScoringPlan, Sequence[Study], Tally]:
    """Return the plan, the studies and the additive statistics of a finished run."""
    if not folder.record.get("complete"):
        raise InputError(f"{folder.path} is not finished. Give its command again to finish it.")
    plan = ScoringPlan.from_dict(folder.record["plan"])
    studies = read_studies(folder.path / "studies.jsonl", section=plan.section).studies
    stored = folder.read_statistics()
    selected = plan.selected()
    signatures = [one.metric.signature for one in selected]
    for system in folder.record["systems"]:
        if list(stored.get(system, {})) != signatures:
            raise InputError(
                f"{folder.path} was scored by another version of its metrics. Score it again."
            )
    statistics = {name: [stored[name][s] for s in signatures] for name in folder.record["systems"]}
    units, _ = make_units(studies, plan.cluster)
    return plan, studies, Tally(selected, statistics, units)


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
    )
