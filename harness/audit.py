"""The sensitivity audit: what edits of the references do to the scores of metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets import StudySet, read_studies
from harness.scoring import make_test_set, make_units
from harness.scoring_plan import ScoringPlan
from harness.study import Study
from metrics.audit.edits import edits
from metrics.audit.effects import COPY, Audit, measure
from metrics.audit.rules import TEMPLATE
from metrics.evaluation import System
from metrics.results import Score
from metrics.scoring import Tally, per_sample_scores, score_systems, tally
from metrics.statistics import few_units

EMPTY, ONE_TEMPLATE, PRIOR = "empty", "template", "prior"
"""The anchors beside the copy: no text, one normal report for everybody, the prior's report."""


@dataclass(frozen=True)
class AuditRequest:
    """What the command ``audit`` was asked; ``limit`` takes the first studies only."""

    references: Path
    plan: ScoringPlan
    edits: Sequence[str] | None = None
    limit: int | None = None
    max_line_mb: float = 8.0


@dataclass(frozen=True, eq=False)
class Audited:
    """An audit, and what a reader must know of the data it was made on."""

    audit: Audit
    study_set: StudySet
    n: int
    unit: str
    n_units: int
    signatures: dict[str, str]
    notes: list[str]
    request: AuditRequest

    def to_dict(self) -> dict[str, Any]:
        """Return the facts about the run as plain values; without texts."""
        plan = self.request.plan
        return {
            "references": str(self.request.references),
            "references_sha256": self.study_set.sha256,
            "section": plan.section,
            "n": self.n,
            "partial": self.n < len(self.study_set),
            "unit": self.unit,
            "n_units": self.n_units,
            "resamples": plan.resampling.resamples,
            "confidence": plan.resampling.confidence,
            "method": plan.resampling.method,
            "seed": plan.resampling.seed,
            "signatures": self.signatures,
            "notes": self.notes,
        }


def run_audit(
    request: AuditRequest, progress: Callable[[int], None] = lambda samples: None
) -> Audited:
    """Edit the references, score the edited texts against them, and compare.

    Every text is annotated once, whatever the number of edits. The draws of places depend on the
    seed and the text alone.

    Raises
    ------
    InputError
        If the file, a name or a setting is wrong.
    MissingError
        If weights that a metric needs are not on this machine.
    """
    plan, chosen = request.plan, edits(None if request.edits is None else list(request.edits))
    selected = plan.selected()
    study_set = read_studies(
        request.references, section=plan.section, max_line_mb=request.max_line_mb
    )
    studies = study_set.studies[: request.limit]
    units, notes = make_units(studies, plan.cluster)
    texts = [study.reference_texts(plan.section)[0] for study in studies]
    seed = plan.resampling.seed
    edited = {edit.name: [edit.apply(text, seed) for text in texts] for edit in chosen}
    systems = _systems(texts, studies, edited)
    test_set = make_test_set(studies, plan.section)
    counted = tally(selected, test_set, systems, units, progress=progress)
    applied = {name: np.array([one is not None for one in made]) for name, made in edited.items()}
    effects, overall = measure(
        per_sample_scores(counted), applied, chosen, counted.outputs(), units, plan.resampling
    )
    audit = Audit(
        edits=chosen,
        applied={name: int(rows.sum()) for name, rows in applied.items()},
        outputs=counted.outputs(),
        effects=effects,
        overall=overall,
        anchors=_anchors(counted, studies, plan),
    )
    few = few_units(units.n_units, units.name)
    return Audited(
        audit=audit,
        study_set=study_set,
        n=len(studies),
        unit=units.name,
        n_units=units.n_units,
        signatures={key: one.signature for one in counted.selected for key in one.columns},
        notes=[*study_set.notes, *notes, *plan.notes, *([few] if few else [])],
        request=request,
    )


def _systems(
    texts: list[str], studies: Sequence[Study], edited: dict[str, list[str | None]]
) -> dict[str, System]:
    """Return all texts to score, as systems; where an edit does not apply, the copy stands."""
    anchors = {
        COPY: texts,
        EMPTY: [""] * len(texts),
        ONE_TEMPLATE: [TEMPLATE] * len(texts),
        PRIOR: [study.prior_report or "" for study in studies],
    }
    made = {
        name: [text if new is None else new for text, new in zip(texts, one, strict=True)]
        for name, one in edited.items()
    }
    return {name: System(predictions) for name, predictions in {**anchors, **made}.items()}


def _anchors(
    counted: Tally, studies: Sequence[Study], plan: ScoringPlan
) -> dict[str, dict[str, Score]]:
    """Return the scores of copy, empty text and template, and of the prior's report.

    The last is scored over the studies that have one, and left out where none has.
    """
    with_prior = np.array([bool(study.prior_report) for study in studies])
    names = (COPY, EMPTY, ONE_TEMPLATE)
    found = score_systems(_only(counted, names), plan.resampling)
    if with_prior.any():
        found.update(_scores_of(_only(counted, (PRIOR,)), with_prior, plan))
    outputs = list(counted.outputs())
    return {key: {name: scores[key] for name, scores in found.items()} for key in outputs}


def _scores_of(
    counted: Tally, rows: NDArray[np.bool_], plan: ScoringPlan
) -> dict[str, dict[str, Score]]:
    return score_systems(counted.subset(rows.astype(np.float64)), plan.resampling)


def _only(counted: Tally, names: Sequence[str]) -> Tally:
    return replace(counted, statistics={name: counted.statistics[name] for name in names})
